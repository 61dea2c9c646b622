"""Counts stored notifications beside the appender, a row group's worth at a time."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import duckdb

from receiver.database.opening import transaction
from receiver.deriving.counts import add_counts, prepare_counts, read_counted
from receiver.store.arranging import find_last

ROWS = 122_880
"""How many notifications are counted at once: what is not counted yet takes readers a few milliseconds."""
_NO_END = 1 << 62


class Part(NamedTuple):
    """Notifications with a `seq` beyond `after`, up to `last`."""

    after: int
    last: int


class Counter:
    """Adds appended notifications to the counts.

    Args:
        connection: the store; a cursor of its own is taken.
        alone: opens a block in which nobody else writes to the store.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, alone: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection = connection.cursor()
        self._alone = alone
        self.counted = 0
        """How many notifications were counted in this process."""

    def step(self) -> bool:
        """Count the next part, and tell whether there was one.

        Raises:
            duckdb.Error: see `count`.
        """
        part = self.next_part()
        if part:
            self.count(part)
        return part is not None

    def next_part(self) -> Part | None:
        """Return the next notifications to count; None while they are too few."""
        after = read_counted(self._connection)
        last = find_last(self._connection, after, _NO_END, ROWS, left=0)
        return None if last is None else Part(after, last)

    def count(self, part: Part) -> None:
        """Add a part to the counts. Rows may change places meanwhile, and the changes of a notification may, too.

        Raises:
            duckdb.Error: it failed, and nothing was changed; it can be tried again.
        """
        prepare_counts(self._connection, *part)
        with self._alone(), transaction(self._connection):
            if read_counted(self._connection) == part.after:  # else a rebuild has begun the counts anew
                add_counts(self._connection, *part)
                self.counted += ROWS

    def interrupt(self) -> None:
        """Abort a running step, which then changes nothing."""
        self._connection.interrupt()
