"""Keeps counts of notifications and changed fields, so that a page need not count a year anew.

They hold the notifications up to the `last_seq` of the table `counted`; readers count the later ones themselves. So
appending writes no counts, and a notification that comes late is a later one like any other. Only the changes of a
counted notification may still become others, when its predecessor comes late.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from receiver.database.opening import Read, run
from receiver.files import read_sql_file

TABLES = ("counts_by_quarter", "counts_by_year", "counted")
_CHANGED_FIELDS = "changed_fields.sql"
_ADD_QUARTERS = (
    "INSERT INTO counts_by_quarter "
    "SELECT quarter, sender, category, event_type, sum(notifications), sum(changed_fields) FROM fresh_quarters "
    "GROUP BY ALL ORDER BY ALL"
)
_COUNTED = (
    "INSERT INTO counted SELECT $last, max(received_at) FROM "
    "(SELECT received_at FROM notifications WHERE seq > $after AND seq <= $last UNION ALL SELECT newest FROM counted)"
)


def read_counted(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the `seq` of the last notification that is counted; 0 if none is."""
    return int(run(connection, "SELECT coalesce(max(last_seq), 0) FROM counted")[0][0])


def prepare_counts(connection: duckdb.DuckDBPyConnection, after: int, last: int) -> None:
    """Count the notifications from one `seq` to another, in tables that only this connection has."""
    for name in ("counts_by_quarter.sql", "counts_by_year.sql"):
        connection.execute(read_sql_file(__package__, name), {"after": after, "last": last}).fetchall()


def add_counts(connection: duckdb.DuckDBPyConnection, after: int, last: int) -> None:
    """Add what was prepared to the counts, and the changed fields of the same notifications.

    Args:
        connection: inside a transaction, while nobody else writes changes.
        after: the last counted `seq`.
        last: the last `seq` of the prepared.
    """
    part = {"after": after, "last": last}
    changed = read_sql_file(__package__, _CHANGED_FIELDS).replace("/* counts */ counts_by_quarter", "fresh_quarters")
    connection.execute(changed, {"sign": 1, **part}).fetchall()
    run(connection, _ADD_QUARTERS)
    run(connection, "DELETE FROM counts_by_year WHERE year IN (SELECT year FROM fresh_years)")
    run(connection, "INSERT INTO counts_by_year FROM fresh_years")
    connection.execute(_COUNTED, part).fetchall()
    connection.execute("DELETE FROM counted WHERE last_seq <= $after", {"after": after}).fetchall()
    for name in ("fresh_quarters", "fresh_years"):
        run(connection, f"DROP TABLE {name}")


@contextmanager
def keep_counts(connection: duckdb.DuckDBPyConnection, seqs: Sequence[int]) -> Iterator[None]:
    """Keep the counts right while a block replaces the changes of notifications, in its transaction."""
    counted = read_counted(connection) if seqs else 0
    chosen = [seq for seq in seqs if seq <= counted]
    if not chosen:
        yield
        return
    query = read_sql_file(__package__, _CHANGED_FIELDS).replace("/* chosen */", "AND seq IN (SELECT unnest($seqs))")
    values = {"seqs": chosen, "after": min(chosen) - 1, "last": max(chosen)}
    connection.execute(query, {"sign": -1, **values}).fetchall()
    yield
    connection.execute(query, {"sign": 1, **values}).fetchall()


def count_that_agree(read: Read) -> list[tuple[str, int | None, int | None]]:
    """Compare the counts with what they are of: return what is counted, how many there must be, and how many agree."""
    return [
        (name, expected, found)
        for name, expected, found in read(read_sql_file(__package__, "counts_that_agree.sql"), [])
    ]


def forget_counts(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete all counts; they are counted again."""
    for name in TABLES:
        run(connection, f"DELETE FROM {name}")  # noqa: S608 - our own names
