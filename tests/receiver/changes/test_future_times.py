"""What happened last where a sender's own time lies after the receipt: nothing happens after it came."""

from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st

import analytics
from analytics import queries
from analytics.charts import alarms
from tests.support.dashboard_app import age_lines, make_app, table_rows
from tests.support.readable_store import MIDDAY, Row, account, build_store, server

NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEB, DB = "WA1ACMEWEB01", "WA1ACMEDB01"


def alert(minutes, state, **columns):
    begun = {"stateStartTime": f"{NEVER:%Y-%m-%dT%H:%M:%SZ}", "duration": "00:05:00"}
    body = {"serverName": WEB, "triggers": [{"metric": "cpu", "state": state, **begun}]}
    return Row("Alert.Notification", "ACME", WEB, body, MIDDAY + minutes * MINUTE, **columns)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    rows = [
        account("ACME", "Acme", None),
        server("ACME", WEB, actor="eve", received_at=MIDDAY + MINUTE, occurred_at=NEVER),
        server("OTHR", WEB, actor="eve", received_at=MIDDAY + 2 * MINUTE),
        alert(3, "triggered", occurred_at=NEVER),
        alert(4, "notTriggered"),
        server("ACME", DB, received_at=MIDDAY + 5 * MINUTE, occurred_at=NEVER),
        server("ACME", DB, event_type="Server.Deleted", received_at=MIDDAY + 6 * MINUTE),
    ]
    return str(build_store(tmp_path_factory.mktemp("store") / "s.duckdb", rows))


@pytest.fixture(scope="module")
def ask(file):
    with analytics.connect(file) as client:
        yield lambda name, **values: client.df(*queries.make_query(name, values))


def test_the_latest_state_of_an_entity_is_what_came_last(ask):
    found = ask("entity", category="Server", entity=WEB, at=MIDDAY + 1.5 * MINUTE, at_seq=9).iloc[0]
    assert (found["last_seq"], found["seq_then"], found["account_alias"]) == (3, 2, "OTHR")
    assert found["last_at"] == MIDDAY + 4 * MINUTE
    assert bool(ask("entity", category="Server", entity=DB).iloc[0]["deleted"])


def test_a_timeline_and_the_ways_along_it_are_in_the_order_of_receipt(ask):
    rows = ask("entity_notifications", category="Server", entity=WEB, page_rows=9, position=0)
    assert list(rows["seq"]) == [5, 4, 3, 2]
    assert list(rows["occurred_at"]) == [MIDDAY + minutes * MINUTE for minutes in (4, 3, 2, 1)]
    assert list(ask("entity_position", category="Server", entity=WEB, step=2)["newer"]) == [3]
    near = ask("entity_neighbours", seq=3).iloc[0]
    assert (near["earlier"], near["later"], near["earlier_ones"]) == (2, 4, 1)
    assert list(ask("acts_of_user", entity="EVE", page_rows=9)["seq"]) == [3, 2]
    ids = list(ask("entity_notifications", category="Server", entity=WEB, page_rows=9, position=0)["id"].astype(str))
    assert list(ask("notifications_by_id", ids=ids, page_rows=9)["seq"]) == [2, 3, 4, 5]


def test_lists_of_entities_take_no_time_to_come_for_the_latest(ask):
    found = ask("entities_found", named="WA1", page_rows=9)
    assert list(found["last_at"]) == [MIDDAY + 6 * MINUTE, MIDDAY + 4 * MINUTE]
    assert list(found["account_alias"]) == ["ACME", "OTHR"]
    servers = ask("entities_of_account", alias="ACME", page_rows=9).set_index("entity_id")
    assert bool(servers.loc[DB, "deleted"])
    assert list(ask("alert_servers_deleted", ids=[WEB, DB])["entity_id"]) == [DB]


def test_an_alarm_that_begins_in_a_time_to_come_ends_with_the_alert_that_ends_it(ask):
    [alarm] = alarms.find_alarms(ask("alert_states", first=1, last=9)).itertuples()
    assert (alarm.begin, alarm.end) == (MIDDAY + 3 * MINUTE, MIDDAY + 4 * MINUTE)


@pytest.mark.full
def test_pages_have_a_notification_of_a_time_to_come_where_it_came_in_a_zone_that_has_no_such_time(
    file, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(type(st.context), "timezone", "Europe/Berlin")

    def draw(page, **named):
        app = make_app(monkeypatch, page, file, **named).run()
        assert not app.exception
        return app

    assert ["Occurred", "9999-12-31 23:59:59 UTC"] in table_rows(draw("notifications", seq="2"))
    steps = age_lines(draw("entity", category="Server", name=WEB, step="2"))
    assert "step 1 of 4, 2026-03-02 13:01:00 Berlin, ." in steps
