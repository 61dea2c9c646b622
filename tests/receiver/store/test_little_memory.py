"""With little memory less is done at once: large bodies stop neither the appender nor a rebuild nor `verify`."""

import os
from contextlib import suppress

import duckdb
import pytest

from receiver.database.faults import CommitError
from receiver.database.opening import run
from receiver.deriving import LastBodies, deriver, make_read, states, tables
from receiver.deriving.derived import SenderRules
from receiver.deriving.tables import Rebuild
from receiver.errors import StoreError
from receiver.senders import load_senders
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending import appender as appending
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import notification

TRIES = 12
CHANGES = "SELECT seq, path, md5(new_value) FROM changes ORDER BY ALL"


@pytest.fixture
def connection(tmp_path):
    opened = open_database(tmp_path / "clc.duckdb", "90MB")
    yield opened
    opened.close()


@pytest.fixture
def spool(connection, tmp_path):
    """Spool notifications and append them, with some tries as the store's loop makes them."""
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10)

    def append(rows):
        writer.append_all(rows)
        for _ in range(TRIES):
            with suppress(StoreError):
                while appender.append_new():
                    pass
            appender.checkpoint()
            if appender.count_backlog() == 0:
                return
        pytest.fail(f"{appender.count_backlog()} rows still wait")

    yield append
    writer.close()
    reader.close()


def user(number, size=0, at=0):
    name = f"user{number}@acme.example"
    pad = f', "pad": "{os.urandom(size // 2).hex()}"' if size else ""
    body = f'{{"accountAlias": "ACME", "userName": "{name}"{pad}}}'.encode()
    return notification(number + at, entity_id=name.upper(), payload=body)


def fill_with_large_bodies(append, count, size, at_once=20):
    for start in range(0, count, at_once):
        append([user(number, size) for number in range(start, start + at_once)])


@pytest.mark.full
def test_small_updates_of_many_large_bodies_are_stored_with_the_memory_that_there_is(connection, spool, monkeypatch):
    refused, store = [], Appender._store

    def note_refusal(self, *batch):
        try:
            store(self, *batch)
        except (duckdb.Error, CommitError) as error:
            refused.append(error)
            raise

    monkeypatch.setattr(Appender, "_store", note_refusal)
    monkeypatch.setattr(deriver, "_MOST_BYTES", 1 << 40)  # only DuckDB says that it is too much
    fill_with_large_bodies(spool, 120, 900_000)
    spool([*(user(number, at=1000) for number in range(120)), user(500)])
    assert refused
    assert run(connection, "SELECT count(*) FROM notifications") == [(241,)]
    removed = "SELECT count(*), min(strlen(old_value)) > 900_000 FROM changes WHERE path = 'pad' AND kind = 'removed'"
    assert run(connection, removed) == [(120, True)]


def test_a_batch_whose_commit_fails_is_tried_again_in_smaller_ones(connection, spool, monkeypatch):
    store = Appender._store

    def fail_if_many(self, rows, *others):
        if len(rows) > 3:
            raise CommitError("Failed to commit: failed to pin block")
        store(self, rows, *others)

    monkeypatch.setattr(Appender, "_store", fail_if_many)
    monkeypatch.setattr(appending, "_ROWS_PER_BATCH", 40)
    spool([user(number) for number in range(50)])
    assert run(connection, "SELECT count(*) FROM notifications") == [(50,)]


def test_changes_that_are_too_large_together_are_derived_from_fewer_notifications(connection, spool, monkeypatch):
    sizes, settling = [], deriver.Deriver.settling

    def note_size(self, derived):
        sizes.append(sum(len(each.changes) for each in derived.changed))
        return settling(self, derived)

    monkeypatch.setattr(deriver.Deriver, "settling", note_size)
    fill_with_large_bodies(spool, 40, 1_000)
    monkeypatch.setattr(deriver, "_MOST_BYTES", 5_000)
    sizes.clear()
    spool([user(number, at=1000) for number in range(40)])
    assert sum(sizes) == 40
    assert 1 <= max(sizes) <= 5
    assert run(connection, "SELECT count(*) FROM changes WHERE path = 'pad' AND kind = 'removed'") == [(40,)]


def test_rows_that_could_not_be_remembered_are_read_again_before_the_next_are_compared(connection, spool, monkeypatch):
    errors, settling = [MemoryError()], deriver.Deriver.settling

    def lack_memory_once(self, derived):
        if errors:
            raise errors.pop()
        return settling(self, derived)

    monkeypatch.setattr(deriver.Deriver, "settling", lack_memory_once)
    monkeypatch.setattr(deriver, "_MOST_BYTES", 1)  # so that a batch is halved
    spool([user(1, size=100, at=at) for at in range(4)])
    changed = "SELECT seq FROM changes WHERE path = 'pad' AND kind = 'changed' ORDER BY seq"
    assert run(connection, changed) == [(2,), (3,), (4,)]


def test_a_last_body_at_hand_is_read_once_the_one_before_it_is_compared(connection, spool, monkeypatch):
    done, select, derive = [], LastBodies._select, deriver.Deriver._derive_chain

    def note_read(self, columns, seqs):
        for row in select(self, columns, seqs):
            done.append("read")
            yield row

    def note_comparison(*arguments):
        done.append("compared")
        return derive(*arguments)

    fill_with_large_bodies(spool, 40, 1_000)
    monkeypatch.setattr(LastBodies, "_select", note_read)
    monkeypatch.setattr(deriver.Deriver, "_derive_chain", note_comparison)
    spool([user(number, at=1000) for number in range(40)])
    assert done == ["read", "compared"] * 40
    assert run(connection, "SELECT count(*) FROM changes WHERE path = 'pad' AND kind = 'removed'") == [(40,)]


def test_last_bodies_that_are_not_at_hand_are_read_by_their_size(connection, spool, monkeypatch):
    sizes, read = [], states.LastStates._read_states

    def note_size(self, entities, steps):
        latest = read(self, entities, steps)
        sizes.append(sum(len(state.payload) for state in latest.values()))
        return latest

    fill_with_large_bodies(spool, 40, 1_000)
    monkeypatch.setattr(LastBodies, "_select", lambda *_: [])
    monkeypatch.setattr(states.LastStates, "_read_states", note_size)
    monkeypatch.setattr(states, "_BODIES_AT_ONCE", 5_000)
    spool([user(number, at=1000) for number in range(40)])
    assert sum(sizes) > 40_000
    assert 1_000 < max(sizes) <= 5_000
    assert run(connection, "SELECT count(*) FROM changes WHERE path = 'pad' AND kind = 'removed'") == [(40,)]


@pytest.mark.full
def test_a_deriver_begins_with_any_number_of_deleted_entities(connection, tmp_path):
    columns = "id, received_at, category, action, entity_id, occurred_at, signature_status, payload, sender, proof, seq"
    rows = (
        "SELECT uuid(), now(), 'User', if(seq % 2 = 1, 'Deleted', 'Updated'), 'USER' || seq // 2, now(), 'missing', "
        "'{}', 'centurylink', 'none', seq FROM range(2, 300_002) AS numbers(seq)"
    )
    run(connection, f"INSERT INTO notifications ({columns}) {rows}")
    connection.close()
    with open_database(tmp_path / "clc.duckdb", "70MB") as small:
        rules = SenderRules(load_senders())
        heads = states.LastStates(states.run_by_name(make_read(small)), rules, LastBodies(), 1 << 62)
        assert heads.get_head(("centurylink", "User", "USER150000")).place.seq == 300_001


@pytest.mark.full
def test_a_rebuild_reads_bodies_of_a_few_steps_whatever_their_size(connection, spool):
    fill_with_large_bodies(spool, 2_500, 30_000, at_once=500)
    before = run(connection, CHANGES)
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert rebuild._at_once < tables._ROWS_READ, "there is too little memory to read so many"
    assert run(connection, CHANGES) == before
