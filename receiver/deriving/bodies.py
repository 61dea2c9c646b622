"""Keeps each entity's last body at hand for the next comparison: reading it from a large database takes long."""

import contextlib
import json
import logging
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import pyarrow as pa

from receiver.database.faults import read_or_lose
from receiver.logs import describe

_FILE = "last_bodies.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bodies
    (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, checksum INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS newest (seq INTEGER NOT NULL, id TEXT NOT NULL);
"""
_WAL_PAGES = 4_000
_codec = pa.Codec("lz4_raw")  # in 2 µs half as long

_log = logging.getLogger(__name__)


class LastBodies:
    """Keeps bodies in a file, by the `seq` of their notification; the database holds all of them, too.

    A body that is missing here, after a crash say, is read from the database, and so is each if the file can't be
    used. Whatever goes wrong here is logged, and is no error.

    Args:
        data_dir: where the file lies; by default it is a temporary one of SQLite's, which ends with this object.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self._path = data_dir / _FILE if data_dir else None
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            _log.warning("%s is made anew: %s", _FILE, error)
            self.clear()

    @property
    def newest(self) -> tuple[int, str] | None:
        """The `seq` and the id of the last notification whose body was put here."""
        rows = self._run("SELECT seq, id FROM newest")
        return rows[0] if rows else None

    def read_sizes(self, seqs: Iterable[int]) -> dict[int, int]:
        """Return how many bytes the bodies of notifications have, without those that are missing."""
        return dict(self._select("seq, size", seqs))

    def read(self, seqs: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield `seq` and body of notifications, one after the other; missing and damaged ones are left out."""
        for seq, size, checksum, packed in self._select("seq, size, checksum, packed", seqs):
            body = _unpack(packed, size, checksum)
            if body is not None:
                yield seq, body

    @contextlib.contextmanager
    def replacing(self, old: Iterable[int], new: Mapping[int, bytes], newest: tuple[int, str]) -> Iterator[None]:
        """Replace bodies by those of new notifications, unless the block raises an error."""
        self._write(old, new, newest)
        try:
            yield
        except BaseException:
            self._end("ROLLBACK")
            raise
        self._end("COMMIT")

    def _write(self, old: Iterable[int], new: Mapping[int, bytes], newest: tuple[int, str]) -> None:
        if self._connection is None:
            return
        try:
            rows = [(seq, len(body), crc32(body), _codec.compress(body, asbytes=True)) for seq, body in new.items()]
            self._connection.execute("BEGIN")
            self._connection.executemany("DELETE FROM bodies WHERE seq = ?", ((seq,) for seq in old))
            self._connection.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("DELETE FROM newest")
            self._connection.execute("INSERT INTO newest VALUES (?, ?)", newest)
        except Exception as error:  # noqa: BLE001 - what these bodies are of is stored without them
            self._give_up(error)

    def _end(self, statement: str) -> None:
        try:
            self._run(statement)
        except MemoryError as error:  # where bodies are read, it is the reader's to read fewer
            self._give_up(error)

    def keep(self, seqs: Iterable[int]) -> None:
        """Forget the bodies of all other notifications."""
        self._run("DELETE FROM bodies WHERE seq NOT IN (SELECT value FROM json_each(?))", [json.dumps(list(seqs))])

    def clear(self) -> None:
        """Forget all bodies, because they belong to another database or can't be read."""
        try:
            self._forget()
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def _open(self) -> None:
        self._connection = connection = sqlite3.connect(self._path or "", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        # Bodies lost in a crash of the machine are read from the database; the others are whole.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        if self._path:  # a temporary file would stay in memory
            # Before its COMMIT nothing is written: a full disk stops the database's first, and all bodies stay here.
            connection.execute("PRAGMA cache_spill = OFF")
        connection.executescript(_SCHEMA)
        connection.execute("SELECT seq, size, checksum, packed FROM bodies LIMIT 0")

    def _select(self, columns: str, seqs: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        """Yield rows one after the other: all of them could be more than the memory holds."""
        if self._connection is None:
            return
        sql = f"SELECT {columns} FROM bodies WHERE seq IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own names
        try:
            yield from self._connection.execute(sql, [json.dumps(list(seqs))])
        except sqlite3.Error as error:
            self._give_up(error)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _forget(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None
        for suffix in ("", "-wal", "-shm"):
            if self._path:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _give_up(self, error: Exception) -> None:
        where = self._path.name if self._path else "SQLite's temporary file"
        message = "last bodies can't be kept in %s until the next start, so appending is slower: %s"
        _log.warning(message, where, describe(error))
        with contextlib.suppress(OSError, sqlite3.Error):
            self._forget()


def _unpack(packed: bytes, size: int, checksum: int) -> bytes | None:
    """Unpack a body; None for one that is damaged: SQLite knows nothing of a block that a disk has changed."""
    with contextlib.suppress(Exception):
        body = _codec.decompress(packed, size, asbytes=True)
        if crc32(body) == checksum:
            return body
    return None


def load_bodies(data_dir: Path, connection: duckdb.DuckDBPyConnection) -> LastBodies:
    """Load the bodies at hand, or clear them if the database has lost its latest rows since."""
    bodies = LastBodies(data_dir)
    if newest := bodies.newest:
        seq, name = newest
        sql = "SELECT id::VARCHAR FROM notifications WHERE seq = ?"
        if read_or_lose(connection, sql, "the bodies at hand are not used", [seq]) != [(name,)]:
            bodies.clear()
    return bodies
