"""The rows of the shared spool: they are put there exactly once, in batches that give those of all nodes one order.

Rows, positions and their place in the order are put there in one transaction. Rows that every node has in its store's
file and that a backup holds are deleted in small steps, after an hour. Texts and ids are bytes there, and times are
microseconds since 1970.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from receiver.errors import ReceiverError
from receiver.files import read_sql_file
from receiver.notification import Column, Notification, Rejection, list_columns
from receiver.shared_spool.server import Connection, transaction
from receiver.spool import KINDS, Positions, Row, SpooledRow, Watermarks
from receiver.spool.columns import DamagedRowError, make_damaged, pack, unpack
from receiver.spool.layout import SQLITE_TYPES

_TYPES = {"BLOB": "bytea", "TEXT": "bytea", "INTEGER": "int8"}
_COLUMNS: dict[str, Column] = {column.name: column for kind in KINDS for column in list_columns(kind)}
_NAMES = list(_COLUMNS)
_TEXTS = {name for name, column in _COLUMNS.items() if SQLITE_TYPES[column.type] == "TEXT"}
_OF_KIND: dict[str, tuple[str, ...]] = {"notifications": Notification._fields, "rejected": Rejection._fields}

SELECTED = ", ".join(_NAMES)
"""The columns of all kinds of rows, as a list for SQL."""
COPIED = ("segment", "kind", "position", "holds", *_NAMES, "checksum")
"""The columns that `to_copy` gives."""
COPIED_TYPES = (
    *("text", "text", "int8", "text"),
    *(_TYPES[SQLITE_TYPES[column.type]] for column in _COLUMNS.values()),
    "int8",
)
"""Their types."""
_ADD = """
WITH batch AS (UPDATE clc_spool.counter SET number = number + 1, rows = rows + %s RETURNING number, rows)
INSERT INTO clc_spool.batches (number, rows_before, part, segment, kind, first, last)
SELECT batch.number, batch.rows - %s, part, segment, kind, first, last
FROM batch
CROSS JOIN unnest(%s::TEXT[], %s::TEXT[], %s::BIGINT[], %s::BIGINT[])
    WITH ORDINALITY AS parts (segment, kind, first, last, part)
"""
_NEWEST = "SELECT number, (SELECT min(put_at) FROM clc_spool.batches WHERE number = %s) FROM clc_spool.counter"
_NEXT = """
SELECT number, segment, kind, first, last
FROM clc_spool.batches
WHERE number > %(after)s
AND number <= (SELECT min(number) + %(most)s - 1 FROM clc_spool.batches WHERE number > %(after)s)
ORDER BY number, part
"""
_COPY_ROWS = f"COPY clc_spool.rows ({', '.join(COPIED)}) FROM STDIN (FORMAT BINARY)"
_READ_POSITIONS = "SELECT segment, kind, last FROM clc_spool.positions"
_BEGIN_POSITION = "INSERT INTO clc_spool.positions VALUES (%s, %s, 0) ON CONFLICT DO NOTHING"
_LOCK_POSITION = "SELECT last FROM clc_spool.positions WHERE segment = %s AND kind = %s FOR UPDATE"
_MOVE_POSITION = "UPDATE clc_spool.positions SET last = %s WHERE segment = %s AND kind = %s"
FREEING_LOCK = 0x436C6346
"""The advisory lock under which one node at a time deletes."""
_ROWS_PER_STEP = 5_000
_SHORTEST_SECONDS = 3600.0
"""For a machine that begins with a backup or a newer program now, and is not known yet."""
_TRY_TO_FREE = "SELECT pg_try_advisory_xact_lock(%s)"
_FREE = "DELETE FROM clc_spool.rows WHERE segment = %s AND kind = %s AND position BETWEEN %s AND %s"
_NOTE_FREED = """
INSERT INTO clc_spool.freed VALUES (%s, %s, %s)
ON CONFLICT (segment, kind) DO UPDATE SET last = greatest(freed.last, excluded.last)
"""


def to_copy(spooled: SpooledRow) -> list[Any]:
    """Return the values of a row to copy into the shared spool."""
    holds = KINDS[type(spooled.row)]
    _, *columns, checksum = pack(spooled.row, spooled.position)
    by_name = dict(zip(_OF_KIND[holds], columns, strict=True))
    return [
        spooled.segment,
        spooled.kind,
        spooled.position,
        holds,
        *(value.encode() if isinstance(value := by_name.get(name), str) else value for name in _NAMES),
        checksum,
    ]


def make_row(segment: str, kind: str, selected: Sequence[Any]) -> SpooledRow:
    """Make a row of a segment from its position, what it holds, `SELECTED` and its checksum; check it again.

    A row that is not as it was written becomes a `Rejection`, as in a segment.
    """
    position, holds, *values, checksum = selected
    by_name = dict(zip(_NAMES, values, strict=True))
    try:
        columns = [_to_text(name, by_name[name]) for name in _OF_KIND[holds]]
        row: Row = unpack(holds, position, [position, *columns, checksum])
    except (DamagedRowError, UnicodeDecodeError, KeyError):  # what it holds may be wrong, too
        there = {name: _to_text(name, value, "surrogateescape") for name, value in by_name.items() if value is not None}
        held = "notifications" if "payload" in there else "rejected"
        row = make_damaged(segment, held, position, {"position": position, **there, "checksum": checksum})
    return SpooledRow(segment, kind, position, row)


def _to_text(name: str, value: Any, errors: str = "strict") -> Any:
    return value.decode(errors=errors) if name in _TEXTS and value is not None else value


class Part(NamedTuple):
    """Rows of one segment and kind that follow each other in a batch: the positions from first to last."""

    number: int
    segment: str
    kind: str
    first: int
    last: int

    @property
    def place(self) -> tuple[str, str]:
        """The segment and kind."""
        return self.segment, self.kind


def add_batch(connection: Connection, rows: Sequence[SpooledRow]) -> None:
    """Give rows the next place in the order.

    Until the transaction ends, no other can do so: do this last in it.
    """
    parts = [
        (segment, kind, min(positions), max(positions))
        for (segment, kind), run in groupby(rows, key=lambda row: (row.segment, row.kind))
        for positions in [[row.position for row in run]]
    ]
    connection.execute(_ADD, [len(rows), len(rows), *_list_columns(parts)])


def read_newest(connection: Connection, seen: int) -> tuple[int, datetime | None]:
    """Read the number of the last batch, and the time of the one with a number that was seen; None if it is deleted.

    A server that lost batches gives their numbers to others, which have another time.
    """
    number, put_at = connection.execute(_NEWEST, [seen]).fetchone() or (0, None)
    return int(number), put_at


def find_begin(connection: Connection, watermarks: Watermarks) -> int:
    """Find the number of the last batch up to which all rows are stored."""
    return _ask_about(connection, "where_to_begin.sql", watermarks)


def count_gone(connection: Connection, watermarks: Watermarks) -> int:
    """Count the rows that were deleted and are not stored here."""
    return _ask_about(connection, "gone_rows.sql", watermarks)


def read_ids_ahead(connection: Connection, watermarks: Watermarks) -> Iterator[bytes]:
    """Read the ids of the rows that are there and not stored here; a transaction is open."""
    query = read_sql_file(__package__, "ids_ahead.sql").encode()
    with connection.cursor("ids_ahead", binary=True) as cursor:  # a cursor of the server, which keeps few rows here
        for (name,) in cursor.execute(query, _name_watermarks(watermarks)):
            yield bytes(name)


def read_parts(connection: Connection, after: int, most: int) -> list[Part]:
    """Read the parts of the next batches after a number, at most of so many batches."""
    return [Part._make(part) for part in connection.execute(_NEXT, {"after": after, "most": most})]


def read_rows(connection: Connection, parts: Sequence[Part], size: int) -> tuple[list[SpooledRow], bool]:
    """Read the rows of parts in their order, none after so many bytes of bodies, and tell whether none is missing."""
    query = read_sql_file(__package__, "rows_of_parts.sql").format(columns=SELECTED)
    places = _list_columns([(part.segment, part.kind, part.first - 1, part.last) for part in parts])
    with connection.cursor(binary=True) as cursor:
        selected = cursor.execute(query.encode(), [*places, size]).fetchall()
    found = max((found for *_, found in selected), default=0)
    rows = [make_row(segment, kind, values) for segment, kind, *values, _ in selected]
    return rows, found == sum(part.last - part.first + 1 for part in parts)


def find_breaks(parts: Iterable[Part], watermarks: Watermarks) -> Positions:
    """Find the first position of each segment and kind that comes next and is in no part, though a later one is."""
    reached, breaks = dict[tuple[str, str], int](), dict[tuple[str, str], int]()
    for part in parts:
        after = reached.get(part.place, watermarks.get(part.place, 0)) + 1
        if part.first > after:
            breaks.setdefault(part.place, after)
        reached[part.place] = part.last
    return breaks


def cut(parts: Iterable[Part], watermarks: Watermarks, rows: int) -> Iterator[Part]:
    """Yield what is not stored of parts, in order, up to so many rows."""
    for part in parts:
        first = max(part.first, watermarks.get(part.place, 0) + 1)
        last = min(part.last, first + rows - 1)
        if last >= first:
            yield part._replace(first=first, last=last)
            rows -= last - first + 1
        if not rows:
            return


def _ask_about(connection: Connection, query: str, watermarks: Watermarks) -> int:
    selected = connection.execute(read_sql_file(__package__, query).encode(), _name_watermarks(watermarks))
    (number,) = selected.fetchone() or (0,)
    return int(number)


def _name_watermarks(watermarks: Watermarks) -> dict[str, list[Any]]:
    segments, kinds, positions = _list_columns([(*place, position) for place, position in watermarks.items()], 3)
    return {"segments": segments, "kinds": kinds, "positions": positions}


def _list_columns(rows: Sequence[tuple[Any, ...]], count: int = 4) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]


class OutOfStepError(ReceiverError):
    """Raised when the shared spool has other positions than those believed; nothing was put there."""


def read_positions(connection: Connection) -> Positions:
    """Read how many rows of each segment and kind the shared spool holds."""
    return {(segment, kind): position for segment, kind, position in connection.execute(_READ_POSITIONS)}


def put_rows(connection: Connection, rows: Sequence[SpooledRow], before: Watermarks) -> Positions:
    """Put rows into the shared spool and return their positions, or put nothing there if anything raises.

    Args:
        connection: with no transaction open.
        rows: the next of their segments.
        before: how many rows of each segment and kind the shared spool is believed to hold.

    Raises:
        OutOfStepError: it holds others, so the rows may be there already.
        psycopg.Error: it is not known whether the rows are there, if COMMIT failed; otherwise they are not.
    """
    after = {(row.segment, row.kind): row.position for row in rows}
    with transaction(connection):
        _compare(connection, before, sorted(after))
        copy_rows(connection, rows)
        for (segment, kind), position in sorted(after.items()):
            connection.execute(_MOVE_POSITION, [position, segment, kind])
        add_batch(connection, rows)
    return after


def copy_rows(connection: Connection, rows: Sequence[SpooledRow]) -> None:
    """Copy rows, inside the transaction that moves their positions."""
    with connection.cursor() as cursor, cursor.copy(_COPY_ROWS.encode()) as copy:
        copy.set_types(COPIED_TYPES)
        for row in rows:
            copy.write_row(to_copy(row))


def _compare(connection: Connection, before: Watermarks, places: Sequence[tuple[str, str]]) -> None:
    """Lock positions, so that a transaction whose end is not known has ended, and compare them."""
    for place in places:
        connection.execute(_BEGIN_POSITION, place)
        (there,) = connection.execute(_LOCK_POSITION, place).fetchone() or (0,)
        believed = before.get(place, 0)
        if there != believed:
            segment, kind = place
            raise OutOfStepError(f"{kind} of segment {segment} are there up to {there}, and not up to {believed}")


def free_rows(connection: Connection) -> int:
    """Delete the next few rows that can go, and return how many; 0 also while another node does it.

    How far each segment is stays in `positions`, so that no node sends its rows again. `freed` says what is deleted, so
    that a node that lacks it notices.
    """
    freed = 0
    with transaction(connection):
        if connection.execute(_TRY_TO_FREE, [FREEING_LOCK]).fetchone() != (True,):
            return 0
        query = read_sql_file(__package__, "free_batches.sql").encode()
        bounds = {"rows": _ROWS_PER_STEP, "seconds": _SHORTEST_SECONDS}
        for segment, kind, first, last in connection.execute(query, bounds).fetchall():
            freed += connection.execute(_FREE, [segment, kind, first, last]).rowcount
            connection.execute(_NOTE_FREED, [segment, kind, last])
    return freed
