"""Rows for `rejected`: finding the row at fault that the store can't take, and keeping the table in its budget."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import duckdb

from receiver.database.faults import NEEDS_NEW_PROCESS, NotOneRowError, read_or_lose
from receiver.database.opening import run
from receiver.database.rows import insert_notifications, insert_rejections
from receiver.files import read_sql_file
from receiver.logs import describe
from receiver.notification import FIRST_PROOF, FIRST_SENDER, NOT_STORABLE, Notification, NumberedNotification, Rejection
from receiver.spool import Row
from receiver.store.appending.exactly_once import roll_back

# Each reason has an equal share, so rows that anybody can send push out only their own kind.
_SHARES = 8

_ID = UUID(int=0)
_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
_ACCEPTED = Notification(
    id=_ID,
    received_at=_MOMENT,
    event_type="Thing.Changed",
    category="Thing",
    action="Changed",
    account_alias="ACME",
    entity_id="THING",
    actor=None,
    occurred_at=_MOMENT,
    signature_status="missing",
    signature=None,
    source_ip=None,
    payload=b'{"thing":1}',
    key_fingerprint=None,
    sender=FIRST_SENDER,
    proof=FIRST_PROOF,
    signature_detail=None,
    delivery_id=None,
)
_REFUSED = Rejection(
    id=_ID,
    received_at=_MOMENT,
    reason="not_json",
    path="/webhooks/Thing.Changed",
    source_ip=None,
    headers="{}",
    body=b"no json",
    sender=FIRST_SENDER,
    signature_detail=None,
)


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
            run(self._connection, read_sql_file(__package__, "prune_rejected.sql"), [self._share * 9 // 10])
            self._bytes = self._count()

    def _count(self) -> Counter[str]:
        sizes = read_sql_file(__package__, "rejected_bytes.sql")
        rows = read_or_lose(self._connection, sizes, "the size of `rejected` counts from nothing")
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
        signature_detail=None if row.signature_detail is None else _make_storable(row.signature_detail),
    )


def _make_storable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def check_takes_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert rows that are known to be storable, and undo that.

    Raises:
        NotOneRowError: they can't be inserted, so no row is at fault.
        duckdb.Error: only a new process can go on.
    """
    run(connection, "BEGIN")
    try:
        insert_notifications(connection, [NumberedNotification(0, _ACCEPTED, None)])
        insert_rejections(connection, [_REFUSED])
    except NEEDS_NEW_PROCESS:
        raise
    except Exception as error:
        raise NotOneRowError(
            f"The store takes no row, not even one that is known to be good ({describe(error)})."
        ) from error
    finally:
        roll_back(connection)
