"""Reads the shared spool for the store of a node: the rows of all nodes, each segment without a gap."""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import takewhile

from receiver.errors import SharedSpoolError
from receiver.files import sql_file
from receiver.shared_spool.rows import SELECTED, make_row
from receiver.shared_spool.sending import Positions, read_positions
from receiver.shared_spool.server import SpoolServer
from receiver.spool import Segment, SpooledRow, Watermarks
from receiver.spool.source import read_by_turns

_BYTES_PER_QUERY = 8 * 1024 * 1024
_ANSWER_SECONDS = 10.0
"""The longest wait for an answer: meanwhile the appender's thread does nothing else."""

_log = logging.getLogger(__name__)


class SharedSpoolReader:
    """The rows of the shared spool, as the appender takes them.

    The positions of a segment's rows follow each other. So a row whose transaction becomes visible late is never
    passed over: until it is there, no later row of its segment is read.

    Args:
        server: where the shared spool is.
    """

    def __init__(self, server: SpoolServer) -> None:
        self._server = server
        self._positions: Positions = {}
        self._gaps: dict[tuple[str, str], str] = {}
        self.waiting = 0
        """How many rows were left to read at the last look."""

    def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
        """Read new rows, those of the writers by turns; none while the server can't be used.

        Args:
            watermarks: how many rows of each segment and kind are stored.
            rows: the most rows.
            size: no more rows are read after so many bytes of bodies.
        """
        if not self._look():
            return
        self.waiting = self._count_new(watermarks)
        new = {name for (name, kind), at in self._positions.items() if at > watermarks.get((name, kind), 0)}
        segments = [_SharedSegment(name, self) for name in sorted(new)]
        for row in read_by_turns(segments, watermarks, rows, size):
            self.waiting -= 1
            yield row

    def read_segment(self, segment: str, kind: str, after: int, limit: int, max_bytes: int) -> list[SpooledRow]:
        """Read at most `limit` rows of a segment that lie after a position, up to the first gap."""
        last = self._positions.get((segment, kind), 0)
        if last <= after:
            return []
        query = sql_file(__package__, "read_rows.sql").format(columns=SELECTED)
        bounds = [segment, kind, after, last, limit, min(max_bytes, _BYTES_PER_QUERY)]
        try:
            with self._server.session(_ANSWER_SECONDS) as connection, connection.cursor(binary=True) as cursor:
                selected = cursor.execute(query.encode(), bounds).fetchall()
        except SharedSpoolError:
            return []
        found = enumerate(map(partial(make_row, segment, kind), selected), after + 1)
        rows = [row for _, row in takewhile(lambda each: each[1].position == each[0], found)]
        self._note_gap(segment, kind, after + len(rows) + 1, is_gap=len(rows) < max(len(selected), 1))
        return rows

    def _note_gap(self, segment: str, kind: str, position: int, *, is_gap: bool) -> None:
        gap = f"{kind} {position} of segment {segment} are not in the shared spool" if is_gap else None
        if gap is None:
            self._gaps.pop((segment, kind), None)
        elif self._gaps.get((segment, kind)) != gap:
            self._gaps[segment, kind] = gap
            _log.error("%s; what follows in that segment waits", gap)

    @property
    def failure(self) -> str | None:
        """Why rows can't be read at the moment."""
        return self._server.failure or next(iter(tuple(self._gaps.values())), None)

    def count_left(self, watermarks: Watermarks) -> int:
        """Count the rows that are not stored; 0 while the server can't be used, so that a backup can be made."""
        return self._count_new(watermarks) if self._look() else 0

    def _look(self) -> bool:
        """Read how far the shared spool is, and tell whether it could be read."""
        try:
            with self._server.session(_ANSWER_SECONDS) as connection:
                self._positions = read_positions(connection)
        except SharedSpoolError:
            return False
        return True

    def _count_new(self, watermarks: Watermarks) -> int:
        return sum(max(0, at - watermarks.get(place, 0)) for place, at in self._positions.items())

    def names(self) -> set[str]:
        """Return the names of the segments of which the shared spool holds rows."""
        return {segment for segment, _ in self._positions}

    def tidy(self, watermarks: Watermarks) -> None:
        """Do nothing: the shipper of each node reports the faults of its spool."""

    def list_taken(self, watermarks: Watermarks) -> list[Segment]:  # noqa: ARG002 - see `RowSource`
        """Return nothing: other nodes may still need the rows."""
        return []

    def free_taken(self, watermarks: Watermarks) -> None:
        """Do nothing, for the same reason."""

    def close(self) -> None:
        """Close the connection."""
        self._server.close()


class _SharedSegment:
    """A segment's rows in the shared spool."""

    def __init__(self, name: str, reader: SharedSpoolReader) -> None:
        self.name = name
        self.read = partial(reader.read_segment, name)
