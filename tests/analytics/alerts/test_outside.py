"""The alarms that the filters of Alerts leave out, drawn without a browser."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app
from tests.support.readable_store import Row, build_store
from tests.support.sizes import take_few

AT = datetime.now(UTC)
WEB, MAIL, GONE = "WA1ACMEWEB01", "WA1ACMEMAIL01", "WA1ACMEGONE01"


def test_a_time_range_that_ends_before_the_latest_alarm_does_not_say_that_this_ended_before(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    alert = {"triggers": [{"metric": "cpu", "state": "triggered"}]}
    rows = [
        Row("Server.Created", "ACME", WEB, {"name": WEB}, AT - timedelta(days=20)),
        Row("Alert.Notification", "ACME", WEB, alert, AT - timedelta(hours=1)),
    ]
    store, until = str(build_store(tmp_path / "s.duckdb", rows)), (AT - timedelta(days=10)).isoformat()
    app = make_app(monkeypatch, "alerts", store, until=until).run()
    assert [caption.value for caption in app.caption] == [
        "The latest alarm began after it. Choose a time range above: each of them ends now."
    ]


@pytest.mark.parametrize(
    ("named", "said"),
    take_few(
        [
            ("", "**2 metrics in alarm now**, without 2 of deleted servers"),
            ("nothing", "Outside these filters, 2 metrics are in alarm."),
            ("web", "**1 metric in alarm now**; the filters leave out 1 more"),
            ("gone", "or its server is deleted. Outside these filters, 2 metrics are in alarm."),
        ],
        1,
    ),
)
def test_alarms_of_deleted_servers_are_not_counted_among_those_that_the_filters_leave_out(
    monkeypatch, tmp_path, named, said
):
    monkeypatch.chdir(tmp_path)
    rows = [
        Row("Alert.Notification", "ACME", name, {"triggers": [{"metric": metric, "state": "triggered"}]},
            AT - timedelta(minutes=9))
        for name, metric in ((WEB, "cpu"), (MAIL, "cpu"), (GONE, "cpu"), (GONE, "memory"))
    ]  # fmt: skip
    # An alert may come after its server's deletion, which ends each alarm that began before.
    rows.insert(0, Row("Server.Deleted", "ACME", GONE, {"name": GONE}, AT - timedelta(minutes=15)))
    app = make_app(monkeypatch, "alerts", str(build_store(tmp_path / "s.duckdb", rows)), entity=named).run()
    assert not app.exception
    assert [text.value for text in app.markdown if text.value.endswith(said)]
