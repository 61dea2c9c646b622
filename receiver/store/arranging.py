"""Puts rows of the same entity side by side, beside the appender: a row group's worth of them, then four times that.

Each checkpoint leaves the rows since the last one in row groups of its own. Many small row groups are slow to read, and
if checkpoints merge them, as DuckDB does by default, the appender waits for a second and more. In a full row group
sorted by entity, payloads take half the space, and the history of a server lies in one or two places, not everywhere.
When four of those are sorted once more, together, each has the entities of a quarter of the alphabet, so a query for a
server reads one of the four. Sorting more at once would make reading in order of `seq` slow, as a rebuild does it.

Fewer rows are sorted at once if their bodies are long: the appender waits while they are written, and a sort must fit
into memory.

Beside the appender notifications are counted, too, a row group's worth at a time.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import NamedTuple

import duckdb

from receiver.database.opening import run, transaction
from receiver.deriving.counts import add_counts, prepare_counts, read_counted
from receiver.errors import StoreError
from receiver.files import read_sql_file
from receiver.store.appending.condition import GivesWay

ROW_GROUP = 122_880
"""The most rows that DuckDB keeps together."""
NEWEST = 30_720
"""How many notifications stay in order of `seq` at least: they are read most often, and in sequence."""
WIDTH = 4
"""How many row groups are sorted together in the end."""
MOST_BYTES = 512 * 1024 * 1024
"""How many bytes of bodies are sorted together at first. A row group with bodies of 2.4 kB has 300 MB."""
_NEAR = 2  # where no seq is missing, all that is looked for lies in half of that
_SORTS = 4  # for each row group, because all its bodies at once would take up to `MOST_BYTES`
_TABLES = ("notifications", "changes")
_IN_PART = "seq > $after AND seq <= $last"
_RANK = (
    "CREATE OR REPLACE TEMP TABLE ranked AS SELECT rowid AS place, "  # noqa: S608 - our own names
    f"row_number() OVER (ORDER BY entity_id, category, sender, seq) AS rank FROM {{table}} WHERE {_IN_PART}"
)
_INSERT = (
    "INSERT INTO {table} SELECT {table}.* FROM {table} JOIN ranked ON {table}.rowid = place "  # noqa: S608 - our own names
    f"WHERE {_IN_PART} AND rank > $from AND rank <= $to ORDER BY rank"
)
# The rows that the transaction has inserted come after all others.
_DELETE = f"DELETE FROM {{table}} WHERE {_IN_PART} AND rowid <= $before"  # noqa: S608 - our own names
COUNTED_AT_ONCE = 122_880
"""How many notifications are counted at once: what is not counted yet takes readers a few milliseconds."""
_NO_END = 1 << 62


class SeqRange(NamedTuple):
    """Notifications with a `seq` beyond `after`, up to `last`, which fill some row groups."""

    after: int
    last: int
    row_groups: int

    @property
    def table(self) -> str:
        """The table that notes how far rows are arranged in this width."""
        return "arranged_widely" if self.row_groups > 1 else "arranged"

    @property
    def bounds(self) -> dict[str, int]:
        """The parameters of statements about these."""
        return {"after": self.after, "last": self.last}


def find_last(connection: duckdb.DuckDBPyConnection, after: int, until: int, rows: int, left: int) -> int | None:
    """Return the `seq` of the last of the first notifications between two; None unless so many are left.

    Most are near: it looks there first, because a store of years would take a second to look through.
    """
    enough = rows + left
    for end in (after + _NEAR * enough, until):
        values = {"after": after, "until": min(end, until), "rows": rows, "enough": enough}
        last, there = connection.execute(read_sql_file(__package__, "next_to_arrange.sql"), values).fetchall()[0]
        if there == enough or end >= until:
            break
    return int(last) if there == enough else None


class Arranger:
    """Arranges appended rows, in transactions that change no row's content.

    Args:
        connection: the store; a cursor of its own is taken.
        alone: opens a block in which nobody else writes to the store.
        keeps_up: tells whether the appender keeps up; while it does not, nothing is arranged, see `GivesWay`.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        alone: Callable[[], AbstractContextManager[None]],
        keeps_up: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connection = connection.cursor()
        self._alone = alone
        self.gives_way = GivesWay(keeps_up)
        self.arranged = 0
        """How many notifications changed places in this process; those that moved twice count twice."""

    def find_work(self) -> Callable[[], None] | None:
        """Return what arranges a row group's worth of notifications, else `WIDTH` times as many; None if few."""
        narrow = self._read_number("SELECT max(last_seq) FROM arranged") or 0
        wide = self._read_number("SELECT max(last_seq) FROM arranged_widely") or 0
        newest = self._read_number("SELECT max(seq) FROM notifications") or 0
        part = self._find_part(narrow, newest, 1, left=NEWEST) or self._find_part(wide, narrow, WIDTH, left=0)
        return part and partial(self.arrange, part)

    def _find_part(self, after: int, until: int, row_groups: int, left: int) -> SeqRange | None:
        """Return the first notifications between two, if they are enough and so many are left."""
        last = find_last(self._connection, after, until, row_groups * ROW_GROUP, left)
        return None if last is None else SeqRange(after, last, row_groups)

    def arrange(self, part: SeqRange) -> None:
        """Put rows side by side by entity: notifications of a part, and their changes.

        If bodies are long, these are the first of the part. A wide part with long bodies stays as it is, because its
        last row group would be written while the appender waits.

        Raises:
            duckdb.Error: it failed, and nothing was changed; after a conflict with another writer, or an interrupt, it
                can be tried again.
            StoreError: rows would have been lost or doubled, so nothing was changed.
        """
        light = {**part.bounds, "bytes": MOST_BYTES * part.row_groups}
        last = self._read_number(read_sql_file(__package__, "light_enough.sql"), light) or part.last
        if last == part.last or part.row_groups == 1:
            self._arrange(part._replace(last=last))
        else:
            with self._alone(), transaction(self._connection):
                self._note(part)

    def _arrange(self, part: SeqRange) -> None:
        with ExitStack() as until_committed, transaction(self._connection):
            before = {table: self._read_number(f"SELECT max(rowid) FROM {table}") or 0 for table in _TABLES}  # noqa: S608 - our own names
            added = {table: self._insert(table, part) for table in _TABLES}
            self.gives_way.take_break()
            until_committed.enter_context(self._alone())
            taken = {table: self._delete(table, part, before[table]) for table in _TABLES}
            if added != taken:
                raise StoreError(f"of the rows with seq in {part} there were {taken}, and then {added}.")
            self._note(part)
        self.arranged += added["notifications"]

    def _insert(self, table: str, part: SeqRange) -> int:
        """Insert the rows of a part once more, sorted; a quarter of a row group at a time, because bodies are large."""
        rows = self._read_number(_RANK.format(table=table), part.bounds) or 0
        size = -(-rows // (part.row_groups * _SORTS)) or 1
        inserted = 0
        for number, start in enumerate(range(0, rows, size)):
            if number % _SORTS == 0:
                self.gives_way.take_break()
            inserted += (
                self._read_number(_INSERT.format(table=table), {**part.bounds, "from": start, "to": start + size}) or 0
            )
        run(self._connection, "DROP TABLE ranked")
        return inserted

    def _delete(self, table: str, part: SeqRange, before: int) -> int:
        return self._read_number(_DELETE.format(table=table), {**part.bounds, "before": before}) or 0

    def _note(self, part: SeqRange) -> None:
        run(self._connection, f"DELETE FROM {part.table}")  # noqa: S608 - our own names
        run(self._connection, f"INSERT INTO {part.table} VALUES (?)", [part.last])  # noqa: S608 - our own names

    def interrupt(self) -> None:
        """Abort a running step, which then changes nothing."""
        self.gives_way.end()
        self._connection.interrupt()

    def _read_number(self, sql: str, parameters: dict[str, int] | None = None) -> int | None:
        number: int | None = self._connection.execute(sql, parameters).fetchall()[0][0]
        return number


class UncountedPart(NamedTuple):
    """Notifications with a `seq` beyond `after`, up to `last`."""

    after: int
    last: int


class Counter:
    """Adds appended notifications to the counts.

    Args:
        connection: the store; a cursor of its own is taken.
        alone: opens a block in which nobody else writes to the store.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, alone: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection = connection.cursor()
        self._alone = alone
        self.counted = 0
        """How many notifications were counted in this process."""

    def find_work(self) -> Callable[[], None] | None:
        """Return what counts the next notifications; None while they are too few."""
        after = read_counted(self._connection)
        last = find_last(self._connection, after, _NO_END, COUNTED_AT_ONCE, left=0)
        return None if last is None else partial(self.count, UncountedPart(after, last))

    def count(self, part: UncountedPart) -> None:
        """Add a part to the counts. Rows may change places meanwhile, and the changes of a notification may, too.

        Raises:
            duckdb.Error: it failed, and nothing was changed; it can be tried again.
        """
        prepare_counts(self._connection, *part)
        with self._alone(), transaction(self._connection):
            if read_counted(self._connection) == part.after:  # else a rebuild has begun the counts anew
                add_counts(self._connection, *part)
                self.counted += COUNTED_AT_ONCE

    def interrupt(self) -> None:
        """Abort a running step, which then changes nothing."""
        self._connection.interrupt()
