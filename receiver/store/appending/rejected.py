"""Keeps the table `rejected` within a byte budget for each reason, so that no stranger can fill the disk."""

from collections import Counter
from collections.abc import Sequence

import duckdb

from receiver.database.faults import read_or
from receiver.database.opening import run
from receiver.files import sql_file
from receiver.notification import NOT_STORABLE, Notification, Rejection
from receiver.spool import Row

# Each reason has an equal share, so rows that anybody can send push out only their own kind.
_SHARES = 8


class RejectedBudget:
    """Counts the bytes of refused notifications by reason, and deletes a reason's oldest when it has too many.

    Rows acknowledged and then set aside (`not_storable`, `damaged_in_spool`) do not count and are never deleted.

    Args:
        connection: the appender's.
        limit: bytes of all; each reason may have an eighth.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, limit: int) -> None:
        self._connection = connection
        self._share = limit // _SHARES
        self._bytes = self._count()

    def add(self, rows: Sequence[Rejection]) -> None:
        """Count rows that were inserted; of each reason whose share is used up, only nine tenths of it stay."""
        for row in rows:
            self._bytes[row.reason] += row.cost
        if max(self._bytes.values(), default=0) > self._share:
            run(self._connection, sql_file(__package__, "prune_rejected.sql"), [self._share * 9 // 10])
            self._bytes = self._count()

    def _count(self) -> Counter[str]:
        sizes = sql_file(__package__, "rejected_bytes.sql")
        rows = read_or(self._connection, sizes, [], "the size of `rejected` counts from nothing")
        return Counter({reason: int(size) for reason, size in rows})


def make_not_storable(row: Row) -> Rejection:
    """Make the row of `rejected` for a row that DuckDB refuses, without anything that it could refuse again."""
    if isinstance(row, Notification):
        path, body = row.event_type or row.category, row.payload
    else:
        path, body = row.path, row.body
    return Rejection(
        id=row.id,
        received_at=row.received_at,
        reason=NOT_STORABLE,
        path=_make_storable(path),
        source_ip=_make_storable(row.source_ip or ""),
        headers="{}",
        body=body,
        sender=None if row.sender is None else _make_storable(row.sender),
    )


def _make_storable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
