"""How far a store has come: what it holds, what of the spool it has taken, and which old months it has dropped.

Each is read by a function that runs a query, because some readers have the file and others ask the query service.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import duckdb

from receiver.database.opening import Read, run
from receiver.files import read_sql_file
from receiver.spool.layout import Positions, from_microseconds

_COUNT = "SELECT count(*), coalesce(max(seq), 0) FROM notifications"
_WATERMARKS = "SELECT segment, kind, position FROM watermarks"
_WATERMARK = "SELECT coalesce(max(position), 0) FROM watermarks WHERE segment = ? AND kind = ?"
_FIRST_VERSION_WITH_DROPPED = 14
_VERSION = "SELECT max(version) FROM schema_version"
_DROPPED = "SELECT epoch_us(before), notifications, last_seq, kept FROM dropped"
T = TypeVar("T")


class Count(NamedTuple):
    """How many notifications a store holds, and the highest `seq` of them, which is 0 in an empty one."""

    notifications: int
    last_seq: int


def count_notifications(read: Read) -> Count:
    """Count the notifications that a store holds."""
    ((notifications, last_seq),) = read(_COUNT, [])
    return Count(notifications, last_seq)


def read_watermarks(read: Read) -> Positions:
    """Read the last position in the spool that a store has taken, by (segment, kind)."""
    return {(segment, kind): position for segment, kind, position in read(_WATERMARKS, [])}


def read_watermark(read: Read, segment: str, kind: str) -> int:
    """Read the last position in a segment that a store has taken of a kind; 0 for none."""
    ((position,),) = read(_WATERMARK, [segment, kind])
    return int(position)


def replace_watermarks(connection: duckdb.DuckDBPyConnection, positions: Positions) -> None:
    """Write how far each segment is appended.

    Args:
        connection: inside the transaction that appends the rows.
        positions: the last appended position by (segment, kind).
    """
    for (segment, kind), position in positions.items():
        run(connection, "DELETE FROM watermarks WHERE segment = ? AND kind = ?", [segment, kind])
        run(connection, "INSERT INTO watermarks VALUES (?, ?, ?)", [segment, kind, position])


class Taken(NamedTuple):
    """How many notifications a store took from the spool, and how many of them it holds, dropped, or set aside.

    It keeps in `rejected` what it could not store, and thus set aside.
    """

    taken: int
    stored: int
    set_aside: int
    dropped: int

    @property
    def missing(self) -> int:
        """How many are neither stored nor set aside; below 0, how many it has that did not come from the spool."""
        return self.taken - self.kept

    @property
    def kept(self) -> int:
        """How many are accounted for."""
        return self.stored + self.set_aside + self.dropped


def read_taken(read: Read) -> Taken:
    """Count the notifications that a store took, and what became of them."""

    def count(dropped: Dropped) -> Taken:
        ((taken, stored, set_aside),) = read(read_sql_file(__package__, "taken.sql"), [])
        return Taken(taken, stored, set_aside, dropped.notifications)

    return read_beside_drops(read, count)


class Dropped(NamedTuple):
    """The old months that a store has dropped: the lake holds them, and rows that later ones need stay in the store.

    The store has all that was received from `before` on, the first of all moments where nothing was dropped. It has
    dropped so many `notifications`, up to `last_seq`, and has `kept` so many older ones.
    """

    before: datetime
    notifications: int
    last_seq: int
    kept: int

    @property
    def is_something(self) -> bool:
        """Whether something was dropped."""
        return self != NOTHING


NOTHING = Dropped(datetime.min.replace(tzinfo=UTC), 0, 0, 0)


def read_dropped(read: Read) -> Dropped:
    """Read what a store has dropped, which may be of an older version."""
    version = max((version or 0 for (version,) in read(_VERSION, [])), default=0)
    for before, *numbers in read(_DROPPED, []) if version >= _FIRST_VERSION_WITH_DROPPED else []:
        return Dropped(from_microseconds(before), *numbers)
    return NOTHING


def read_beside_drops(read: Read, ask: Callable[[Dropped], T]) -> T:
    """Return an answer of the same moment as the dropped months; ask again if more were dropped meanwhile.

    Args:
        read: runs a query.
        ask: reads the answer; it gets what is dropped.
    """
    while True:
        dropped = read_dropped(read)
        answer = ask(dropped)
        if read_dropped(read) == dropped:
            return answer
