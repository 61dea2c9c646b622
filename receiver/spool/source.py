"""The interface of a source of rows, and the order in which its writers are read by turns."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from receiver.spool.layout import KINDS, Watermarks, count_bytes
from receiver.spool.segment import Segment, SpooledRow

_ROWS_PER_TURN = 5_000


class RowSource(Protocol):
    """A source of rows: the segments of a spool directory, or the shared spool."""

    def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
        """Read new rows, so many or so many bytes at most: those of each writer in order, the writers by turns."""

    def count_left(self, watermarks: Watermarks) -> int:
        """Count the rows that are not taken."""

    def list_names(self) -> set[str]:
        """Return the names of the segments that are there."""

    def tidy(self, watermarks: Watermarks) -> None:
        """Report faults."""

    def list_taken(self, watermarks: Watermarks) -> list[Segment]:
        """List the segments that can go, because all of their rows are taken and no more will come."""

    def free_taken(self, watermarks: Watermarks) -> None:
        """Delete these segments."""

    def close(self) -> None:
        """Close all that is open."""


class Readable(Protocol):
    """A segment, wherever its rows lie."""

    @property
    def name(self) -> str:
        """Its name."""

    def read(self, kind: str, after: int, limit: int, max_bytes: int) -> list[SpooledRow]:
        """Read at most `limit` rows of a kind that lie after a position, in order, and no more after `max_bytes`."""


class _Place(NamedTuple):
    """The place in a segment after which rows of a kind are new."""

    segment: Readable
    kind: str
    after: int


def read_by_turns(segments: Iterable[Readable], watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
    """Read new rows of segments: those of each writer in the order in which it wrote them, the writers by turns.

    Args:
        segments: of all writers, oldest first.
        watermarks: how many rows of each segment and kind are taken.
        rows: the most rows.
        size: no more rows are read after so many bytes of bodies.
    """
    by_writer: dict[str, deque[_Place]] = {}
    for segment in segments:
        places = by_writer.setdefault(segment.name.rpartition("-")[0], deque())
        places += (_Place(segment, kind, watermarks.get((segment.name, kind), 0)) for kind in KINDS.values())
    turns = deque(by_writer.values())
    while turns and rows > 0 and size > 0:
        places = turns.popleft()
        place = places.popleft()
        limit = min(rows, _ROWS_PER_TURN)
        read = place.segment.read(place.kind, place.after, limit, size)
        rows -= len(read)
        size -= sum(count_bytes(each.row) for each in read)
        yield from read
        if len(read) == limit:
            places.appendleft(place._replace(after=read[-1].position))
        if places:
            turns.append(places)
