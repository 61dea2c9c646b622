"""Copies: the same body again within the window, and the same delivery at any time."""

import math
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from receiver.database.opening import run
from receiver.deriving.tables import derive_delivery_ids
from tests.receiver.store.appenders import make_appender
from tests.support.rows import NOON, notification
from tests.support.sizes import take_few


def copy_of(row, seconds, **changed):
    return notification(
        row, entity_id="SAME", payload=b'{"same":1}', received_at=NOON + timedelta(seconds=seconds), **changed
    )


def duplicates(store):
    return [bool(duplicate) for (duplicate,) in run(store, "SELECT duplicate_of FROM notifications ORDER BY seq")]


def test_a_copy_within_the_window_names_its_original(store, spool, tmp_path):
    spool.append_all([copy_of(1, 0), copy_of(2, 2)])
    make_appender(store, tmp_path).append_new()
    first, second = run(store, "SELECT id, duplicate_of FROM notifications ORDER BY seq")
    assert first[1] is None
    assert second[1] == first[0]
    assert run(store, "SELECT count(*) FROM events") == [(1,)]


def test_the_window_counts_from_the_original_and_ends(store, spool, tmp_path):
    spool.append_all([copy_of(1, 0), copy_of(2, 8), copy_of(3, 16), copy_of(4, 24)])
    make_appender(store, tmp_path).append_new()
    assert duplicates(store) == [False, True, False, True]


def test_another_body_in_between_another_event_or_another_entity_is_no_copy(store, spool, tmp_path):
    spool.append_all(
        [
            copy_of(1, 0),
            copy_of(2, 1)._replace(payload=b'{"same":2}'),
            copy_of(3, 2),
            copy_of(4, 3, event_type="User.Created", action="Created"),
            copy_of(5, 3, category="Alert"),
            copy_of(6, 4, event_type="User.Created", action="Created")._replace(entity_id="OTHER"),
            copy_of(7, 4)._replace(entity_id=None),
            copy_of(8, 4)._replace(entity_id=None),
        ]
    )
    make_appender(store, tmp_path).append_new()
    assert duplicates(store) == [False] * 8


def test_a_late_one_is_no_copy_of_one_behind_another_body(store, spool, tmp_path):
    def row(number, entity, seconds, body):
        return copy_of(number, seconds)._replace(entity_id=entity, payload=b'{"same":%d}' % body)

    in_time = [(seconds, body) for body, seconds in enumerate((0, 2, 6))]
    spool.append_all([row(number, entity, *each) for entity in ("ONE", "TWO") for number, each in enumerate(in_time)])
    make_appender(store, tmp_path).append_new()
    spool.append_all([row(7, "ONE", 1, 2), row(8, "TWO", 3, 0)])
    make_appender(store, tmp_path).append_new()
    assert duplicates(store) == [False] * 8


def delivery(number, minutes, **changed):
    """Make a notification of the delivery `d1`; each has an id of its own, and they are minutes apart."""
    return copy_of(number, 60 * minutes, **{"delivery_id": "d1", "sender": "another", **changed})


def originals(store):
    """Return the `seq` of each notification's original."""
    return [
        seq
        for (seq,) in run(
            store,
            "SELECT original.seq FROM notifications AS copy "
            "LEFT JOIN notifications AS original ON original.id = copy.duplicate_of ORDER BY copy.seq",
        )
    ]


@pytest.mark.parametrize("together", [True, False])
def test_a_delivery_that_comes_again_is_a_copy_at_any_time(store, spool, tmp_path, together):
    rows = [delivery(1, 0), delivery(2, 600), delivery(3, 1200)._replace(entity_id=None), delivery(4, 1800)]
    for batch in [rows] if together else [[row] for row in rows]:
        spool.append_all(batch)
        make_appender(store, tmp_path).append_new()
    assert originals(store) == [None, 1, 1, 1]
    assert run(store, "SELECT seq FROM delivery_ids") == [(1,)]


def test_another_id_body_event_or_sender_is_another_delivery_and_a_bad_signature_is_none(store, spool, tmp_path):
    rows = [
        delivery(1, 0, signature_status="invalid"),
        delivery(2, 10),
        delivery(3, 20, delivery_id="d2"),
        delivery(4, 30)._replace(payload=b'{"same":2}'),
        delivery(5, 40, event_type="User.Created"),
        delivery(6, 50, sender="a third"),
        delivery(7, 60, delivery_id=None),
        delivery(8, 70, signature_status="invalid"),
        delivery(9, 80),
    ]
    for row in rows:
        spool.append_all([row])
        make_appender(store, tmp_path).append_new()
    assert originals(store) == [None] * 7 + [2, 2]


@pytest.mark.parametrize("together", [True, False])
def test_a_delivery_whose_first_was_a_copy_itself_is_a_copy_of_the_same_original(store, spool, tmp_path, together):
    rows = [delivery(1, 0), delivery(2, 0.1, delivery_id="d2"), delivery(3, 60, delivery_id="d2")]
    for batch in [rows] if together else [[row] for row in rows]:
        spool.append_all(batch)
        make_appender(store, tmp_path).append_new()
    assert originals(store) == [None, 1, 1]


def test_a_copy_of_a_delivery_is_not_its_entitys_latest(store, spool, tmp_path):
    spool.append_all([delivery(1, 0), delivery(2, 5)._replace(payload=b"{}", delivery_id="d2"), delivery(3, 10)])
    spool.append_all([delivery(4, 5.1)._replace(payload=b"{}", delivery_id="d3")])
    make_appender(store, tmp_path).append_new()
    assert originals(store) == [None, None, 1, 2]


def test_deliveries_are_noted_with_their_rows_or_not_at_all(store, spool, tmp_path, monkeypatch):
    spool.append_all([delivery(1, 0), delivery(2, 60)])
    appender = make_appender(store, tmp_path)

    def disk_full(*_arguments, **_options):
        raise duckdb.IOException("no space left on device")

    with monkeypatch.context() as fault:
        fault.setattr("receiver.store.appending.exactly_once.replace_watermarks", disk_full)
        with pytest.raises(duckdb.IOException):
            appender.append_new()
    assert run(store, "SELECT count(*) FROM delivery_ids") == [(0,)]
    appender.append_new()
    assert originals(store) == [None, 1]
    assert run(store, "SELECT seq FROM delivery_ids") == [(1,)]


def test_deliveries_derived_again_are_those_that_were_noted(store, spool, tmp_path):
    odd = [delivery(number, number, delivery_id=text) for number, text in enumerate(["d1", "", "ä\n\u2028", "d 1"])]
    spool.append_all([*odd, delivery(9, 9, event_type=None), delivery(10, 10), delivery(11, 11, sender="b")])
    make_appender(store, tmp_path).append_new()
    noted = run(store, "FROM delivery_ids ORDER BY ALL")
    assert len(noted) == 6
    derive_delivery_ids(store)
    assert run(store, "FROM delivery_ids ORDER BY ALL") == noted


@pytest.mark.parametrize("turns", ["together", "each alone", "each after a restart"])
def test_what_comes_late_is_compared_with_what_was_received_before_and_after_it(store, spool, tmp_path, turns):
    def other(row, seconds):
        return copy_of(row, seconds)._replace(payload=b'{"same":2}')

    in_time = [copy_of(1, 0), other(2, 3), copy_of(3, 30)]
    late = [copy_of(4, 1), other(5, 2), other(6, 15), other(7, 14), copy_of(8, 16)]
    appender = make_appender(store, tmp_path)
    for rows in [in_time + late] if turns == "together" else [in_time, *([row] for row in late)]:
        if turns == "each after a restart":
            appender = make_appender(store, tmp_path)
        spool.append_all(rows)
        appender.append_new()
    assert duplicates(store) == [False, False, False, True, True, False, True, False]
    spool.append_all([copy_of(9, 31)])
    appender.append_new()
    assert duplicates(store)[-1]


@pytest.mark.parametrize("turns", take_few(["together", "each alone", "each after a restart"], 1))
@pytest.mark.parametrize(
    ("seconds_and_signatures", "expected"),
    [
        ([(0, "missing"), (1, "valid")], [None, None]),
        ([(0, "invalid"), (1, "valid")], [None, None]),
        ([(0, "valid"), (1, "missing"), (2, "invalid"), (3, "valid")], [None, 1, 1, 1]),
        ([(0, "missing"), (1, "invalid"), (2, "valid"), (3, "valid"), (4, "missing")], [None, 1, None, 3, 3]),
        # From the third on, they come late.
        ([(4, "missing"), (30, "missing"), (3, "valid"), (2, "valid"), (2, "missing")], [None, None, None, 3, 3]),
        ([(4, "missing"), (30, "missing"), (5, "valid"), (29, "valid"), (6, "missing")], [None, None, None, None, 3]),
    ],
)
def test_a_notification_with_a_valid_signature_is_no_copy_of_one_without(
    store, spool, tmp_path, turns, seconds_and_signatures, expected
):
    rows = [
        copy_of(number, seconds, signature_status=status)
        for number, (seconds, status) in enumerate(seconds_and_signatures)
    ]
    appender = make_appender(store, tmp_path)
    for batch in [rows] if turns == "together" else [[row] for row in rows]:
        if turns == "each after a restart":
            appender = make_appender(store, tmp_path)
        spool.append_all(batch)
        appender.append_new()
    assert originals(store) == expected


@pytest.mark.parametrize("window", [10, 20_000])
def test_a_copy_that_comes_hours_late_is_found_though_memory_held_only_the_latest_hour(store, spool, tmp_path, window):
    spool.append_all([copy_of(1, 0), notification(2, received_at=NOON + timedelta(hours=5))])
    make_appender(store, tmp_path).append_new()
    restarted = make_appender(store, tmp_path, duplicate_window_seconds=window)
    for row in (notification(3, received_at=NOON + timedelta(hours=5, seconds=9)), copy_of(4, 5)):
        spool.append_all([row])
        restarted.append_new()
    assert duplicates(store) == [False, False, False, True]


def test_memory_forgets_after_an_hour_what_no_copy_can_follow(store, spool, tmp_path):
    appender = make_appender(store, tmp_path)
    for number in range(4):
        appender._duplicates._forgot_at = -math.inf
        spool.append_all([notification(number, received_at=NOON + timedelta(hours=2 * number))])
        appender.append_new()
    assert len(appender._duplicates._latest) == 1
    spool.append_all([copy_of(8, 6 * 3600 + 1), copy_of(9, 6 * 3600 + 2)])
    appender.append_new()
    assert duplicates(store)[-2:] == [False, True]


def test_a_copy_is_found_after_a_restart(store, spool, tmp_path):
    spool.append_all([copy_of(1, 0)])
    make_appender(store, tmp_path).append_new()
    spool.append_all([copy_of(2, 1)])
    make_appender(store, tmp_path).append_new()
    assert duplicates(store) == [False, True]


def test_rows_of_the_last_moment_that_there_is_go_in(store, spool, tmp_path):
    last = datetime.max.replace(tzinfo=UTC)
    appender = make_appender(store, tmp_path)
    for seconds in (1, 2):
        spool.append_all([notification(entity_id="U", received_at=last - timedelta(seconds=seconds))])
        assert appender.append_new() == 1
