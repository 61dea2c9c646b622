"""Deletes the rows that every node has in its store's file and that a backup holds, in small steps, after an hour."""

from receiver.files import sql_file
from receiver.shared_spool.batches import Connection

LOCK = 0x436C6346
"""The advisory lock under which one node at a time deletes."""
_ROWS_PER_STEP = 5_000
_SHORTEST_SECONDS = 3600.0
"""For a machine that begins with a backup or a newer program now, and is not known yet."""
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
_DELETE = "DELETE FROM clc_spool.rows WHERE segment = %s AND kind = %s AND position BETWEEN %s AND %s"
_NOTE = """
INSERT INTO clc_spool.freed VALUES (%s, %s, %s)
ON CONFLICT (segment, kind) DO UPDATE SET last = greatest(freed.last, excluded.last)
"""


def free_rows(connection: Connection) -> int:
    """Delete the next few rows that can go, and return how many; 0 also while another node does it.

    How far each segment is stays in `positions`, so that no node sends its rows again. `freed` says what is deleted, so
    that a node that lacks it notices.
    """
    freed = 0
    with connection.transaction():
        if connection.execute(_TRY_LOCK, [LOCK]).fetchone() != (True,):
            return 0
        query = sql_file(__package__, "free_batches.sql").encode()
        bounds = {"rows": _ROWS_PER_STEP, "seconds": _SHORTEST_SECONDS}
        for segment, kind, first, last in connection.execute(query, bounds).fetchall():
            freed += connection.execute(_DELETE, [segment, kind, first, last]).rowcount
            connection.execute(_NOTE, [segment, kind, last])
    return freed
