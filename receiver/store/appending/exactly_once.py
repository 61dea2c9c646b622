"""Stores rows exactly once, in a transaction with the spool's watermarks."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial

import duckdb

from receiver.database.extent import read_watermarks, replace_watermarks
from receiver.database.faults import NEEDS_NEW_PROCESS, CommitError, OutOfStepError
from receiver.database.opening import run
from receiver.logs import describe
from receiver.spool import Positions, SpooledRow


def find_last_positions(rows: Iterable[SpooledRow]) -> Positions:
    """Return the last position of rows by (segment, kind)."""
    return {(row.segment, row.kind): row.position for row in rows}


@contextmanager
def store_with_watermarks(
    connection: duckdb.DuckDBPyConnection,
    before: Positions,
    after: Positions,
    meanwhile: AbstractContextManager[None] | None = None,
) -> Iterator[None]:
    """Store the writes of a block together with new watermarks, or nothing if anything raises.

    Args:
        connection: with no transaction open.
        before: the watermarks before the rows; a missing place is at 0.
        after: the watermarks with the rows.
        meanwhile: entered while the database commits, and left with an error if that fails; it raises none itself.

    Raises:
        OutOfStepError: the store has other watermarks, so the rows may be stored already.
        CommitError: it is not known whether the rows are stored.
        duckdb.Error: nothing is stored; at COMMIT only one of `NEEDS_NEW_PROCESS`.
    """
    run(connection, "BEGIN")
    try:
        _compare(read_watermarks(partial(run, connection)), before, after)
        yield
        replace_watermarks(connection, after)
    except BaseException:
        roll_back(connection)
        raise
    try:
        _commit(connection, meanwhile or nullcontext())
    except NEEDS_NEW_PROCESS:
        raise
    except Exception as error:  # an OSError, too: only reading again tells whether the rows are stored
        roll_back(connection)
        message = f"COMMIT failed ({describe(error)}), and what is stored will be read again."
        raise CommitError(message) from error


def _commit(connection: duckdb.DuckDBPyConnection, meanwhile: AbstractContextManager[None]) -> None:
    # DuckDB does not hold Python's lock while it commits, so both can work at once, on two cores.
    with ThreadPoolExecutor(1, "commit") as thread:
        committing = thread.submit(run, connection, "COMMIT")
        with meanwhile:
            committing.result()


def roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """End a transaction, if one is open."""
    with suppress(duckdb.Error):  # there is none: a COMMIT that fails has rolled back already
        run(connection, "ROLLBACK")


def _compare(stored: Positions, before: Positions, after: Positions) -> None:
    for (segment, kind), position in after.items():
        there, believed = stored.get((segment, kind), 0), before.get((segment, kind), 0)
        if not there == believed < position:
            raise OutOfStepError(
                f"{kind} of segment {segment} are stored up to {there}, though they were to be "
                f"stored from {believed} to {position}."
            )
