"""What the store has where `CLC_SHARED_SPOOL` is set: a shipper to the shared spool, and a reader from it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from receiver.data_directory.node import has_listener
from receiver.keeping.care import SharedSpool
from receiver.keeping.care.sharing import add_machines
from receiver.settings import Settings
from receiver.store.appending.exactly_once import read_watermarks

if TYPE_CHECKING:
    from receiver.shared_spool import Membership, Presence, SharedSpoolReader, Shipper


class Sharing:
    """The shared spool, for the store of this node.

    Args:
        thread: moves the rows of this node's spool there, if it has one, and keeps this node known.
        source: reads the rows of all nodes.
        membership: knows all nodes.
    """

    def __init__(self, thread: "Shipper | Presence", source: "SharedSpoolReader", membership: "Membership") -> None:
        self.thread = thread
        self.source = source
        self._membership = membership
        self._since: datetime | None = None

    def condition(self) -> SharedSpool:
        """Return whether the shared spool can be used, how many of its rows are not stored here, and who shares it."""
        failure = self.thread.failure or self.source.failure
        self._since = (self._since or self.thread.since or datetime.now(UTC)) if failure else None
        obstacle = self._membership.obstacle or self.source.obstacle
        shared = SharedSpool(failure, self._since, self.source.waiting, obstacle)
        return add_machines(shared, self._membership.latest, self._membership.identity.node)


def open_shared_spool(settings: Settings, role: str, connection: duckdb.DuckDBPyConnection) -> Sharing | None:
    """Return what the store needs for the shared spool; None where there is none. No server is asked yet.

    Args:
        settings: where this node's spool and the shared one are.
        role: this node's.
        connection: the store.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    url = settings.shared_spool
    if url is None:
        return None
    from receiver.shared_spool import (  # noqa: PLC0415 - psycopg belongs to an extra
        SharedSpoolReader,
        SpoolServer,
        open_presence,
        open_shipper,
    )

    thread, membership = (
        open_shipper(settings, url, role, read_watermarks(connection))
        if has_listener(role)
        else open_presence(settings, url, role)
    )
    return Sharing(thread, SharedSpoolReader(SpoolServer(url, "reading"), membership.identity), membership)
