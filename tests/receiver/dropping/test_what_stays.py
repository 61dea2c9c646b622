"""A store that has dropped months tells the same as one that has not, of all that came since."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import duckdb
import pytest

from receiver.notification import make_id
from tests.receiver.dropping.histories import APRIL, BEGIN, MARCH, MAY, alert, deletion, make_up, make_up_alerts
from tests.receiver.dropping.stores import ACCOUNTS, CHANGES, STATES, Store
from tests.support.rows import notification
from tests.support.sizes import take_few


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Two stores: one for the drops, and one that keeps all."""
    monkeypatch.setattr("receiver.store.arranging.COUNTED_AT_ONCE", 40)
    pair = [Store(tmp_path / name) for name in ("dropping", "whole")]
    yield pair
    for store in pair:
        store.close()


def agree(dropping, whole, since):
    seqs = dropping.open_seqs(since)
    for query, parameters in ((STATES, None), (ACCOUNTS, None), (CHANGES, [seqs])):
        assert dropping.run(query, parameters) == whole.run(query, parameters)
    assert dropping.violations() == []
    return len(seqs)


@pytest.mark.parametrize("seed", take_few(range(4), 1))
def test_states_and_changes_are_those_of_a_store_that_keeps_all(stores, seed):
    dropping, whole = stores
    history = make_up(seed, BEGIN, APRIL, 300)
    for store in stores:
        store.append(history)
    dropping.drop(MARCH)
    assert dropping.run("SELECT count(*) < 200 FROM notifications WHERE received_at < ?", [MARCH]) == [(True,)]
    agree(dropping, whole, MARCH)
    assert dropping.run("SELECT count(*) FROM counted") == [(0,)]
    later, old = make_up(seed + 100, APRIL, MAY, 60), make_up(seed + 200, BEGIN, MARCH, 9)
    rows = [*later[:30], *old, *later[30:]]
    for store, size in ((dropping, 5), (whole, 17)):
        for start in range(0, len(rows), size):
            store.append(rows[start : start + size])
    assert agree(dropping, whole, MARCH) > 50
    old_ids = [str(row.id) for row in old]
    assert dropping.run("FROM changes WHERE notification_id IN (SELECT unnest(?::UUID[]))", [old_ids]) == []
    for again in (dropping.rebuild, lambda: dropping.drop(MARCH), lambda: dropping.drop(APRIL), dropping.rebuild):
        again()
        agree(dropping, whole, APRIL)


def test_what_a_row_that_stays_was_compared_with_stays_and_nothing_else_of_the_entity_but_its_last_state(stores):
    dropping, _ = stores
    days = [timedelta(days=day) for day in (0, 1, 20, 30)]
    first, compared, replaced, last = (notification(7, received_at=BEGIN + day) for day in days)
    late = notification(7, received_at=MARCH, occurred_at=BEGIN + timedelta(days=2))
    deletion = notification(7, received_at=BEGIN + timedelta(days=40), action="Deleted", event_type="User.Deleted")
    dropping.append([first, compared, replaced, last, deletion, late])
    dropping.drop(MARCH)
    stayed = {str(row.id) for row in (compared, last, deletion, late)}
    assert {name for (name,) in dropping.run("SELECT id::VARCHAR FROM notifications")} == stayed


def in_slack(event_type, received_at, channel):
    """Make a notification of Slack's channel C1, by user U1."""
    event = {"type": event_type, "channel": channel, "user": "U1"}
    return notification(
        sender="slack",
        category="channel",
        event_type=event_type,
        action="Updated",
        entity_id="C1",
        received_at=received_at,
        occurred_at=received_at,
        payload=json.dumps({"event": event}).encode(),
    )


def test_the_last_state_stays_though_events_that_state_nothing_came_after_it(stores):
    dropping, whole = stores
    days = [BEGIN + timedelta(days=day) for day in range(1, 6)]
    named = [in_slack("channel_rename", at, {"id": "C1", "name": name}) for at, name in zip(days, "ab", strict=False)]
    joined = [in_slack("member_joined_channel", at, "C1") for at in days[2:]]
    for store in stores:
        store.append([*named, *joined])
    dropping.drop(MARCH)
    assert set(dropping.run("SELECT id FROM notifications")) == {(named[1].id,), (joined[-1].id,)}
    old = in_slack("member_left_channel", days[3] + timedelta(hours=1), "C1")
    later = [
        in_slack("member_left_channel", APRIL, "C1"),
        in_slack("channel_rename", APRIL + timedelta(days=1), {"id": "C1", "name": "c"}),
    ]
    for store in stores:
        store.append([old, *later])
    assert agree(dropping, whole, MARCH) == 2
    changes = "SELECT path, old_value::VARCHAR FROM changes WHERE seq > 5 AND NOT noise ORDER BY seq"
    assert dropping.run(changes) == [("members[U1]", '"U1"'), ("name", '"b"')]


def test_what_told_an_accounts_name_and_its_parent_last_stays(stores):
    told = [{"businessName": "Old", "parentAlias": "ELSE"}, {"parentAlias": "ROOT"}, {"businessName": "Acme"}, {}, {}]
    rows = [
        notification(
            number,
            received_at=BEGIN + timedelta(days=number),
            event_type="Account.Updated",
            category="Account",
            account_alias="ACME",
            entity_id="ACME",
            payload=json.dumps({"accountAlias": "ACME", "number": number, **body}).encode(),
        )
        for number, body in enumerate(told)
    ]
    for store in stores:
        store.append(rows)
    dropping, whole = stores
    dropping.drop(MARCH)
    assert dropping.run("SELECT payload ->> 'number' FROM notifications ORDER BY seq") == [("1",), ("2",), ("4",)]
    dropping.rebuild()
    agree(dropping, whole, MARCH)
    assert ("ACME", "Acme", "ROOT") in dropping.run("SELECT alias, business_name, parent_alias FROM accounts")


def on_day(day, state, metric="cpu", **changed):
    return alert({"metric": metric, "state": state}, received_at=BEGIN + timedelta(days=day), **changed)


def ids_in(store):
    return {name for (name,) in store.run("SELECT id::VARCHAR FROM notifications")}


def test_of_each_metric_the_last_alert_stays_and_those_that_began_its_last_two_states(stores):
    dropping, _ = stores
    told = [("cpu", "triggered"), ("disk", "triggered"), ("cpu", "Triggered"), ("disk", "notTriggered"), ("ram", "?")]
    alerts = [on_day(day, state, metric) for day, (metric, state) in enumerate(told, start=1)]
    told_nothing = alerts[0]._replace(
        id=make_id(BEGIN), occurred_at=BEGIN, received_at=BEGIN, payload=b'{"triggers": 1}'
    )
    dropping.append([told_nothing, *alerts])
    dropping.drop(MARCH)
    assert ids_in(dropping) == {str(row.id) for row in alerts}


def test_an_alarm_that_lasted_when_the_kept_months_begin_stays_with_its_begin(stores):
    dropping, _ = stores
    old = [
        on_day(0, "triggered"),
        on_day(1, "notTriggered"),
        *(on_day(day, "triggered") for day in (2, 3, 4)),
        on_day(5, "triggered", "disk"),
    ]
    new = [on_day(60, "notTriggered"), on_day(90, "triggered")]
    dropping.append([*old, *new])
    dropping.drop(MARCH)
    assert ids_in(dropping) == {str(row.id) for row in (old[1], old[2], old[4], old[5], *new)}


@pytest.mark.parametrize("seed", take_few(range(8), 1))
def test_alarms_since_a_drop_are_those_of_a_store_that_keeps_all(stores, seed):
    dropping, whole = stores
    later = make_up_alerts(seed, APRIL, MAY, 40)
    # An alert that comes after a drop and happened before it is compared only with those that are still there.
    later = [row for row in later if row.occurred_at >= MARCH + timedelta(days=9)]
    for rows in (make_up_alerts(seed, BEGIN, APRIL, 150), later):
        for store in stores:
            store.append(rows)
        dropping.drop(MARCH)
        assert dropping.list_alarms(MARCH) == whole.list_alarms(MARCH)
    assert len(whole.list_alarms(MARCH)) > 20
    dropping.drop(APRIL)
    assert dropping.list_alarms(APRIL) == whole.list_alarms(APRIL)
    assert dropping.run("SELECT count(*) < 40 FROM notifications WHERE received_at < ?", [MARCH]) == [(True,)]


@pytest.mark.parametrize(
    ("alerts", "begin"),
    take_few(
        [
            ([on_day(1, "triggered", entity_id=None), on_day(2, "triggered")], 1),
            ([*(on_day(day, "triggered") for day in (1, 3, 4, 5)), deletion(received_at=BEGIN + timedelta(days=2))], 3),
            ([on_day(1, "triggered"), on_day(2, "unknown"), on_day(3, "triggered")], 1),
            (
                [
                    *(on_day(day, "triggered") for day in (1, 3, 4)),
                    on_day(61, "notTriggered", occurred_at=BEGIN + timedelta(days=2)),
                ],
                3,
            ),
            (
                [
                    alert(
                        {"metric": "cpu", "state": "triggered", "stateStartTime": f"2026-01-0{day}T00:00:00Z"},
                        {"metric": "disk", "state": "notTriggered", "stateEndTime": "2026-01-09T00:00:00Z"},
                        received_at=BEGIN + timedelta(days=8),
                    )
                    for day in (4, 2, 5)
                ],
                1,
            ),
        ],
        2,
    ),
    ids=take_few(["no server", "deleted between", "a state that is none", "late", "each trigger has its time"], 2),
)
def test_an_alarm_that_lasts_begins_after_a_drop_when_it_began(stores, alerts, begin):
    dropping, _ = stores
    dropping.append(alerts)
    dropping.drop(MARCH)
    (alarm, *_) = dropping.list_alarms(MARCH)
    assert str(BEGIN + timedelta(days=begin)) in alarm


@pytest.mark.parametrize(
    "late",
    [
        notification(9, received_at=BEGIN + timedelta(days=2)),
        notification(7, received_at=APRIL, occurred_at=BEGIN + timedelta(days=2)),
    ],
    ids=["old", "a replay"],
)
def test_nothing_goes_if_a_row_came_since_the_lake_was_looked_at_that_may_concern_it(stores, late):
    dropping, _ = stores
    dropping.append([notification(7, received_at=BEGIN + timedelta(days=day)) for day in range(5)])
    dropping.append([notification(8, received_at=APRIL)])
    looked_at = 6
    dropping.append([late])
    assert not dropping.dropper.drop(MARCH, looked_at)
    dropping.append([notification(8, received_at=APRIL + timedelta(days=1))])
    assert dropping.dropper.drop(MARCH, looked_at + 1)


def test_months_go_once_a_look_for_rows_to_arrange_has_ended(stores):
    dropping, _ = stores
    dropping.append([notification(7, received_at=BEGIN + timedelta(days=day)) for day in range(3)])
    with ThreadPoolExecutor() as threads:
        with dropping.loop.may_arrange():
            drop = threads.submit(dropping.dropper.drop, MARCH, 3)
            assert not wait([drop], timeout=0.1).done
        assert drop.result(60)
    assert dropping.run("SELECT count(*) FROM notifications") == [(1,)]


def test_nothing_goes_if_the_store_stops_while_a_drop_waits(stores):
    dropping, _ = stores
    dropping.append([notification(7, received_at=BEGIN + timedelta(days=day)) for day in range(3)])
    with ThreadPoolExecutor() as threads:
        with dropping.loop.may_arrange():
            drop = threads.submit(dropping.dropper.drop, MARCH, 3)
            dropping.dropper.interrupt()
        with pytest.raises(duckdb.InterruptException, match="The store stops"):
            drop.result(60)
    assert dropping.run("SELECT count(*) FROM notifications") == [(3,)]


def test_nothing_goes_while_changes_are_derived_again(stores):
    dropping, _ = stores
    dropping.append([notification(7, received_at=BEGIN + timedelta(days=day)) for day in range(5)])
    dropping.loop.begin_rebuild()
    assert not dropping.dropper.drop(MARCH, 5)
    assert dropping.run("FROM dropped") == []


@pytest.mark.parametrize(
    "query", take_few(["WITH received", "epoch_us(changed_at)", "sum(position)", "max(position)", "WHERE seq <= ?"], 1)
)
def test_a_check_finds_nothing_wrong_where_more_is_dropped_meanwhile(stores, monkeypatch, query):
    dropping, _ = stores
    dropping.append(make_up(1, BEGIN, APRIL, 80))
    dropping.drop(BEGIN + timedelta(days=31))
    read_rows, drops = dropping.read_rows, [MARCH]

    def read_after_a_drop(sql, parameters):
        if query in sql and drops:
            dropping.drop(drops.pop())
        return read_rows(sql, parameters)

    monkeypatch.setattr(dropping, "read_rows", read_after_a_drop)
    assert dropping.violations() == []
    assert drops == []
