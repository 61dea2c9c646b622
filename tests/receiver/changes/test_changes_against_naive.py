"""`changes` against a second differ that shares no code with the first, on simulated, generated and odd bodies."""

import itertools
import logging
import random
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.changes import differ
from receiver.changes.change import Change, Snapshot
from receiver.changes.differ import Differ
from receiver.database.opening import run
from receiver.notification import make_id
from receiver.senders import CENTURYLINK
from receiver.senders.centurylink.events import classify, find_event_by_name
from receiver.senders.request import parse_body
from receiver.senders.sender import Event
from receiver.simulator.history import Simulation
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.changes_applied import applied
from tests.support.changes_bodies import BODIES, ODDEST, in_old_form, notifications, odd_notifications, respelled
from tests.support.database import open_database
from tests.support.naive_differ import Row, State, Stored, bare, in_new_form, naive_changes, naive_state, naive_table
from tests.support.rows import NOON, notification, notification_of
from tests.support.sizes import size
from tests.support.way_in import open_rows

SIMULATED = size(2_500, 10_500)
STORED = ", ".join(Stored._fields)
CHANGES = """
    SELECT notification_id, seq, changed_at, category, entity_id, account_alias, actor, path, kind, noise,
           old_value::VARCHAR, new_value::VARCHAR
    FROM changes
"""
UNSEEN = Change("", "unseen", False, None, None)
CAME_BACK = Change("", "added", False, '"deleted"', None)

changes_of = partial(differ.list_changes, Differ(CENTURYLINK.comparison))


def generated(examples):
    return settings(max_examples=size(examples // 5, examples), deadline=None, suppress_health_check=list(HealthCheck))


def known(state):
    alive = state.alive.payload if state and state.alive else b""
    return state and Snapshot(state.category, state.action, state.payload, undeleted=alive)


def simulated():
    """Make what the simulator sends, with more copies, and some in the old form, without action, or at one moment."""
    rng = random.Random(20260304)
    sent, moments, last = [], {}, None
    seed = size(12, 11)  # of few notifications of another seed none deletes an account
    for outgoing in Simulation(seed).make_history(SIMULATED / 233, NOON.timestamp(), SIMULATED):
        if last == (outgoing.occurred_at, outgoing.body):  # a copy
            sent.append(sent[-1]._replace(id=make_id(NOON)))
            continue
        last = (outgoing.occurred_at, outgoing.body)
        received_at = datetime.fromtimestamp(outgoing.received_at, UTC)
        event = find_event_by_name(outgoing.event_type)
        if event.action == "Updated" and rng.random() < 0.2:
            event = Event(event.category, None)
        body, payload = parse_body(outgoing.body), outgoing.body
        if rng.random() < 0.15 and (
            event.category == "Account" or (event.category == "Server" and "cpu" in details(body))
        ):
            body = in_old_form(event.category, body)
            payload = orjson.dumps(body)
        columns = classify(event, body, received_at)
        before = moments.setdefault((columns.category, columns.entity_id), columns.occurred_at)
        if rng.random() < 0.02:
            columns = columns._replace(occurred_at=before)
        moments[columns.category, columns.entity_id] = columns.occurred_at
        sent.append(notification_of(columns, received_at, payload))
        if rng.random() < 0.02:
            sent.append(sent[-1]._replace(id=make_id(NOON), received_at=received_at + timedelta(seconds=rng.random())))
    return delayed(rng, sent)


def details(body):
    return body.get("details") or {}


def delayed(rng, sent):
    """Let some notifications arrive after others that happened later: a few places, or thousands."""
    places = {
        row.id: place + (rng.choice([2, 30, 3_000]) * rng.random() if rng.random() < 0.1 else 0)
        for place, row in enumerate(sent)
    }
    return sorted(sent, key=lambda row: places[row.id])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store whose appender took the simulated notifications in batches of all sizes, and started anew at times."""
    directory = tmp_path_factory.mktemp("changes")
    rng = random.Random(5)
    spool = SpoolWriter(directory / "spool", rows_per_segment=100_000)
    connection = open_database(directory / "clc.duckdb")
    left, appender = simulated(), None
    while left:
        size = rng.choice([1, 7, 300, 900, 2_500])
        spool.append_all(left[:size])
        left = left[size:]
        if appender is None or rng.random() < 0.1:
            appender = Appender(
                connection.cursor(),
                open_rows(directory),
                directory,
                duplicate_window_seconds=10,
            )
        while appender.append_new():
            pass
    yield connection
    spool.close()
    connection.close()


@pytest.fixture(scope="module")
def stored(store):
    return [Stored(*row) for row in run(store, f"SELECT {STORED} FROM notifications ORDER BY seq")]


def test_changes_of_thousands_of_simulated_notifications_are_the_naive_differs_row_for_row(store, stored):
    found, expected = Counter(run(store, CHANGES)), Counter(naive_table(stored))
    assert list((found - expected).elements())[:5] == []
    assert list((expected - found).elements())[:5] == []


def test_the_simulated_notifications_are_of_every_sort_that_matters(store, stored):
    latest = {}
    sorts = Counter()
    for one in stored:
        if one.duplicate_of or one.category == "Alert":
            sorts["copies" if one.duplicate_of else "alerts"] += 1
            continue
        entity = one.category, one.entity_id
        place = min(one.occurred_at, one.received_at), one.seq
        sorts["late"] += place < latest.get(entity, place)
        sorts["at one moment"] += place[0] == latest.get(entity, (None,))[0]
        latest[entity] = max(place, latest.get(entity, place))
        sorts["old form"] += in_new_form(one.category, orjson.loads(one.payload))[1]
        sorts["action not known"] += one.action is None
        sorts[f"{one.category} {one.action}"] += 1
    assert len(stored) >= SIMULATED * 0.95
    least = {"copies": 200, "alerts": 100, "late": 200, "at one moment": 50, "old form": 200, "action not known": 200}
    least = {sort: number * SIMULATED // 10_500 for sort, number in least.items()}
    least |= {f"{category} {action}": 1 for category in BODIES for action in ("Created", "Updated", "Deleted")}
    assert {sort: sorts[sort] for sort, number in least.items() if sorts[sort] < number} == {}
    kinds = run(store, "SELECT kind, noise FROM changes GROUP BY ALL ORDER BY ALL")
    assert kinds == [
        ("added", False), ("added", True), ("changed", False), ("changed", True), ("removed", False),
        ("removed", True), ("unseen", False),
    ]  # fmt: skip


def test_an_entitys_changes_lead_from_its_first_body_to_its_last(store, stored):
    rows = {}
    for seq, *row in run(store, "SELECT seq, path, kind, noise, old_value, new_value FROM changes"):
        rows.setdefault(seq, []).append(Row(*row))
    histories = {}
    for one in sorted(stored, key=lambda one: (min(one.occurred_at, one.received_at), one.seq)):
        if not one.duplicate_of and one.category != "Alert":
            histories.setdefault((one.category, one.entity_id), []).append(one)
    ends = 0
    for history in histories.values():
        states = [one for one in history if one.category != "Server" or one.action != "Deleted"]
        if states:
            body = in_new_form(states[0].category, orjson.loads(states[0].payload))[0]
            for one in states[1:]:
                body = applied(body, rows.get(one.seq, ()))
            assert bare(body) == bare(in_new_form(states[-1].category, orjson.loads(states[-1].payload))[0])
            ends += len(states) > 1
    assert ends > 300 * SIMULATED // 10_500


@pytest.mark.parametrize(("category", "examples"), [("Server", 500), ("Account", 150), ("User", 100)])
def test_changes_of_any_bodies_are_the_naive_differs(category, examples):
    @generated(examples)
    @given(notifications(category))
    def hold(states):
        before = None
        for now in states:
            found = [Row(*change[:5]) for change in changes_of(known(before), known(now))]
            assert sorted(found, key=repr) == sorted(naive_changes(before, now), key=repr)
            before = naive_state(before, now)

    hold()


@pytest.mark.parametrize(("category", "examples"), [("Server", 300), ("Account", 100), ("User", 50)])
def test_changes_of_any_bodies_lead_from_one_to_the_next(category, examples):
    @generated(examples)
    @given(notifications(category))
    def hold(states):
        updates = [state._replace(action="Updated") for state in states]
        body, _ = in_new_form(category, orjson.loads(updates[0].payload))
        for before, now in itertools.pairwise(updates):
            body = applied(body, [Row(*change[:5]) for change in changes_of(known(before), known(now))])
        assert bare(body) == bare(in_new_form(category, orjson.loads(updates[-1].payload))[0])

    hold()


@pytest.mark.parametrize("category", BODIES)
def test_another_order_number_spelling_or_case_of_ids_is_no_difference(category):
    @generated(100)
    @given(BODIES[category].flatmap(lambda body: st.tuples(st.just(body), respelled(body))))
    def hold(pair):
        before, now = (State(category, "Updated", orjson.dumps(body)) for body in pair)
        assert changes_of(known(before), known(now)) == [UNSEEN]
        assert changes_of(known(before), known(now._replace(action=None))) == [UNSEEN]
        assert changes_of(known(before), known(now._replace(action="Created"))) == []

    hold()


def test_no_body_stops_the_comparison_and_every_value_is_json_to_duckdb(store, caplog):
    caplog.set_level(logging.ERROR, "receiver.changes")

    @generated(250)
    @given(odd_notifications(), odd_notifications())
    def hold(before, now):
        now = now._replace(category=before.category)
        deleted = now._replace(action="Deleted")
        rows = [
            row for pair in ((before, now), (now, before), (before, deleted)) for row in changes_of(*map(known, pair))
        ]
        values = [text for row in rows for text in (row.old_value, row.new_value) if text is not None]
        assert len(run(store, "SELECT unnest(?::VARCHAR[])::JSON", [values])) == len(values)
        assert len(run(store, "SELECT unnest(?::VARCHAR[])", [[row.path for row in rows]])) == len(rows)
        assert changes_of(known(now), known(now._replace(action="Updated"))) in ([UNSEEN], [CAME_BACK])

    hold()


def test_no_body_is_set_aside_for_what_it_changes(tmp_path, caplog):
    caplog.set_level(logging.ERROR, "receiver.changes")
    odd = [f'{{"name":"x","odd":{value}}}'.encode() for value in ODDEST] + [b"{}", b'{"name":"x"}']
    rows = [
        notification(number, entity_id="X", category=category, action=action, event_type=None, payload=body)
        for category in ("Server", "User")
        for number, (body, action) in enumerate(itertools.product(odd, ("Updated", "Deleted", "Updated", None)))
    ]
    with closing(SpoolWriter(tmp_path / "spool", rows_per_segment=1_000)) as spool:
        spool.append_all(rows)
    with closing(open_database(tmp_path / "clc.duckdb")) as connection:
        appender = Appender(connection, open_rows(tmp_path), tmp_path, duplicate_window_seconds=0)
        while appender.append_new():
            pass
        assert appender.set_aside == 0
        assert run(connection, "SELECT count(*) FROM notifications") == [(len(rows),)]
        assert run(connection, "SELECT count(DISTINCT seq) FROM changes") == [(len(rows),)]
