"""Looks at the shared spool before a node runs; puts a new one on the list, and says what the spool has for it."""

from typing import NamedTuple

from receiver.errors import SharedSpoolError
from receiver.shared_spool.batches import count_gone
from receiver.shared_spool.nodes import Identity, say_alive
from receiver.shared_spool.sending import read_positions
from receiver.shared_spool.server import SpoolServer, read_once
from receiver.shared_spool.tables import check_version
from receiver.spool import Watermarks


class Ahead(NamedTuple):
    """How many rows the shared spool has beyond a store, and how many of those the store needs are deleted there."""

    rows: int
    gone: int


def count_nodes(url: str) -> int:
    """Return how many nodes share a spool, 0 before its tables are made; change nothing.

    Raises:
        SharedSpoolError: the server can't be reached or used.
    """
    with read_once(url, "a check") as connection:
        if not check_version(connection):
            return 0
        ((number,),) = connection.execute("SELECT count(*) FROM clc_spool.nodes").fetchall()
        return int(number)


def register(server: SpoolServer, identity: Identity) -> None:
    """Put a node on the list: from now on rows are kept for it.

    Raises:
        SharedSpoolError: the server can't be used, or another node lives under this id.
    """
    with server.session() as connection:
        if not say_alive(connection, identity):
            raise SharedSpoolError("Another machine says that it has the id of this one: delete `node.id` here.")


def look_ahead(server: SpoolServer, watermarks: Watermarks) -> Ahead:
    """Compare the shared spool with the watermarks of a store.

    Raises:
        SharedSpoolError: the server can't be used.
    """
    with server.session() as connection:
        positions = read_positions(connection)
        gone = count_gone(connection, watermarks)
    return Ahead(sum(max(0, at - watermarks.get(place, 0)) for place, at in positions.items()), gone)
