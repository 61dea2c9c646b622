"""The old months that a store has dropped. The lake holds them; rows that later ones need stay in the store."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from receiver.spool.layout import from_microseconds

_FIRST_VERSION = 14
_VERSION = "SELECT max(version) FROM schema_version"
_DROPPED = "SELECT epoch_us(before), notifications, last_seq, kept FROM dropped"


class Dropped(NamedTuple):
    """Since when all is here, how many notifications were dropped and up to which `seq`, and how many stayed.

    `before` is the first of all moments where nothing was dropped.
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


def read_dropped(read: Callable[[str, list[Any]], list[tuple[Any, ...]]]) -> Dropped:
    """Read what a store has dropped, which may be of an older version.

    Args:
        read: runs a query and returns its rows.
    """
    version = max((version or 0 for (version,) in read(_VERSION, [])), default=0)
    for before, *numbers in read(_DROPPED, []) if version >= _FIRST_VERSION else []:
        return Dropped(from_microseconds(before), *numbers)
    return NOTHING
