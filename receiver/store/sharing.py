"""What the store has where `CLC_SHARED_SPOOL` is set: a shipper to the shared spool, and a reader from it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from receiver.data_directory.incidents import report
from receiver.keeping.care import SharedSpool
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.spool.owners import take_former
from receiver.store.appending.exactly_once import read_watermarks

if TYPE_CHECKING:
    from receiver.shared_spool import SharedSpoolReader, Shipper


class Sharing:
    """The shared spool, for the store of this node.

    Args:
        shipper: moves the rows of this node's spool there.
        source: reads the rows of all nodes.
    """

    def __init__(self, shipper: "Shipper", source: "SharedSpoolReader") -> None:
        self.shipper = shipper
        self.source = source
        self._since: datetime | None = None

    def condition(self) -> SharedSpool:
        """Return whether the shared spool can be used, and how many of its rows are not stored here."""
        failure = self.shipper.failure or self.source.failure
        self._since = (self._since or self.shipper.since or datetime.now(UTC)) if failure else None
        return SharedSpool(failure, self._since, self.source.waiting)


def open_shared_spool(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Sharing | None:
    """Return what the store needs for the shared spool; None where there is none. No server is asked yet.

    Args:
        settings: where this node's spool and the shared one are.
        connection: the store.
    """
    if settings.shared_spool is None:
        return None
    from receiver.shared_spool import SharedSpoolReader, Shipper, SpoolServer  # noqa: PLC0415 - psycopg belongs to an extra

    spool = SpoolReader(
        settings.spool_directory,
        report=lambda what, moved_to, missing: report(settings.data_dir, what, moved_to=moved_to, missing=missing),
        former=lambda: take_former(settings),
    )
    shipper = Shipper(spool, SpoolServer(settings.shared_spool, "sending"), read_watermarks(connection))
    return Sharing(shipper, SharedSpoolReader(SpoolServer(settings.shared_spool, "reading")))
