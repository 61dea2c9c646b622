"""How a row lies in a segment: its columns by name, its position, and a checksum over all of them.

Neither SQLite nor most disks notice when a byte of a file changes by itself. The writer numbers the rows of a table
from 1 and stores a checksum over position and columns with each; a reader takes a row only where both hold.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zlib import crc32

import orjson

from receiver.notification import DAMAGED_IN_SPOOL, Notification, Rejection
from receiver.spool.layout import KINDS, Row, from_microseconds, to_microseconds

Position = int
Values = Sequence[Any]

_TABLES = {"notifications": "spooled_notifications", "rejected": "spooled_rejected"}
_TYPES: dict[str, type[Notification | Rejection]] = {name: kind for kind, name in KINDS.items()}
_INSERTS = {
    kind: f"INSERT INTO {table} VALUES ({', '.join('?' * (len(_TYPES[kind]._fields) + 2))})"  # noqa: S608 - our own names
    for kind, table in _TABLES.items()
}

_LATER = {"key_fingerprint"}  # the last columns of a row, which segments of earlier programs do not have
# Where in a row there are bytes, counted from its position on.
_BYTES = {
    kind: [1 + _TYPES[kind]._fields.index(name) for name in names]
    for kind, names in {"notifications": ("id", "signature", "payload"), "rejected": ("id", "body")}.items()
}


class DamagedRowError(Exception):
    """Raised when a row is not as it was written; the text says what is wrong."""


class Columns:
    """The columns of one kind of row, as a segment has them: one that an earlier program wrote has fewer.

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
        found = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({self.table})")}
        names = [name for name in _TYPES[kind]._fields if name in found or name not in _LATER]
        self._moments = [names.index(name) for name in ("received_at", "occurred_at") if name in names]
        self._missing = [None] * (len(_TYPES[kind]._fields) - len(names))
        self.selected = ", ".join(["position", *names, *(["checksum"] if self._has_checksums else [])])

    def row_of(self, place: Position, values: Values) -> Row:
        """Make the row of what was selected.

        Args:
            place: how many rows the table has up to this one, which is the position that the row must have.
            values: what `selected` gave.

        Raises:
            DamagedRowError: it is not as it was written.
        """
        try:
            if self._has_checksums:
                values, found = values[:-1], values[-1]
                if checksum(self._kind, values) != found:
                    raise DamagedRowError("its checksum does not hold")
            elif not _has_types(self._kind, values):
                raise DamagedRowError("it has values of other types")
            position, *columns = values
            if position != place:
                raise DamagedRowError(f"it has the position {position}")
            return self._make(columns)
        except (ValueError, TypeError, OverflowError) as error:
            raise DamagedRowError(f"it is no row ({error})") from None

    def _make(self, columns: list[Any]) -> Row:
        columns[0] = UUID(bytes=columns[0])
        for place in self._moments:
            columns[place] = from_microseconds(columns[place])
        return _TYPES[self._kind](*columns, *self._missing)

    def keep_damaged(self, segment: str, place: Position, values: Values) -> Rejection:
        """Make a row of `rejected` of a damaged one: its body, and in `headers` its place and its other columns."""
        left = dict(zip(self.selected.split(", "), values, strict=True))
        body = left.pop("payload" if self._kind == "notifications" else "body", b"")
        path = left.get("event_type") or left.get("category") or left.get("path")
        found = {name: _text(value) for name, value in left.items()}
        received_at = _moment(left.get("received_at"))
        return Rejection(
            id=_id(left.get("id")) or uuid5(NAMESPACE_URL, f"{segment}/{self._kind}/{place}"),
            received_at=received_at,
            reason=DAMAGED_IN_SPOOL,
            path=_text(path) or "",
            source_ip=None,
            headers=orjson.dumps({"segment": segment, "table": self._kind, "place": place, **found}).decode(),
            body=body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogateescape"),
        )


def insert(connection: sqlite3.Connection, rows: Sequence[Row], last: dict[str, Position]) -> None:
    """Insert rows of both kinds, in order.

    Args:
        connection: a segment, in a transaction.
        rows: what to insert.
        last: the last position by kind; it is brought up to date.
    """
    for row_type, kind in KINDS.items():
        of_kind = [row for row in rows if type(row) is row_type]
        if of_kind:
            values = [_to_sqlite(place, row) for place, row in enumerate(of_kind, last.get(kind, 0) + 1)]
            connection.executemany(_INSERTS[kind], [(*each, checksum(kind, each)) for each in values])
            last[kind] = last.get(kind, 0) + len(of_kind)


def seal(connection: sqlite3.Connection, last: dict[str, Position]) -> None:
    """Note in a segment how many rows of each kind it has, when no more will come.

    Raises:
        sqlite3.Error: it can't be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sealed VALUES (?, ?)", [(kind, last.get(kind, 0)) for kind in _TABLES])
    connection.execute("COMMIT")


def sealed(connection: sqlite3.Connection) -> dict[str, Position]:
    """Read what `seal` noted: nothing where the writer was killed, or where an earlier program wrote the segment.

    Raises:
        sqlite3.Error: the segment can't be read.
    """
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sealed'").fetchall():
        return {}
    return dict(connection.execute("SELECT kind, rows FROM sealed").fetchall())


def checksum(kind: str, values: Values) -> int:
    """Compute the CRC-32 of a row's position and columns: of its bytes, then of the rest as JSON with their lengths.

    Raises:
        TypeError: a text is no Unicode, or there is something else in the place of bytes.
    """
    rest = list(values)
    total = 0
    for place in _BYTES[kind]:
        value = rest[place]
        if value is not None:
            total = crc32(value, total)
            rest[place] = len(value)
    return crc32(orjson.dumps(rest), total)


def tolerate_any_text(connection: sqlite3.Connection) -> None:
    """Have a connection read texts that are no UTF-8, which are damaged ones."""
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def _to_sqlite(place: Position, row: Row) -> list[object]:
    values = [to_microseconds(value) if isinstance(value, datetime) else value for value in row]
    values[0] = row.id.bytes
    return [place, *values]


def _has_types(kind: str, values: Values) -> bool:
    """Tell whether there are bytes where they must be, and nowhere else."""
    return all(value is None or isinstance(value, bytes) is (at in _BYTES[kind]) for at, value in enumerate(values))


def _id(value: object) -> UUID | None:
    return UUID(bytes=value) if isinstance(value, bytes) and len(value) == len(UUID(int=0).bytes) else None


def _moment(value: object) -> datetime:
    """Return a time of receipt that is damaged perhaps, or else now."""
    now = datetime.now(UTC)
    try:
        return min(now, from_microseconds(value)) if isinstance(value, int) else now
    except OverflowError:
        return now


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.hex()
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()
