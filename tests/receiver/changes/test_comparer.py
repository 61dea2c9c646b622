"""The process that compares a backlog's bodies: the same rows as without it, and no harm when it fails."""

import os
import signal
from contextlib import closing

import duckdb
import pytest

from receiver.changes import differ
from receiver.database.opening import run
from receiver.deriving import comparer as comparer_module
from receiver.deriving.comparer import Comparer
from receiver.senders import load_senders
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import notification

MANY = 1_500
CHANGES = "SELECT seq, entity_id, path, kind, old_value::VARCHAR, new_value::VARCHAR FROM changes ORDER BY ALL"


@pytest.fixture
def comparer(monkeypatch):
    monkeypatch.setattr(comparer_module, "_PATIENCE_SECONDS", 1.0)
    made = Comparer(load_senders())
    yield made
    made.end()


@pytest.fixture
def store(tmp_path):
    with closing(open_database(tmp_path / "clc.duckdb")) as connection:
        yield connection


def backlog(part):
    """Make as many updates of as many users: those of part 2 change what those of part 1 said."""
    bodies = [(number, b'{"userName": "user%d", "firstName": "%d"}' % (number, part)) for number in range(MANY)]
    return [notification(number + MANY * part, entity_id=f"USER{number}", payload=body) for number, body in bodies]


def make_appender(store, directory, comparer):
    reader = SpoolReader(directory / "spool")
    return Appender(store.cursor(), reader, directory, duplicate_window_seconds=10, comparer=comparer)


def spool(directory, part):
    with closing(SpoolWriter(directory / "spool")) as writer:
        writer.append_all(backlog(part))


def append_both_parts(store, directory, comparer):
    appender = make_appender(store, directory, comparer)
    for part in (1, 2):
        spool(directory, part)
        assert appender.append_new() == MANY
    return run(store, CHANGES)


def test_it_makes_the_rows_of_a_backlog(store, tmp_path, comparer, monkeypatch):
    monkeypatch.setattr("receiver.deriving.deriver.compare", None)  # so that the appender can't
    found = append_both_parts(store, tmp_path, comparer)
    assert len(found) == 2 * MANY
    assert found[MANY:][0] == (MANY + 1, "USER0", "firstName", "changed", '"1"', '"2"')


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_if_it_is_killed_or_hangs_the_appender_compares_itself(store, tmp_path, comparer, number):
    os.kill(comparer.pid, number)
    assert len(append_both_parts(store, tmp_path, comparer)) == 2 * MANY
    assert not comparer.is_there


def test_an_answer_for_a_transaction_that_failed_is_not_taken_for_the_next_one(store, tmp_path, comparer, monkeypatch):
    spool(tmp_path, 1)
    appender = make_appender(store, tmp_path, comparer)
    with monkeypatch.context() as fault:
        fault.setattr("receiver.store.appending.appender.insert_notifications", disk_full)
        with pytest.raises(duckdb.IOException):
            appender.append_new()
    assert appender.append_new() == MANY
    assert comparer.is_there
    assert len(run(store, CHANGES)) == MANY


def disk_full(*_):
    raise duckdb.IOException("no space left on device")


def test_a_body_that_it_fails_at_is_named_and_the_others_have_their_rows(store, tmp_path, monkeypatch):
    compare_one = differ.changes_of

    def fail_at_one(rules, before, now):
        if b'"user7"' in now.payload:
            raise KeyError("userName")
        return compare_one(rules, before, now)

    with monkeypatch.context() as fault:
        fault.setattr("receiver.deriving.comparing.changes_of", fail_at_one)
        comparer = Comparer(load_senders())  # it fails, and this process does not
    spool(tmp_path, 1)
    make_appender(store, tmp_path, comparer).append_new()
    comparer.end()
    assert run(store, "SELECT seq, error FROM underived") == [(8, "KeyError")]
    assert run(store, "SELECT count(DISTINCT seq) FROM changes") == [(MANY - 1,)]
