"""The batches of the shared spool: they give the rows of all nodes one order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import psycopg

from receiver.files import sql_file
from receiver.shared_spool.rows import SELECTED, make_row
from receiver.spool import SpooledRow, Watermarks

Connection = psycopg.Connection[tuple[Any, ...]]

_ADD = """
WITH batch AS (UPDATE clc_spool.counter SET number = number + 1, rows = rows + %s RETURNING number, rows)
INSERT INTO clc_spool.batches (number, rows_before, part, segment, kind, first, last)
SELECT batch.number, batch.rows - %s, part, segment, kind, first, last
FROM batch
CROSS JOIN unnest(%s::TEXT[], %s::TEXT[], %s::BIGINT[], %s::BIGINT[])
    WITH ORDINALITY AS parts (segment, kind, first, last, part)
"""
_NEWEST = "SELECT number FROM clc_spool.counter"
_NEXT = """
SELECT number, segment, kind, first, last
FROM clc_spool.batches
WHERE number > %(after)s
AND number <= (SELECT min(number) + %(most)s - 1 FROM clc_spool.batches WHERE number > %(after)s)
ORDER BY number, part
"""


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
    connection.execute(_ADD, [len(rows), len(rows), *_columns(parts)])


def read_newest(connection: Connection) -> int:
    """Read the number of the last batch."""
    (number,) = connection.execute(_NEWEST).fetchone() or (0,)
    return int(number)


def find_begin(connection: Connection, watermarks: Watermarks) -> int:
    """Find the number of the last batch up to which all rows are stored."""
    return _ask_about(connection, "where_to_begin.sql", watermarks)


def count_gone(connection: Connection, watermarks: Watermarks) -> int:
    """Count the rows that were deleted and are not stored here."""
    return _ask_about(connection, "gone_rows.sql", watermarks)


def read_parts(connection: Connection, after: int, most: int) -> list[Part]:
    """Read the parts of the next batches after a number, at most of so many batches."""
    return [Part._make(part) for part in connection.execute(_NEXT, {"after": after, "most": most})]


def read_rows(connection: Connection, parts: Sequence[Part], size: int) -> tuple[list[SpooledRow], bool]:
    """Read the rows of parts in their order, none after so many bytes of bodies, and tell whether none is missing."""
    query = sql_file(__package__, "rows_of_parts.sql").format(columns=SELECTED)
    places = _columns([(part.segment, part.kind, part.first - 1, part.last) for part in parts])
    with connection.cursor(binary=True) as cursor:
        selected = cursor.execute(query.encode(), [*places, size]).fetchall()
    found = max((found for *_, found in selected), default=0)
    rows = [make_row(segment, kind, values) for segment, kind, *values, _ in selected]
    return rows, found == sum(part.last - part.first + 1 for part in parts)


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
    segments, kinds, positions = _columns([(*place, position) for place, position in watermarks.items()], 3)
    named = {"segments": segments, "kinds": kinds, "positions": positions}
    (number,) = connection.execute(sql_file(__package__, query).encode(), named).fetchone() or (0,)
    return int(number)


def _columns(rows: Sequence[tuple[Any, ...]], count: int = 4) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]
