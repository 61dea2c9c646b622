"""A row in a segment: its columns by name, its position, and a checksum over all of them.

Neither SQLite nor most disks notice when a byte of a file changes by itself. The writer numbers the rows of a table
from 1 and stores a checksum over position and columns with each; a reader takes a row only if both are right.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from sys import intern
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zlib import crc32

import orjson

from receiver.notification import DAMAGED_IN_SPOOL, FIRST_PROOF, FIRST_SENDER, Notification, Rejection, list_columns
from receiver.spool.layout import KINDS, SQLITE_TYPES, Row, from_microseconds, to_microseconds

Position = int
Values = Sequence[Any]

_TABLES = {"notifications": "spooled_notifications", "rejected": "spooled_rejected"}
_TYPES: dict[str, type[Row]] = {name: kind for kind, name in KINDS.items()}
_INSERTS = {
    kind: f"INSERT INTO {table} (position, {', '.join(_TYPES[kind]._fields)}, checksum) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * (len(_TYPES[kind]._fields) + 2))})"
    for kind, table in _TABLES.items()
}

_LATER = {
    "key_fingerprint": "NULL",
    "sender": f"'{FIRST_SENDER}'",
    "proof": f"'{FIRST_PROOF}'",
    "signature_detail": "NULL",
    "delivery_id": "NULL",
}
"""A row's values in columns that segments of earlier programs lack."""
_AFTER_CHECKSUMS = {"notifications": [None, None, FIRST_PROOF, FIRST_SENDER], "rejected": [None, FIRST_SENDER]}
"""The earlier values of columns that were added after checksums were, the last column first."""
# The places of bytes in a row, counted from its position on.
_BYTES = {
    kind: [at for at, column in enumerate(list_columns(row_type), 1) if SQLITE_TYPES[column.type] == "BLOB"]
    for row_type, kind in KINDS.items()
}
_CONVERSIONS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    UUID: (attrgetter("bytes"), lambda value: UUID(bytes=value)),
    datetime: (to_microseconds, from_microseconds),
}
_CONVERTED = {
    kind: [
        (at, *_CONVERSIONS[column.type])
        for at, column in enumerate(list_columns(row_type))
        if column.type in _CONVERSIONS
    ]
    for row_type, kind in KINDS.items()
}
"""The places of values for which SQLite has no type, and how they are written and read."""
_OF_ONE_ROW = {"entity_id", "delivery_id", "signature_detail"}
_REPEATED = [
    at for at, column in enumerate(list_columns(Notification)) if column.type is str and column.name not in _OF_ONE_ROW
]
"""The places of a notification's texts that many others have, too."""


class DamagedRowError(Exception):
    """Raised when a row has changed since it was written; the text says how."""


class SegmentColumns:
    """The columns of one kind of row in a segment; a segment of an earlier program has fewer.

    Args:
        connection: the segment.
        kind: `notifications` or `rejected`.

    Raises:
        sqlite3.Error: the segment can't be read, or is none.
    """

    def __init__(self, connection: sqlite3.Connection, kind: str) -> None:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        self._kind = kind
        self._has_checksums = kind not in tables
        self.table = _TABLES[kind] if self._has_checksums else kind
        there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({self.table})")}
        self._names = ["position", *_TYPES[kind]._fields, *(["checksum"] if self._has_checksums else [])]
        self.selected = ", ".join(
            f"{_LATER[name]} AS {name}" if name in _LATER and name not in there else name for name in self._names
        )

    def make_row(self, place: Position, values: Values) -> Row:
        """Make a row of selected values.

        Args:
            place: how many rows the table has up to this one, which must be the row's position.
            values: those of the columns in `selected`.

        Raises:
            DamagedRowError: it is not as it was written.
        """
        if self._has_checksums:
            return unpack(self._kind, place, values)
        if not _has_types(self._kind, values):
            raise DamagedRowError("it has values of other types")
        return _make(self._kind, place, values)

    def keep_damaged(self, segment: str, place: Position, values: Values) -> Rejection:
        """Make a row of `rejected` from a damaged one, see `make_damaged`."""
        return make_damaged(segment, self._kind, place, dict(zip(self._names, values, strict=True)))


def pack(row: Row, place: Position) -> list[Any]:
    """Return a row's values as a segment has them: its position, its columns and their checksum."""
    kind = KINDS[type(row)]
    values = _to_sqlite(kind, place, row)
    return [*values, compute_checksum(kind, values)]


def unpack(kind: str, place: Position, values: Values) -> Row:
    """Undo `pack`, for a row of a kind.

    Raises:
        DamagedRowError: the row is not as it was written.
    """
    *rest, stored_checksum = values
    try:
        is_whole = compute_checksum(kind, rest) == stored_checksum
    except (ValueError, TypeError, OverflowError) as error:
        raise DamagedRowError(f"it is no row ({error})") from None
    if not is_whole:
        raise DamagedRowError("its checksum does not hold")
    return _make(kind, place, rest)


def make_damaged(segment: str, kind: str, place: Position, values: dict[str, Any]) -> Rejection:
    """Make a row of `rejected` from the values of a damaged one: its body, and in `headers` its place and the rest."""
    left = dict(values)
    body = left.pop("payload" if kind == "notifications" else "body", b"")
    path = left.get("event_type") or left.get("category") or left.get("path")
    others = {name: _parse_text(value) for name, value in left.items()}
    received_at = _parse_moment(left.get("received_at"))
    return Rejection(
        id=_parse_id(left.get("id")) or uuid5(NAMESPACE_URL, f"{segment}/{kind}/{place}"),
        received_at=received_at,
        reason=DAMAGED_IN_SPOOL,
        path=_parse_text(path) or "",
        source_ip=None,
        headers=orjson.dumps({"segment": segment, "table": kind, "place": place, **others}).decode(),
        body=body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogateescape"),
        sender=_parse_text(left.get("sender")),
        signature_detail=_parse_text(left.get("signature_detail")),
    )


def _make(kind: str, place: Position, values: Values) -> Row:
    position, *columns = values
    if position != place:
        raise DamagedRowError(f"it has the position {position}")
    try:
        for at, _, read in _CONVERTED[kind]:
            columns[at] = read(columns[at])
    except (ValueError, TypeError, OverflowError) as error:
        raise DamagedRowError(f"it is no row ({error})") from None
    if kind == "notifications":
        # Thousands of rows are in memory at once. A text that they share takes less of it, and is hashed once.
        for at in _REPEATED:
            if type(text := columns[at]) is str:
                columns[at] = intern(text)
    return _TYPES[kind]._make(columns)


def insert(connection: sqlite3.Connection, rows: Sequence[Row], last: dict[str, Position]) -> None:
    """Insert rows of both kinds, in order.

    Args:
        connection: a segment, in a transaction.
        rows: what to insert.
        last: the last position by kind; it is updated.
    """
    for row_type, kind in KINDS.items():
        of_kind = [row for row in rows if type(row) is row_type]
        if of_kind:
            values = [pack(row, place) for place, row in enumerate(of_kind, last.get(kind, 0) + 1)]
            connection.executemany(_INSERTS[kind], values)
            last[kind] = last.get(kind, 0) + len(of_kind)


def seal(connection: sqlite3.Connection, last: dict[str, Position]) -> None:
    """Write the number of rows of each kind into a segment that gets no more.

    Raises:
        sqlite3.Error: it can't be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sealed VALUES (?, ?)", [(kind, last.get(kind, 0)) for kind in _TABLES])
    connection.execute("COMMIT")


def read_sealed_counts(connection: sqlite3.Connection) -> dict[str, Position]:
    """Read the counts that `seal` wrote: none if the writer was killed, or an earlier program wrote the segment.

    Raises:
        sqlite3.Error: the segment can't be read.
    """
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sealed'").fetchall():
        return {}
    return dict(connection.execute("SELECT kind, rows FROM sealed").fetchall())


def compute_checksum(kind: str, values: Values) -> int:
    """Compute the CRC-32 of a row's position and columns: of its bytes, then of the rest as JSON with their lengths.

    Later columns do not count while they have their earlier values, so that the checksum is the same with and without
    them: in an upgrade the old store reads rows of new listeners, and the new store reads old segments.

    Raises:
        TypeError: a text is no Unicode, or a value that must be bytes is not.
    """
    end = len(values)
    for before in _AFTER_CHECKSUMS[kind]:
        if values[end - 1] != before:
            break
        end -= 1
    rest = list(values[:end])
    total = 0
    for place in _BYTES[kind]:
        value = rest[place]
        if value is not None:
            total = crc32(value, total)
            rest[place] = len(value)
    return crc32(orjson.dumps(rest), total)


def tolerate_any_text(connection: sqlite3.Connection) -> None:
    """Let a connection read damaged texts that are no UTF-8."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def _to_sqlite(kind: str, place: Position, row: Row) -> list[Any]:
    columns: list[Any] = [*row]
    for at, write, _ in _CONVERTED[kind]:
        columns[at] = write(columns[at])
    return [place, *columns]


def _has_types(kind: str, values: Values) -> bool:
    """Tell whether bytes are where they must be, and nowhere else."""
    return all(value is None or isinstance(value, bytes) is (at in _BYTES[kind]) for at, value in enumerate(values))


def _parse_id(value: object) -> UUID | None:
    return UUID(bytes=value) if isinstance(value, bytes) and len(value) == len(UUID(int=0).bytes) else None


def _parse_moment(value: object) -> datetime:
    """Return a time of receipt, which may be damaged; now, if it can't be true."""
    now = datetime.now(UTC)
    try:
        return min(now, from_microseconds(value)) if isinstance(value, int) else now
    except OverflowError:
        return now


def _parse_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.hex()
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()
