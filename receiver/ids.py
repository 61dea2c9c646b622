"""Ids of notifications: UUIDs of version 7, which carry the time of receipt and sort by it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(received_at: datetime) -> UUID:
    """Mint an id for a moment."""
    return uuid7(nanoseconds=(received_at - _EPOCH) // timedelta(microseconds=1) * 1000)
