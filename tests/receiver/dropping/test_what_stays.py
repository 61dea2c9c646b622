"""A store that has dropped months tells the same as one that has not, of all that came since."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import duckdb
import pytest

from receiver.notification import make_id
from tests.receiver.dropping.histories import APRIL, BEGIN, MARCH, MAY, make_up
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


@pytest.mark.parametrize("seed", take_few(range(4), 2))
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


def alert(at, metric, state):
    told = {"event_type": "Alert.Notification", "category": "Alert", "action": "Notification"}
    body = json.dumps({"triggers": [{"metric": metric, "state": state}]}).encode()
    return notification(7, received_at=at, payload=body, **told)


def ids_in(store):
    return {name for (name,) in store.run("SELECT id::VARCHAR FROM notifications")}


def test_the_last_alert_of_each_metric_and_state_stays_whatever_later_alerts_of_the_server_tell(stores):
    dropping, _ = stores
    told = [("cpu", "triggered"), ("disk", "triggered"), ("cpu", "Triggered"), ("disk", "notTriggered"), ("ram", "?")]
    alerts = [alert(BEGIN + timedelta(days=day), *each) for day, each in enumerate(told, start=1)]
    told_nothing = alerts[0]._replace(
        id=make_id(BEGIN), occurred_at=BEGIN, received_at=BEGIN, payload=b'{"triggers": 1}'
    )
    dropping.append([told_nothing, *alerts])
    dropping.drop(MARCH)
    assert ids_in(dropping) == {str(row.id) for row in alerts}


def test_an_alarm_that_lasted_when_the_kept_months_begin_stays_with_its_begin(stores):
    dropping, _ = stores
    old = [
        alert(BEGIN, "cpu", "triggered"),
        alert(BEGIN + timedelta(days=1), "cpu", "notTriggered"),
        *(alert(BEGIN + timedelta(days=day), "cpu", "triggered") for day in (2, 3, 4)),
        alert(BEGIN + timedelta(days=5), "disk", "triggered"),
    ]
    new = [alert(MARCH + timedelta(days=1), "cpu", "notTriggered"), alert(APRIL, "cpu", "triggered")]
    dropping.append([*old, *new])
    dropping.drop(MARCH)
    assert ids_in(dropping) == {str(row.id) for row in (old[1], old[2], old[4], old[5], *new)}


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
