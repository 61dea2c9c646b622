"""Puts a new node on the list before it has a store, and says what the shared spool has for it."""

from typing import NamedTuple

from receiver.errors import SharedSpoolError
from receiver.shared_spool.batches import count_gone
from receiver.shared_spool.nodes import Identity, say_alive
from receiver.shared_spool.sending import read_positions
from receiver.shared_spool.server import SpoolServer
from receiver.spool import Watermarks


class Ahead(NamedTuple):
    """How many rows the shared spool has beyond a store, and how many of those the store needs are deleted there."""

    rows: int
    gone: int


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
