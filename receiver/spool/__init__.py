"""The spool: SQLite segments in which answered requests wait, synced to disk, until the store has taken them."""

from receiver.spool.layout import KINDS, Positions, Row, Watermarks, count_bytes
from receiver.spool.reader import SpoolReader
from receiver.spool.segment import RowSource, Segment, SpooledRow
from receiver.spool.sent import Place, SentNote, Shipped, ShipperMetrics, read_shipped, write_shipped
from receiver.spool.writer import Done, SpoolWriter, WaitingRow

__all__ = [
    "KINDS",
    "Done",
    "Place",
    "Positions",
    "Row",
    "RowSource",
    "Segment",
    "SentNote",
    "Shipped",
    "ShipperMetrics",
    "SpoolReader",
    "SpoolWriter",
    "SpooledRow",
    "WaitingRow",
    "Watermarks",
    "count_bytes",
    "read_shipped",
    "write_shipped",
]
