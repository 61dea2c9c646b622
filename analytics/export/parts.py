"""Reads notifications in parts of bounded size, so that any number can be written with little memory."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from analytics import queries
from analytics.client.client import Client
from analytics.errors import NotAQueryError, NotRunningError, QueryError, TooManyBytesError, TooManyRowsError

MOST_ROWS = 10_000
MOST_BYTES = 32 * 1024 * 1024
WIDEST = 2_000_000
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
UTC_MOMENT = pa.timestamp("us", tz="UTC")

T = TypeVar("T")


class ExportFilter(NamedTuple):
    """A choice of notifications: received from `since` to before `until`, by account and event type; None is all."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: list[str] | None = None
    event_types: list[str] | None = None


class SeqRange(NamedTuple):
    """The first and the last `seq` of some notifications; `first` is after `last` where there are none."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Return the number of `seq` values in the range."""
        return self.last - self.first + 1


class ExportPart(NamedTuple):
    """Notifications in order of `seq`; with them, everything up to `reached` is read."""

    table: pa.Table
    reached: int


def find_range(client: Client, chosen: ExportFilter) -> SeqRange:
    """Return the range of `seq` in which the chosen notifications lie now.

    Raises:
        AnalyticsError: no answer.
    """
    (row,) = client.sql(*queries.query("export_extent", chosen._asdict())).to_pylist()
    return SeqRange(1, 0) if row["first"] is None else SeqRange(row["first"], row["last"])


def read_parts(
    client: Client, chosen: ExportFilter, extent: SeqRange, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES
) -> Iterator[ExportPart]:
    """Yield the chosen notifications with all columns, in at least one part, which may have no rows.

    Args:
        client: asks for one part at a time.
        chosen: which notifications.
        extent: the range of `seq`.
        most_rows: the most rows of a part.
        most_bytes: a part ends after so many bytes of bodies; its last body may exceed them.

    Raises:
        AnalyticsError: no answer, even after a while.
    """
    reached, width = extent.first - 1, most_rows
    while True:
        upto = min(reached + width, extent.last)
        bounds = {"first": reached + 1, "last": upto, "page_rows": most_rows, "most": most_bytes}
        query = queries.query("export_part", chosen._asdict() | bounds)
        table = convert_to_utc(insist(partial(client.sql, *query)))
        reached = find_reached(table, upto, most_rows, most_bytes)
        yield ExportPart(table, reached)
        if reached >= extent.last:
            return
        if reached < upto:
            width = max(width // 2, most_rows)
        elif table.num_rows < most_rows // 2:
            width = min(width * 2, WIDEST)


def find_reached(table: pa.Table, upto: int, most_rows: int, most_bytes: int) -> int:
    """Return the last `seq` of a part: the end of the range, or the last row where the part was cut off."""
    body_bytes = pc.sum(pc.binary_length(table.column("payload"))).as_py() or 0
    if table.num_rows and (table.num_rows >= most_rows or body_bytes >= most_bytes):
        return int(table.column("seq")[-1].as_py())
    return upto


def insist(ask: Callable[[], T], patience: float = PATIENCE_SECONDS) -> T:
    """Return an answer; ask again for a while where the receiver is busy or restarts.

    Raises:
        AnalyticsError: the receiver stayed away, or the question can't be answered.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except (NotAQueryError, TooManyBytesError, TooManyRowsError):
            raise
        except (NotRunningError, QueryError):
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def convert_to_utc(table: pa.Table) -> pa.Table:
    """Convert the moments of a table to UTC, whatever the time zone of the answer."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type != UTC_MOMENT:
            table = table.set_column(place, field.name, table.column(place).cast(UTC_MOMENT))
    return table
