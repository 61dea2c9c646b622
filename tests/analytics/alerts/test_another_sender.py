"""Alarms in a store where another sender has alerts, servers and names of the same words, drawn without a browser."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from analytics import senders
from analytics.senders.described import Seen, as_sender
from tests.support.dashboard_app import make_app, table_rows
from tests.support.readable_store import Row, build_store, server
from tests.support.sizes import take_few

AT = datetime.now(UTC)
WEB, MAIL = "WA1ACMEWEB01", "WA1ACMEMAIL01"


def alert(name, sender="centurylink"):
    body = {"triggers": [{"metric": "cpu", "state": "triggered"}]}
    return Row("Alert.Notification", "ACME", name, body, AT - timedelta(minutes=9), sender=sender)


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    rows = [
        server("ACME", WEB, received_at=AT - timedelta(minutes=9)),
        alert(WEB),
        server("ACME", WEB, received_at=AT - timedelta(minutes=8), sender="till"),
        server("ACME", MAIL, received_at=AT - timedelta(minutes=8), sender="till"),
        alert(MAIL, sender="till"),
        Row("Server.Deleted", "ACME", WEB, {}, AT - timedelta(minutes=5), sender="till"),
        server("ACME", WEB, received_at=AT - timedelta(minutes=4), sender="till"),
    ]
    file = build_store(tmp_path / "s.duckdb", rows)
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO senders BY NAME SELECT 'till' AS name, 'Till' AS title, '{}' AS description")
    seen = [Seen(f"{category}.Updated", category) for category in ("Server", "Alert")]
    senders.learn([as_sender("till", "Till", "{}", seen)])

    def run(page, **parameters):
        app = make_app(monkeypatch, page, str(file), **parameters).run()
        assert not app.exception
        return app

    yield run
    senders.learn([])


def test_a_server_in_alarm_is_not_deleted_where_another_senders_of_the_same_name_is(open_page):
    app = open_page("alerts")
    assert [text.value for text in app.markdown if "in alarm now**" in text.value] == ["**1 metric in alarm now**"]
    assert {str(row[0]) for row in table_rows(app) if MAIL in map(str, row)} == set()


@pytest.mark.parametrize(("sender", "alarms"), take_few([("centurylink", 1), ("till", 0)], 1))
def test_an_entity_has_the_alarms_of_its_own_sender(open_page, sender, alarms):
    app = open_page("entity", category="Server", name=WEB, sender=sender)
    assert next(text.value for text in app.text) == WEB
    assert len([button for button in app.button if "In alarm" in button.label]) == alarms
