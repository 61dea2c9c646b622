"""The rows of lists keep their places: under the pointer, and on the pages of a list that grows."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import find_tables, make_app
from tests.support.readable_store import MIDDAY, Changed, Refused, build_store, hostile_refusals, many_rows, server
from tests.support.sizes import take_few


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(page, location, values):
        app = make_app(monkeypatch, page, location)
        for name, value in values.items():
            app.query_params[name] = value
        return app.run()

    return run


LISTS = {
    "Accounts, each with the number of all below it",
    "Actions of this user, newest first",
    "Alarms of this time range",
    "Changes, newest first",
    "Entities, most recently active first",
    "Flapping, most alarms first",
    "In alarm now",
    "Notifications, newest first",
    "Refused notifications, newest first",
    "Users and servers of this account",
    "Sub-accounts",
    "Timeline of this entity, newest first",
    "Why notifications were refused, and what to do",
}


@pytest.mark.full
def test_in_each_list_that_leads_elsewhere_rows_wait_for_the_pointer_to_leave(open_page, tmp_path):
    now = datetime.now(UTC)
    rows = list(many_rows(200, now, days=5))
    host, seq = next((row.entity_id, seq) for seq, row in enumerate(rows, 1) if row.event_type == "Server.Updated")
    changes = [Changed(seq, "status", "changed", '"active"', '"archived"')]
    store = str(build_store(tmp_path / "store.duckdb", rows, hostile_refusals(now), changes))
    everything = {"range": "all"}
    views = [
        ("activity", everything | {"accounts-as": "Tree"}),
        ("alerts", everything | {"flapping": "1"}),
        ("audit", everything),
        ("entity", {"named": "WA1"}),
        ("entity", {"category": "Server", "name": host}),
        ("entity", {"category": "Account", "name": "ROOT"}),
        ("entity", {"category": "User", "name": rows[seq - 1].actor.upper()}),
        ("notifications", {"range": "all"}),
        ("notifications", {"list": "Refused"}),
    ]
    tables = [table for page, values in views for table in find_tables(open_page(page, store, values))]
    leading = [table for table in tables if any(column["opens"] for column in table["columns"])]
    assert {table["alt"] for table in leading} >= LISTS
    assert {table["alt"] for table in leading if not table["steady"]} == set()


@pytest.mark.full
def test_another_page_of_a_timeline_is_another_list_though_the_address_has_only_its_step(open_page, tmp_path):
    rows = [server("ACME", "WEB", received_at=MIDDAY + timedelta(minutes=n)) for n in range(40)]
    store = str(build_store(tmp_path / "store.duckdb", rows))
    steady = {
        table["steady"]
        for step in ("40", "39", "2")
        for table in find_tables(open_page("entity", store, {"category": "Server", "name": "WEB", "step": step}))
        if table["alt"].startswith("Timeline")
    }
    assert len(steady) == 2


def list_times(app, alt):
    """Return the times of a list's rows."""
    return [row["cells"][0] for table in find_tables(app) if table["alt"].startswith(alt) for row in table["rows"]]


@pytest.mark.parametrize(
    ("page", "values", "alt"),
    take_few(
        [
            ("entity", {"category": "Server", "name": "WEB"}, "Timeline"),
            ("notifications", {"list": "Refused"}, "Refused notifications"),
        ],
        1,
    ),
)
def test_an_older_page_keeps_its_rows_when_something_new_comes(open_page, tmp_path, page, values, alt):
    begin = datetime.now(UTC) - timedelta(hours=2)

    def make_store(name, *more):
        times = [*(begin + timedelta(minutes=minute) for minute in range(110)), *more]
        servers = [server("ACME", "WEB", received_at=at) for at in times]
        return str(
            build_store(tmp_path / name, servers, [Refused("not_json", "/", b"{", received_at=at) for at in times])
        )

    app = open_page(page, make_store("before.duckdb"), values)
    newest = list_times(app, alt)
    app.button(key="older").click().run()
    older = list_times(app, alt)
    assert not {*newest} & {*older}
    address = {name: "".join(value) for name, value in app.query_params.items()}
    again = open_page(page, make_store("after.duckdb", datetime.now(UTC)), address)
    assert list_times(again, alt) == older
    again.button(key="newer").click().run()
    assert list_times(again, alt)[1:] == newest[:-1]
    assert "until" not in again.query_params
