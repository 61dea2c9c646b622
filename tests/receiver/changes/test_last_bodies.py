"""The last bodies at hand: whatever is in their file, or is not, the changes are those of the database."""

import json
import os
import shutil
import sqlite3
from contextlib import closing, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from receiver.database.opening import run
from receiver.deriving import LastBodies
from receiver.deriving.states import LastStates
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import make_database
from tests.support.rows import NOON, notification
from tests.support.sizes import take_few
from tests.support.way_in import open_rows

CHANGES = "SELECT entity_id, old_value, new_value FROM changes WHERE path = 'n' ORDER BY seq, entity_id"


def test_a_body_is_there_until_another_takes_its_place(tmp_path):
    bodies = LastBodies(tmp_path)
    with bodies.replacing([], {seq: b"%d" % seq * 1000 for seq in range(1, 1201)}, (1200, "a")):
        pass
    assert dict(bodies.read(range(5000))) == {seq: b"%d" % seq * 1000 for seq in range(1, 1201)}
    with pytest.raises(RuntimeError), bodies.replacing([1, 2], {1201: b"another"}, (1201, "c")):
        raise RuntimeError("what these bodies are of could not be stored")
    assert bodies.newest == (1200, "a")
    with bodies.replacing([1, 3], {1201: b"", 1202: b"\xff\x00"}, (1202, "b")):
        pass
    again = LastBodies(tmp_path)
    assert dict(again.read([1, 2, 3, 1201, 1202])) == {2: b"2" * 1000, 1201: b"", 1202: b"\xff\x00"}
    assert again.newest == (1202, "b")


def test_nothing_is_written_before_the_database_has_what_the_bodies_are_of(tmp_path):
    bodies, wal = LastBodies(tmp_path), tmp_path / "last_bodies.sqlite-wal"
    before = wal.stat().st_size
    with bodies.replacing([], {seq: os.urandom(10_000) for seq in range(1, 1001)}, (1000, "a")):
        assert wal.stat().st_size == before
    assert wal.stat().st_size > 10_000_000


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_lack_of_memory_when_bodies_are_written_is_no_error_and_locks_nobody_out(tmp_path, monkeypatch, end):
    class Lacking(sqlite3.Connection):
        def execute(self, sql, *parameters):
            if sql == end:
                raise MemoryError
            return super().execute(sql, *parameters)

    with monkeypatch.context() as fault:
        fault.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Lacking))
        bodies = LastBodies(tmp_path)
    with nullcontext() if end == "COMMIT" else pytest.raises(RuntimeError), bodies.replacing([], {1: b"1"}, (1, "a")):
        if end == "ROLLBACK":
            raise RuntimeError("what these bodies are of could not be stored")
    again = LastBodies(tmp_path)
    with again.replacing([], {2: b"2"}, (2, "b")):
        pass
    assert dict(again.read([1, 2])) == {2: b"2"}


@contextmanager
def appending(data_dir):
    """Give what sends a value of `n` for each of some users, and appends it, each time with a new appender."""
    writer, minute = SpoolWriter(data_dir / "spool"), 0
    connection, spool = make_database(data_dir / "clc.duckdb"), open_rows(data_dir)

    def append(n, users=("a", "b")):
        nonlocal minute
        minute += 1
        at = NOON + timedelta(minutes=minute)
        bodies = {user.upper(): json.dumps({"userName": user, "n": n}).encode() for user in users}
        writer.append_all(
            [
                notification(minute * 10 + place, entity_id=name, received_at=at, occurred_at=at, payload=body)
                for place, (name, body) in enumerate(bodies.items())
            ]
        )
        appender = Appender(connection, spool, data_dir, duplicate_window_seconds=10)
        assert appender.append_new() == len(users)
        return run(connection, CHANGES)

    yield append
    spool.close()
    connection.close()
    writer.close()


def steps(*values, users=("A", "B")):
    return [(user, str(old), str(new)) for old, new in pairwise(values) for user in users]


def read_in_the_database(monkeypatch) -> list[int]:
    """List, from now on, the notifications whose bodies are read in the database."""
    found, read = [], LastStates._read_payloads

    def noted(self, seqs):
        found.extend(seqs)
        return read(self, seqs)

    monkeypatch.setattr(LastStates, "_read_payloads", noted)
    return found


def test_after_a_new_start_no_body_is_read_in_the_database(tmp_path, monkeypatch):
    found = read_in_the_database(monkeypatch)
    with appending(tmp_path) as append:
        append(1)
        append(2)
        assert append(3) == steps(1, 2, 3)
    assert found == []


@pytest.mark.parametrize(
    "what", take_few(["gone", "no database", "other tables", "behind", "cut", "another body", "no body"], 2)
)
def test_whatever_becomes_of_the_file_the_changes_are_the_same(tmp_path, monkeypatch, caplog, what):
    file = tmp_path / "last_bodies.sqlite"
    with appending(tmp_path) as append:
        append(1)
        behind = tmp_path / "behind"
        shutil.copy(file, behind)
        append(2)
        found = read_in_the_database(monkeypatch)
        if what == "gone":
            file.unlink()
        elif what == "no database":
            file.write_bytes(b"no database" * 1000)
        elif what == "other tables":
            file.unlink()
            with closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE bodies (x)")
        elif what == "behind":
            behind.rename(file)
        elif what in ("another body", "no body"):
            with closing(sqlite3.connect(file)) as other, other:
                for seq, packed in other.execute("SELECT seq, packed FROM bodies").fetchall():
                    flipped = packed.replace(b'"n": 2', b'"n": 3')
                    assert flipped != packed
                    size = 1 << 40 if what == "no body" else len('{"userName": "a", "n": 2}')
                    other.execute("UPDATE bodies SET size = ?, packed = ? WHERE seq = ?", [size, flipped, seq])
        else:
            file.write_bytes(file.read_bytes()[:5000])
        assert append(3) == steps(1, 2, 3)
        assert sorted(found) == [3, 4]
        assert append(4) == steps(1, 2, 3, 4)
    with closing(sqlite3.connect(file)) as kept:
        assert kept.execute("SELECT seq FROM bodies").fetchall() == [(7,), (8,)]
    if what in ("no database", "other tables"):
        assert "last_bodies.sqlite is made anew" in caplog.text


def test_bodies_of_another_database_are_not_taken_for_those_of_this_one(tmp_path):
    this, other = tmp_path / "this", tmp_path / "other"
    this.mkdir()
    other.mkdir()
    with appending(other) as append:
        append(1)
        append(2)
    with appending(this) as append:
        append(7)
        append(8)
        for path in this.glob("last_bodies.sqlite*"):
            path.unlink()
        (other / "last_bodies.sqlite").rename(this / "last_bodies.sqlite")
        assert append(9) == steps(7, 8, 9)


def test_no_error_of_the_file_appends_anything_twice(tmp_path, monkeypatch):
    with appending(tmp_path) as append:
        append(1)
        monkeypatch.setattr("receiver.deriving.bodies.crc32", lambda body: "no number" + body)
        assert append(2) == steps(1, 2)
        assert append(3) == steps(1, 2, 3)
