"""Keeps the table `rejected` within a byte budget, so that no stranger can fill the disk."""

from collections.abc import Sequence
from importlib import resources

import duckdb

from receiver.notification import Rejection
from receiver.store.damage import read_or
from receiver.store.database import run

# As `Rejection.cost` counts.
_SIZE = """
SELECT coalesce(sum(100 + strlen(path) + strlen(headers) + octet_length(body)), 0)
FROM rejected
WHERE reason NOT IN ('not_storable', 'damaged_in_spool')
"""


class RejectedBudget:
    """Counts the bytes of refused notifications and lets the oldest go when there are too many.

    What was acknowledged and then set aside (`not_storable`, `damaged_in_spool`) neither counts nor goes.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._bytes = int(read_or(connection, _SIZE, [(0,)], "the size of `rejected` counts from nothing")[0][0])

    def add(self, rows: Sequence[Rejection]) -> None:
        """Count rows that were inserted, and delete the oldest beyond nine tenths of the budget if it is used up."""
        self._bytes += sum(row.cost for row in rows)
        if self._bytes > self._limit:
            prune = resources.files("receiver.store").joinpath("prune_rejected.sql").read_text("utf-8")
            run(self._connection, prune, [self._limit * 9 // 10])
            self._bytes = int(run(self._connection, _SIZE)[0][0])
