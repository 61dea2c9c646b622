"""What is kept of a row that can't be stored as it is."""

from receiver.notification import NOT_STORABLE, Notification, Rejection
from receiver.spool import Row


def not_storable(row: Row) -> Rejection:
    """Make what is kept in `rejected` of a row that DuckDB refuses: nothing that it could refuse again."""
    if isinstance(row, Notification):
        path, body = row.event_type or row.category, row.payload
    else:
        path, body = row.path, row.body
    return Rejection(row.id, row.received_at, NOT_STORABLE, _storable(path), _storable(row.source_ip or ""), "{}", body)


def _storable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
