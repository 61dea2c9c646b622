"""Finds the copies of a notification that a sender posts to several addresses: same body and event, in seconds."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.database.faults import read_or
from receiver.files import sql_file
from receiver.notification import Notification


class _Latest(NamedTuple):
    id: UUID
    event_type: str | None
    received_at: datetime
    digest: str


class DuplicateFinder:
    """Remembers each entity's latest notification that is not a copy itself.

    A notification is a copy when its body equals that of its entity's latest, the event is the same, and they were
    received within the window. The window counts from the original: a stream of equal bodies is no endless copy.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, window_seconds: float) -> None:
        self._connection = connection
        self._window = timedelta(seconds=window_seconds)
        self._latest: dict[tuple[str, str], _Latest] = {}
        self.reload()

    def reload(self) -> None:
        """Load the latest notifications from the store."""
        query = sql_file(__package__, "latest_of_each_entity.sql")
        rows = read_or(self._connection, query, [], "copies of what came before are not told")
        self._latest = {(category, entity_id): _Latest._make(latest) for category, entity_id, *latest in rows}

    def original_of(self, row: Notification) -> UUID | None:
        """Return the id of the notification that this one copies; if None, this one becomes its entity's latest."""
        if row.entity_id is None:
            return None
        digest = sha256(row.payload).hexdigest()
        latest = self._latest.get((row.category, row.entity_id))
        if latest and self._is_copy(row, digest, latest):
            return latest.id
        self._latest[row.category, row.entity_id] = _Latest(row.id, row.event_type, row.received_at, digest)
        return None

    def _is_copy(self, row: Notification, digest: str, latest: _Latest) -> bool:
        return (
            digest == latest.digest
            and row.event_type == latest.event_type
            and abs(row.received_at - latest.received_at) <= self._window
        )
