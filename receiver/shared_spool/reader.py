"""Reads the shared spool for the store of a node: the rows of all nodes, in the one order that all nodes read."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from receiver.errors import SharedSpoolError
from receiver.shared_spool import batches
from receiver.shared_spool.batches import Part, read_positions
from receiver.shared_spool.nodes import Identity, Progress, report
from receiver.shared_spool.server import Connection, SpoolServer, hold_settings, transaction
from receiver.spool import Positions, Segment, SpooledRow, Watermarks, count_bytes

if TYPE_CHECKING:
    from datetime import datetime

_ROWS_PER_QUERY = 5_000
_BYTES_PER_QUERY = 8 * 1024 * 1024
_BATCHES_AHEAD = 5_000
_REPORT_SECONDS = 1.0
_REPORTING = "noting how far this store is"
_ANSWER_SECONDS = 10.0
"""The longest wait for an answer: meanwhile the appender's thread does nothing else."""

_log = logging.getLogger(__name__)


@dataclass
class _Held:
    """The rows that a file holds, and the number of the last batch up to which it holds all; None until it is found."""

    watermarks: Watermarks
    number: int | None


class SharedSpoolReader:
    """The rows of the shared spool, as the appender takes them: batch after batch, and of each the rows not stored yet.

    The watermarks say what is stored, and the batches say what is next. Where to go on is found from the watermarks
    again with each connection: it may lead to another server, whose batches have other numbers.

    Args:
        server: where the shared spool is.
        identity: this node; without it, no other hears how far this node is.
    """

    def __init__(self, server: SpoolServer, identity: Identity | None = None) -> None:
        self._server = server
        self._identity = identity
        self._connection: Connection | None = None
        self._seen = 0
        self._seen_put_at: datetime | None = None
        self._parts: list[Part] = []
        """What is not stored of the batches up to `_seen`."""
        self._positions: Positions = {}
        self._gaps: dict[tuple[str, str], str] = {}
        self._gone = 0
        self._checkpointed: _Held | None = None
        self._backed_up: _Held | None = None
        self._report_at = 0.0
        self.waiting = 0
        """How many rows were left to read at the last look."""

    def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
        """Read new rows in the order of the batches; none while the server can't be used.

        Args:
            watermarks: how many rows of each segment and kind are stored.
            rows: the most rows.
            size: no more rows are read after so many bytes of bodies.
        """
        has_looked = self._look(watermarks)
        can_read = has_looked and not self._gone
        reached, gaps = dict(watermarks), self._find_breaks(watermarks)
        while can_read and rows > 0 and size > 0:
            read = self._read_next(reached, gaps, min(rows, _ROWS_PER_QUERY), min(size, _BYTES_PER_QUERY))
            for row in read:
                reached[row.segment, row.kind] = row.position
                size -= count_bytes(row.row)
                yield row
            rows -= len(read)
            self.waiting -= len(read)
            can_read = bool(read)
        self._gaps = gaps
        if has_looked:
            self._report(watermarks)

    def _look(self, watermarks: Watermarks) -> bool:
        """Find out which batches are next, and tell whether that was possible."""
        try:
            with self._server.session(_ANSWER_SECONDS) as connection:
                newest, put_at = batches.read_newest(connection, self._seen)  # often, and short: it needs no settings
                is_same = connection is self._connection and newest >= self._seen and put_at == self._seen_put_at
                if not is_same:  # a pooler keeps our connection through a failover
                    self._begin(connection, watermarks)
                self._parts = [part for part in self._parts if part.last > watermarks.get(part.place, 0)]
                if newest > self._seen:
                    with transaction(connection):
                        self._read_ahead(connection, watermarks, newest)
        except SharedSpoolError:
            return False
        self.waiting = self._count_new(watermarks) if self._parts else 0
        return True

    def _begin(self, connection: Connection, watermarks: Watermarks) -> None:
        """Find out where to go on, in one view of the tables."""
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            hold_settings(connection)
            self._positions = read_positions(connection)
            self._parts, self._seen = [], batches.find_begin(connection, watermarks)
            _, self._seen_put_at = batches.read_newest(connection, self._seen)
            self._look_for_gone(connection, watermarks)
            for held in filter(None, (self._checkpointed, self._backed_up)):
                held.number = batches.find_begin(connection, held.watermarks)
        self._connection = connection

    def _report(self, watermarks: Watermarks) -> None:
        """Say now and then how far this node is: on the same connection, because another may have other numbers.

        A server that takes no writes can be read all the same. An error here closes its connection, and the next one
        leads to the server that takes them, once there is one.
        """
        if self._identity is None or self._gone or time.monotonic() < self._report_at:
            return
        self._report_at = time.monotonic() + _REPORT_SECONDS
        with (
            suppress(SharedSpoolError),  # the server keeps why
            self._server.session(_ANSWER_SECONDS, _REPORTING) as connection,
            transaction(connection),
        ):
            if connection is self._connection:
                held = [self._find_number(connection, each) for each in (self._checkpointed, self._backed_up)]
                report(connection, self._identity, Progress(self._find_stored_number(watermarks), *held))

    def _find_number(self, connection: Connection, held: _Held | None) -> int | None:
        if held and held.number is None:
            held.number = batches.find_begin(connection, held.watermarks)
        return held.number if held else None

    def _find_stored_number(self, watermarks: Watermarks) -> int:
        """Return the number of the last batch, of those that were looked at, up to which all rows are stored."""
        missing = (part.number for part in self._parts if part.last > watermarks.get(part.place, 0))
        return next(missing, self._seen + 1) - 1

    def _read_ahead(self, connection: Connection, watermarks: Watermarks, newest: int) -> None:
        """Read what the next batches hold, unless enough of them are known."""
        if sum(part.place not in self._gaps for part in self._parts) >= _BATCHES_AHEAD:
            return
        new = batches.read_parts(connection, self._seen, _BATCHES_AHEAD)
        if next((part.number for part in new), 0) != self._seen + 1:
            self._look_for_gone(connection, watermarks)
        self._parts += [part for part in new if part.last > watermarks.get(part.place, 0)]
        self._seen = new[-1].number if new else newest
        _, self._seen_put_at = batches.read_newest(connection, self._seen)
        for part in new:
            self._positions[part.place] = max(part.last, self._positions.get(part.place, 0))

    def _look_for_gone(self, connection: Connection, watermarks: Watermarks) -> None:
        gone = batches.count_gone(connection, watermarks)
        if gone and gone != self._gone:
            _log.error("%s", _describe_gone(gone))
        self._gone = gone

    def _read_next(
        self, reached: Watermarks, gaps: dict[tuple[str, str], str], rows: int, size: int
    ) -> list[SpooledRow]:
        """Read the next rows; none if there are none, or not on the connection on which the batches were read."""
        parts = list(batches.cut((part for part in self._parts if part.place not in gaps), reached, rows))
        if not parts:
            return []
        try:
            with self._server.session(_ANSWER_SECONDS) as connection, transaction(connection):
                if connection is not self._connection:
                    return []
                read, is_whole = batches.read_rows(connection, parts, size)
                if is_whole:
                    return read
                self._look_for_gone(connection, reached)
                return [] if self._gone else self._read_around_gaps(connection, gaps, parts, size)
        except SharedSpoolError:
            return []

    def _read_around_gaps(
        self, connection: Connection, gaps: dict[tuple[str, str], str], parts: Iterable[Part], size: int
    ) -> list[SpooledRow]:
        """Read the rows of the first part that begins with one; what begins with a gap, waits."""
        for part in parts:
            if part.place in gaps:
                continue
            read, _ = batches.read_rows(connection, [part], size)
            placed = takewhile(lambda each: each[0] == each[1].position, enumerate(read, part.first))
            rows = [row for _, row in placed]
            if rows:
                return rows
            gaps[part.place] = self._describe_gap(part.place, part.first)
        return []

    def _find_breaks(self, watermarks: Watermarks) -> dict[tuple[str, str], str]:
        """Find the segments of whose next rows there is no batch: what follows would pass them over."""
        breaks = batches.find_breaks(self._parts, watermarks)
        return {place: self._describe_gap(place, position) for place, position in breaks.items()}

    def _describe_gap(self, place: tuple[str, str], position: int) -> str:
        segment, kind = place
        gap = f"{kind} {position} of segment {segment} are not in the shared spool"
        if self._gaps.get(place) != gap:
            _log.error("%s; what follows in that segment waits", gap)
        return gap

    @property
    def failure(self) -> str | None:
        """Why the server can't be used at the moment."""
        return self._server.failure

    @property
    def obstacle(self) -> str | None:
        """What is missing in the shared spool, so that rows wait that this store needs."""
        return _describe_gone(self._gone) if self._gone else next(iter(tuple(self._gaps.values())), None)

    def count_left(self, watermarks: Watermarks) -> int:
        """Count the rows that are not stored; 0 while none can be read, so that a backup can be made."""
        return self._count_new(watermarks) if self._look(watermarks) and not self._gone else 0

    def _count_new(self, watermarks: Watermarks) -> int:
        return sum(max(0, at - watermarks.get(place, 0)) for place, at in self._positions.items())

    def list_names(self) -> set[str]:
        """Return the names of the segments of which the shared spool has or had rows."""
        return {segment for segment, _ in self._positions}

    def tidy(self, watermarks: Watermarks) -> None:
        """Do nothing: the shipper of each node reports the faults of its spool."""

    def list_taken(self, watermarks: Watermarks) -> list[Segment]:  # noqa: ARG002 - see `RowSource`
        """Return nothing: other nodes may still need the rows."""
        return []

    def free_taken(self, watermarks: Watermarks) -> None:
        """Note what the store's file holds; a shipper deletes rows when all nodes hold them."""
        self._checkpointed = _Held(dict(watermarks), self._find_stored_number(watermarks))

    def note_copy(self) -> Callable[[], None]:
        """Take what the store's file holds now as the content of a copy; call what is returned when that is checked."""
        held = self._checkpointed

        def note_backup() -> None:
            # The number is found anew: since the copy, the server may have become another, whose numbers are others.
            self._backed_up = held and _Held(held.watermarks, None)

        return note_backup

    def note_backup(self, watermarks: Watermarks) -> None:
        """Note a checked backup that an earlier process made, by what it holds."""
        self._backed_up = _Held(dict(watermarks), None)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()


def _describe_gone(rows: int) -> str:
    return (
        f"{rows:,} rows that this store does not have are deleted there, because this machine was forgotten or is new: "
        "restore a backup of another machine here"
    )
