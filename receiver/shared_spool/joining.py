"""A node joins the shared spool: it opens what it sends there, and is on the list before it has a store.

When that is opened, no server is asked yet. A new node also learns what the shared spool has for it.
"""

from typing import NamedTuple

from receiver.data_directory.node import begin_run, read_machine_name, read_node_id
from receiver.errors import SharedSpoolError
from receiver.settings import Settings
from receiver.shared_spool.batches import count_gone, read_ids_ahead, read_positions
from receiver.shared_spool.nodes import PRESENCE, Identity, Membership, Presence, say_alive
from receiver.shared_spool.server import SpoolServer, check_version, read_once, transaction
from receiver.shared_spool.shipper import Shipper
from receiver.spool import SentNote, Watermarks
from receiver.spool.owners import open_spool

_READING_SECONDS = 120.0
"""The longest wait for the ids of all rows that the shared spool may hold."""
_WOULD_WRITE = """
SELECT
    NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off',
    has_database_privilege(current_database(), 'CREATE')
"""


class Ahead(NamedTuple):
    """How many rows the shared spool has beyond a store, and how many of those the store needs are deleted there."""

    rows: int
    gone: int


def count_nodes(url: str) -> int:
    """Return how many nodes share a spool, 0 before its tables are made; change nothing.

    Raises:
        SharedSpoolError: the server can't be reached or used, or would take no writes.
    """
    with read_once(url, "a check") as connection:
        ((takes_writes, may_create),) = connection.execute(_WOULD_WRITE).fetchall()
        if not takes_writes:
            raise SharedSpoolError("it takes no writes: name the server that does, or have it take them")
        if not check_version(connection):
            if not may_create:
                raise SharedSpoolError("its user may not create a schema in the database: GRANT CREATE ON DATABASE")
            return 0
        ((number,),) = connection.execute("SELECT count(*) FROM clc_spool.nodes").fetchall()
        return int(number)


def list_ids_ahead(url: str, watermarks: Watermarks) -> list[bytes]:
    """List the ids of the rows that the shared spool has beyond the watermarks of a store; change nothing.

    Raises:
        SharedSpoolError: the server can't be reached or used.
    """
    with read_once(url, "a restore", _READING_SECONDS) as connection:
        return list(read_ids_ahead(connection, watermarks)) if check_version(connection) else []


def register(server: SpoolServer, identity: Identity) -> None:
    """Put a node on the list: from now on rows are kept for it.

    Raises:
        SharedSpoolError: the server can't be used, or another node lives under this id.
    """
    with server.session() as connection, transaction(connection):
        if not say_alive(connection, identity):
            raise SharedSpoolError("Another machine says that it has the id of this one: delete `node.id` here.")


def look_ahead(server: SpoolServer, watermarks: Watermarks) -> Ahead:
    """Compare the shared spool with the watermarks of a store.

    Raises:
        SharedSpoolError: the server can't be used.
    """
    with server.session() as connection, transaction(connection):
        positions = read_positions(connection)
        gone = count_gone(connection, watermarks)
    return Ahead(sum(max(0, at - watermarks.get(place, 0)) for place, at in positions.items()), gone)


def open_shipper(settings: Settings, url: str, role: str, stored: Watermarks) -> tuple[Shipper, Membership]:
    """Open the shipper of this node's spool.

    Args:
        settings: where the spool is.
        url: of the shared spool.
        role: the node's.
        stored: see `Shipper`.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    spool = open_spool(settings)
    server = SpoolServer(url, "sending")
    membership = _join(settings, server, role)
    note = SentNote(settings.data_dir, settings.spool_directory) if settings.acknowledge == "replicated" else None
    return Shipper(spool, server, stored, membership, note), membership


def open_presence(settings: Settings, url: str, role: str) -> tuple[Presence, Membership]:
    """Open the announcement of a node without a spool.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    server = SpoolServer(url, PRESENCE)
    membership = _join(settings, server, role)
    return Presence(server, membership), membership


def _join(settings: Settings, server: SpoolServer, role: str) -> Membership:
    node = read_node_id(settings.data_dir)
    return Membership(server, Identity(node, read_machine_name(), role=role, runs=begin_run(settings.data_dir)))
