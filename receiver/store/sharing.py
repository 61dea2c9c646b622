"""What the store has where `CLC_SHARED_SPOOL` is set: a shipper to the shared spool, and a reader from it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from receiver.data_directory.incidents import report
from receiver.data_directory.node import machine_name, node_id
from receiver.keeping.care import Machine, SharedSpool
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.spool.owners import take_former
from receiver.store.appending.exactly_once import read_watermarks

if TYPE_CHECKING:
    from receiver.shared_spool import Membership, NodeRow, Overview, SharedSpoolReader, Shipper


class Sharing:
    """The shared spool, for the store of this node.

    Args:
        shipper: moves the rows of this node's spool there.
        source: reads the rows of all nodes.
        membership: knows all nodes.
    """

    def __init__(self, shipper: "Shipper", source: "SharedSpoolReader", membership: "Membership") -> None:
        self.shipper = shipper
        self.source = source
        self._membership = membership
        self._since: datetime | None = None

    def condition(self) -> SharedSpool:
        """Return whether the shared spool can be used, how many of its rows are not stored here, and who shares it."""
        failure = self.shipper.failure or self.source.failure
        self._since = (self._since or self.shipper.since or datetime.now(UTC)) if failure else None
        obstacle = self._membership.obstacle or self.source.obstacle
        shared = SharedSpool(failure, self._since, self.source.waiting, obstacle)
        overview = self._membership.latest
        return self._with_machines(shared, overview) if overview else shared

    def _with_machines(self, shared: SharedSpool, overview: "Overview") -> SharedSpool:
        return shared._replace(
            machines=tuple(self._make_machine(node, overview) for node in overview.nodes),
            kept_seconds=overview.oldest_seconds,
            has_backup=any(node.backed_up >= overview.oldest for node in overview.nodes),
        )

    def _make_machine(self, node: "NodeRow", overview: "Overview") -> Machine:
        return Machine(
            id=str(node.node),
            name=node.name,
            version=node.version,
            role=node.role,
            unseen_seconds=node.unseen_seconds,
            rows_behind=node.rows_behind,
            seconds_behind=node.seconds_behind,
            lacks_rows=node.lacks_rows,
            is_holding=node.checkpointed < overview.oldest,
            is_this=node.node == self._membership.identity.node,
        )


def open_shared_spool(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Sharing | None:
    """Return what the store needs for the shared spool; None where there is none. No server is asked yet.

    Args:
        settings: where this node's spool and the shared one are.
        connection: the store.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    if settings.shared_spool is None:
        return None
    from receiver.shared_spool import (  # noqa: PLC0415 - psycopg belongs to an extra
        Identity,
        Membership,
        SharedSpoolReader,
        Shipper,
        SpoolServer,
    )

    spool = SpoolReader(
        settings.spool_directory,
        report=lambda what, moved_to, missing: report(settings.data_dir, what, moved_to=moved_to, missing=missing),
        former=lambda: take_former(settings),
    )
    sending = SpoolServer(settings.shared_spool, "sending")
    membership = Membership(sending, Identity(node_id(settings.data_dir), machine_name()))
    shipper = Shipper(spool, sending, read_watermarks(connection), membership)
    source = SharedSpoolReader(SpoolServer(settings.shared_spool, "reading"), membership.identity)
    return Sharing(shipper, source, membership)
