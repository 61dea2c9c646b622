"""Keeps the table `rejected` within a byte budget for each reason, so that no stranger can fill the disk."""

from collections import Counter
from collections.abc import Sequence
from importlib import resources

import duckdb

from receiver.notification import Rejection
from receiver.store.damage import read_or
from receiver.store.database import run

# Each reason has as much: what anybody can send pushes out nothing but itself.
_SHARES = 8


class RejectedBudget:
    """Counts the bytes of refused notifications by reason and lets a reason's oldest go when it has too many.

    What was acknowledged and then set aside (`not_storable`, `damaged_in_spool`) neither counts nor goes.

    Args:
        connection: the appender's.
        limit: bytes of all; each reason may have an eighth.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, limit: int) -> None:
        self._connection = connection
        self._share = limit // _SHARES
        # Read beforehand: an upgrade takes the package's files away for a moment.
        self._prune, self._sizes = _sql("prune_rejected.sql"), _sql("rejected_bytes.sql")
        self._bytes = self._count()

    def add(self, rows: Sequence[Rejection]) -> None:
        """Count rows that were inserted; of each reason whose share is used up, only nine tenths of it stay."""
        for row in rows:
            self._bytes[row.reason] += row.cost
        if rows and max(self._bytes.values()) > self._share:
            run(self._connection, self._prune, [self._share * 9 // 10])
            self._bytes = self._count()

    def _count(self) -> Counter[str]:
        found = read_or(self._connection, self._sizes, [], "the size of `rejected` counts from nothing")
        return Counter({reason: int(size) for reason, size in found})


def _sql(name: str) -> str:
    return resources.files("receiver.store").joinpath(name).read_text("utf-8")
