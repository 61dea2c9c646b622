"""The layout of a segment: file names, tables, locks and times; and how it is opened, so that a commit is a sync.

A writer (a listener, an import) has a name of its own and holds a lock on `<name>.lock` as long as it lives; the file
holds its ledger. Its segments are `<name>-000001.sqlite`, `<name>-000002.sqlite`, …; it writes to the newest alone.
"""

import fcntl
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from receiver.files import read_sql_file
from receiver.notification import Notification, Rejection, list_columns

KINDS: dict[type[Notification | Rejection], str] = {Notification: "notifications", Rejection: "rejected"}
SQLITE_TYPES = {UUID: "BLOB", datetime: "INTEGER", str: "TEXT", bytes: "BLOB"}
"""The types of a row's columns in a segment: ids as bytes, times as microseconds since 1970."""
WRITER_SECONDS = 10.0
"""The longest wait of a writer for a lock."""
READER_SECONDS = 1.0
"""The longest wait of a reader: for a process that recovers the file, or because a disk fails its locks.

Meanwhile no other segment is read.
"""
CANNOT_READ = (sqlite3.Error, UnicodeDecodeError)
"""The errors of reading a segment: if SQLite's message quotes damaged text, Python fails to decode that."""
_PAGES_PER_CHECKPOINT = 100
# A row has some 2 kB: with pages of twice the usual size, a commit of a dozen rows writes a third less often.
_PAGE_BYTES = 8192
_NAME = r"[0-9a-f]{32}-\d{6,}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Row = Notification | Rejection
Identity = tuple[int, int]
Positions = dict[tuple[str, str], int]
"""The last position of rows, by their segment and kind."""
Watermarks = Mapping[tuple[str, str], int]
"""How many rows of each segment and kind are taken: the last position, as positions are 1, 2, 3, …"""


def name_segment(directory: Path, writer: str, number: int) -> Path:
    """Name a writer's segment; names sort in order of writing."""
    return directory / f"{writer}-{number:06d}.sqlite"


def is_segment(path: Path) -> bool:
    """Tell by its name whether a file is a segment."""
    return re.fullmatch(rf"{_NAME}\.sqlite", path.name) is not None


def is_unfinished(path: Path) -> bool:
    """Tell by its name whether a file belongs to a segment that its writer was still making: it has no rows."""
    return re.fullmatch(rf"{_NAME}\.new(-wal|-shm|-journal)?", path.name) is not None


def find_segment(companion: Path) -> Path | None:
    """Name the segment that a WAL or its index belongs to; None for any other file."""
    match = re.fullmatch(rf"({_NAME}\.sqlite)-(wal|shm|journal)", companion.name)
    return companion.with_name(match[1]) if match else None


def name_taken_mark(segment: Path) -> Path:
    """Return a segment's name during its deletion, because the store holds all of it."""
    return segment.with_name(f"{segment.name}.taken")


def name_writer(segment: Path) -> str:
    """Name the writer that a segment belongs to."""
    return segment.stem.rpartition("-")[0]


def name_lock(directory: Path, writer: str) -> Path:
    """Return the lock file of a writer."""
    return directory / f"{writer}.lock"


def connect(path: Path, timeout_seconds: float = WRITER_SECONDS) -> sqlite3.Connection:
    """Open a segment that exists; the connection may be used by any thread, one at a time.

    Args:
        path: the file.
        timeout_seconds: the longest wait for a lock.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=timeout_seconds,
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA fullfsync=ON")  # macOS: a sync that reaches the disk, not just its cache
        # By default SQLite checkpoints the WAL after 1,000 pages, and rows that come then wait for 6 ms.
        connection.execute(f"PRAGMA wal_autocheckpoint={_PAGES_PER_CHECKPOINT}")
    except BaseException:
        connection.close()
        raise
    return connection


def create(path: Path) -> sqlite3.Connection:
    """Make a new, empty segment and open it; it gets its name when it is whole, so no reader sees half of it.

    Raises:
        OSError, sqlite3.Error: it can't be made.
    """
    unfinished = path.with_suffix(".new")
    unfinished.touch()
    connection = connect(unfinished)
    try:
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        # The tables come before the WAL: SQLite moves them out of a WAL when it closes the file, and is silent about an
        # error there. Without that WAL the segment would have no tables.
        connection.executescript(_define_tables())
        if connection.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            raise sqlite3.OperationalError(f"{unfinished} does not take a WAL")
    finally:
        connection.close()
    unfinished.rename(path)
    return connect(path)


def _define_tables() -> str:
    columns = {name: ",\n    ".join(_declare(kind)) for kind, name in KINDS.items()}
    return read_sql_file(__package__, "segment.sql").format(**columns)


def _declare(kind: type[Row]) -> Iterator[str]:
    for column in list_columns(kind):
        yield f"{column.name} {SQLITE_TYPES[column.type]}{'' if column.is_nullable else ' NOT NULL'}"


def to_microseconds(moment: datetime) -> int:
    """Count the microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Undo `to_microseconds`."""
    return _EPOCH + count * _MICROSECOND


def count_bytes(row: Row) -> int:
    """Count the bytes of a row's long columns."""
    return len(row.payload) if isinstance(row, Notification) else len(row.body) + len(row.headers)


def lock(path: Path) -> IO[bytes] | None:
    """Take the lock on a file, made if need be, until the returned file is closed; None if another has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def writer_is_gone(directory: Path, writer: str) -> bool:
    """Tell whether a writer's lock is free."""
    path = name_lock(directory, writer)
    if not path.exists():
        return True
    file = lock(path)
    if file is None:
        return False
    file.close()
    return True


def read_identity(path: Path) -> Identity | None:
    """Return the identity of the file at a path, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def measure_size(path: Path) -> int:
    """Return a file's size in bytes, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
