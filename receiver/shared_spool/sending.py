"""Puts rows into the shared spool, exactly once: rows, positions and their place in the order in one transaction."""

from collections.abc import Sequence
from typing import Any

import psycopg

from receiver.errors import ReceiverError
from receiver.shared_spool.batches import add_batch
from receiver.shared_spool.rows import COPIED, COPIED_TYPES, to_copy
from receiver.spool import SpooledRow, Watermarks

Positions = dict[tuple[str, str], int]

_COPY = f"COPY clc_spool.rows ({', '.join(COPIED)}) FROM STDIN (FORMAT BINARY)"
_READ = "SELECT segment, kind, last FROM clc_spool.positions"
_BEGIN = "INSERT INTO clc_spool.positions VALUES (%s, %s, 0) ON CONFLICT DO NOTHING"
_LOCK = "SELECT last FROM clc_spool.positions WHERE segment = %s AND kind = %s FOR UPDATE"
_MOVE = "UPDATE clc_spool.positions SET last = %s WHERE segment = %s AND kind = %s"


class OutOfStepError(ReceiverError):
    """Raised when the shared spool has other positions than those believed; nothing was put there."""


def read_positions(connection: psycopg.Connection[tuple[Any, ...]]) -> Positions:
    """Read how many rows of each segment and kind the shared spool holds."""
    return {(segment, kind): position for segment, kind, position in connection.execute(_READ)}


def put_rows(
    connection: psycopg.Connection[tuple[Any, ...]], rows: Sequence[SpooledRow], before: Watermarks
) -> Positions:
    """Put rows into the shared spool and return their positions, or put nothing there if anything raises.

    Args:
        connection: with no transaction open.
        rows: the next of their segments.
        before: how many rows of each segment and kind the shared spool is believed to hold.

    Raises:
        OutOfStepError: it holds others, so the rows may be there already.
        psycopg.Error: it is not known whether the rows are there, if COMMIT failed; otherwise they are not.
    """
    after = {(row.segment, row.kind): row.position for row in rows}
    with connection.transaction():
        _compare(connection, before, sorted(after))
        copy_rows(connection, rows)
        for (segment, kind), position in sorted(after.items()):
            connection.execute(_MOVE, [position, segment, kind])
        add_batch(connection, rows)
    return after


def copy_rows(connection: psycopg.Connection[tuple[Any, ...]], rows: Sequence[SpooledRow]) -> None:
    """Copy rows, inside the transaction that moves their positions."""
    with connection.cursor() as cursor, cursor.copy(_COPY.encode()) as copy:
        copy.set_types(COPIED_TYPES)
        for row in rows:
            copy.write_row(to_copy(row))


def _compare(
    connection: psycopg.Connection[tuple[Any, ...]], before: Watermarks, places: Sequence[tuple[str, str]]
) -> None:
    """Lock positions, so that a transaction whose end is not known has ended, and compare them."""
    for place in places:
        connection.execute(_BEGIN, place)
        (there,) = connection.execute(_LOCK, place).fetchone() or (0,)
        believed = before.get(place, 0)
        if there != believed:
            segment, kind = place
            raise OutOfStepError(f"{kind} of segment {segment} are there up to {there}, and not up to {believed}")
