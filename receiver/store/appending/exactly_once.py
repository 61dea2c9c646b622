"""Stores rows exactly once, in a transaction with the spool's watermarks, and finds copies of notifications."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.database.appended import Positions
from receiver.database.faults import NEEDS_NEW_PROCESS, CommitError, OutOfStepError, read_or
from receiver.database.opening import run
from receiver.database.rows import replace_watermarks
from receiver.files import sql_file
from receiver.logs import describe
from receiver.notification import Notification

_WATERMARKS = "SELECT segment, kind, position FROM watermarks"


def read_watermarks(connection: duckdb.DuckDBPyConnection) -> Positions:
    """Read the last stored position by (segment, kind)."""
    return {(segment, kind): int(position) for segment, kind, position in run(connection, _WATERMARKS)}


@contextmanager
def store_with_watermarks(connection: duckdb.DuckDBPyConnection, before: Positions, after: Positions) -> Iterator[None]:
    """Store the writes of a block together with new watermarks, or nothing if anything raises.

    Args:
        connection: with no transaction open.
        before: the watermarks before the rows; a missing place is at 0.
        after: the watermarks with the rows.

    Raises:
        OutOfStepError: the store has other watermarks, so the rows may be stored already.
        CommitError: it is not known whether the rows are stored.
        duckdb.Error: nothing is stored; at COMMIT only one of `NEEDS_NEW_PROCESS`.
    """
    run(connection, "BEGIN")
    try:
        _compare(read_watermarks(connection), before, after)
        yield
        replace_watermarks(connection, after)
    except BaseException:
        roll_back(connection)
        raise
    try:
        run(connection, "COMMIT")
    except NEEDS_NEW_PROCESS:
        raise
    except Exception as error:  # an OSError, too: only reading again tells whether the rows are stored
        roll_back(connection)
        message = f"COMMIT failed ({describe(error)}), and what is stored will be read again."
        raise CommitError(message) from error


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """End a transaction, if one is open."""
    with suppress(duckdb.Error):  # there is none: a COMMIT that fails has rolled back already
        run(connection, "ROLLBACK")


def _compare(stored: Positions, before: Positions, after: Positions) -> None:
    for (segment, kind), position in after.items():
        there, believed = stored.get((segment, kind), 0), before.get((segment, kind), 0)
        if not there == believed < position:
            raise OutOfStepError(
                f"{kind} of segment {segment} are stored up to {there}, though they were to be "
                f"stored from {believed} to {position}."
            )


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
        self._latest: dict[tuple[str, str, str], _Latest] = {}
        self.reload()

    def reload(self) -> None:
        """Load the latest notifications from the store."""
        query = sql_file(__package__, "latest_of_each_entity.sql")
        rows = read_or(self._connection, query, [], "copies of what came before are not told")
        self._latest = {tuple(row[:3]): _Latest._make(row[3:]) for row in rows}

    def original_of(self, row: Notification) -> UUID | None:
        """Return the id of the notification that this one copies; if None, this one becomes its entity's latest."""
        if row.entity_id is None:
            return None
        digest = sha256(row.payload).hexdigest()
        entity = row.sender, row.category, row.entity_id
        latest = self._latest.get(entity)
        if latest and self._is_copy(row, digest, latest):
            return latest.id
        self._latest[entity] = _Latest(row.id, row.event_type, row.received_at, digest)
        return None

    def _is_copy(self, row: Notification, digest: str, latest: _Latest) -> bool:
        return (
            digest == latest.digest
            and row.event_type == latest.event_type
            and abs(row.received_at - latest.received_at) <= self._window
        )
