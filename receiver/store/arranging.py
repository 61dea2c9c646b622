"""Puts rows of the same entity side by side, beside the appender: a row group's worth of them, then four times that.

Each checkpoint leaves the rows since the last one in row groups of its own. Many small row groups are slow to read, and
if checkpoints merge them, as DuckDB does by default, the appender waits for a second and more. In a full row group
sorted by entity, payloads take half the space, and the history of a server lies in one or two places, not everywhere.
When four of those are sorted once more, together, each has the entities of a quarter of the alphabet, so a query for a
server reads one of the four. Sorting more at once would make reading in order of `seq` slow, as a rebuild does it.

Of long bodies fewer are sorted at once: the appender waits while they are written, and the memory bounds their sort.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import NamedTuple

import duckdb

from receiver.database.opening import run, transaction
from receiver.errors import StoreError
from receiver.files import sql_file
from receiver.store.appending.condition import GivesWay

ROW_GROUP = 122_880
"""The most rows that DuckDB keeps together."""
NEWEST = 30_720
"""How many notifications stay in order of `seq` at least: they are read most often, and in sequence."""
WIDTH = 4
"""How many row groups are sorted together in the end."""
MOST_BYTES = 512 * 1024 * 1024
"""How many bytes of bodies are sorted together at first; a row group with bodies of 2.4 kB has 300 MB."""
_SORTS = 4  # for each row group: the bodies of one at once would take 240 MB
_WEIGHED = 1_000
_WEIGH = "SELECT ceil(avg(strlen(payload::VARCHAR)))::BIGINT FROM notifications WHERE seq > $after AND seq <= $last"
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


class SeqRange(NamedTuple):
    """Notifications with a `seq` beyond `after`, up to `last`: a row group's worth of them, or `width` times that."""

    after: int
    last: int
    width: int
    are_long: bool
    """Whether fewer are a row group's worth than a row group has, because their bodies are long."""

    @property
    def table(self) -> str:
        """The table that notes how far rows are arranged in this width."""
        return "arranged_widely" if self.width > 1 else "arranged"


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
        self._worth: dict[int, tuple[int, int]] = {}  # what was weighed, by width: a look comes every few seconds

    def step(self) -> bool:
        """Arrange the next part, and tell whether there was one.

        Raises:
            duckdb.Error, StoreError: see `arrange`.
        """
        part = self.next_part()
        if part:
            self.arrange(part)
        return part is not None

    def next_part(self) -> SeqRange | None:
        """Return a row group's worth of notifications, else `WIDTH` times as many arranged ones, else None."""
        narrow = self._number("SELECT max(last_seq) FROM arranged") or 0
        wide = self._number("SELECT max(last_seq) FROM arranged_widely") or 0
        newest = self._number("SELECT max(seq) FROM notifications") or 0
        return self._part(narrow, newest, 1, left=NEWEST) or self._part(wide, narrow, WIDTH, left=0)

    def _part(self, after: int, until: int, width: int, left: int) -> SeqRange | None:
        """Return the first notifications between two, if they are enough and so many are left."""
        weighed, there = self._find(after, until, _WEIGHED)
        if there <= left:
            return None
        if self._worth.get(width, (-1, 0))[0] != after:
            self._worth[width] = after, self._weigh(after, weighed)
        worth = self._worth[width][1]
        last, there = self._find(after, until, width * worth)
        return SeqRange(after, last, width, worth < ROW_GROUP) if there >= width * worth + left else None

    def _find(self, after: int, until: int, rows: int) -> tuple[int, int]:
        """Return the `seq` of the last of the first so many notifications between two, and the number of all."""
        sql = sql_file(__package__, "next_to_arrange.sql")
        last, there = self._connection.execute(sql, {"after": after, "until": until, "rows": rows}).fetchall()[0]
        return last or after, there

    def _weigh(self, after: int, last: int) -> int:
        """Return how many notifications are a row group's worth: as many as it takes, or fewer with long bodies."""
        average = self._number(_WEIGH, {"after": after, "last": last}) or 1
        return max(1, min(ROW_GROUP, MOST_BYTES // average))

    def arrange(self, part: SeqRange) -> None:
        """Put rows side by side by entity: notifications of a part, and their changes.

        A wide part with long bodies lies in one row group, so a query would read as much after it: it is noted alone.

        Raises:
            duckdb.Error: it failed, and nothing was changed; after a conflict with another writer, or an interrupt, it
                can be tried again.
            StoreError: rows would have been lost or doubled, so nothing was changed.
        """
        if part.width > 1 and part.are_long:
            with self._alone(), transaction(self._connection):
                self._note(part)
            return
        with ExitStack() as until_committed, transaction(self._connection):
            before = {table: self._number(f"SELECT max(rowid) FROM {table}") or 0 for table in _TABLES}  # noqa: S608 - our own names
            added = {table: self._insert(table, part) for table in _TABLES}
            self.gives_way.take_break()
            until_committed.enter_context(self._alone())
            taken = {table: self._delete(table, part, before[table]) for table in _TABLES}
            if added != taken:
                raise StoreError(f"of the rows with seq in {part} there were {taken}, and then {added}.")
            self._note(part)
        self.arranged += added["notifications"]

    def _insert(self, table: str, part: SeqRange) -> int:
        """Insert the rows of a part once more, sorted; a quarter of a row group's worth at a time: bodies are large."""
        bounds = {"after": part.after, "last": part.last}
        rows = self._number(_RANK.format(table=table), bounds) or 0
        size = -(-rows // (part.width * _SORTS)) or 1
        inserted = 0
        for number, start in enumerate(range(0, rows, size)):
            if number % _SORTS == 0:
                self.gives_way.take_break()
            inserted += self._number(_INSERT.format(table=table), {**bounds, "from": start, "to": start + size}) or 0
        run(self._connection, "DROP TABLE ranked")
        return inserted

    def _delete(self, table: str, part: SeqRange, before: int) -> int:
        values = {"after": part.after, "last": part.last, "before": before}
        return self._number(_DELETE.format(table=table), values) or 0

    def _note(self, part: SeqRange) -> None:
        run(self._connection, f"DELETE FROM {part.table}")  # noqa: S608 - our own names
        run(self._connection, f"INSERT INTO {part.table} VALUES (?)", [part.last])  # noqa: S608 - our own names

    def interrupt(self) -> None:
        """Abort a running step, which then changes nothing."""
        self.gives_way.end()
        self._connection.interrupt()

    def _number(self, sql: str, parameters: dict[str, int] | None = None) -> int | None:
        number: int | None = self._connection.execute(sql, parameters).fetchall()[0][0]
        return number
