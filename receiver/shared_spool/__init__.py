"""The shared spool: rows of many nodes in PostgreSQL, from which the store of each node appends.

Imported only where `CLC_SHARED_SPOOL` is set, because psycopg belongs to an extra.
"""

from receiver.shared_spool.joining import (
    count_nodes,
    list_ids_ahead,
    look_ahead,
    open_presence,
    open_shipper,
    register,
)
from receiver.shared_spool.nodes import Identity, Membership, NodeRow, Overview, Presence, forget, read_overview
from receiver.shared_spool.reader import SharedSpoolReader
from receiver.shared_spool.server import SpoolServer, hold_settings, transaction
from receiver.shared_spool.shipper import Shipper

__all__ = [
    "Identity",
    "Membership",
    "NodeRow",
    "Overview",
    "Presence",
    "SharedSpoolReader",
    "Shipper",
    "SpoolServer",
    "count_nodes",
    "forget",
    "hold_settings",
    "list_ids_ahead",
    "look_ahead",
    "open_presence",
    "open_shipper",
    "read_overview",
    "register",
    "transaction",
]
