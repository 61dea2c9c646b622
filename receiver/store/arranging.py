"""Puts rows of the same entity side by side, beside the appender: a row group's worth of notifications, then of four.

Each checkpoint leaves the rows since the last one in row groups of its own. Many small row groups are slow to read, and
if checkpoints merge them, as DuckDB does by default, the appender waits for a second and more. In a full row group
sorted by entity, payloads take half the space, and the history of a server lies in one or two places, not everywhere.
When four of those are sorted once more, together, each has the entities of a quarter of the alphabet, so a query for a
server reads one of the four. Sorting more at once would make reading in order of `seq` slow, as a rebuild does it.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from receiver.database.opening import run, transaction
from receiver.errors import StoreError
from receiver.files import sql_file
from receiver.logs import describe
from receiver.store.appending.condition import GivesWay
from receiver.store.counting import Counter

ROW_GROUP = 122_880
"""The most rows that DuckDB keeps together."""
NEWEST = 30_720
"""How many notifications stay in order of `seq` at least: they are read most often, and in sequence."""
WIDTH = 4
"""How many row groups are sorted together in the end."""
_SORTS = 4  # for each row group: the bodies of one at once would take 240 MB
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
_LOOK_SECONDS = 5.0
_RETRY_SECONDS, _LONGEST_SECONDS = 60.0, 3600.0
_MOST_ENDS = 3
_LEAST_PRIORITY = 19
_FATAL = (duckdb.FatalException, duckdb.InternalException)

_log = logging.getLogger(__name__)


class SeqRange(NamedTuple):
    """Notifications with a `seq` beyond `after`, up to `last`, which fill some row groups."""

    after: int
    last: int
    row_groups: int

    @property
    def table(self) -> str:
        """The table that notes how far rows are arranged in this width."""
        return "arranged_widely" if self.row_groups > 1 else "arranged"


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

    def _part(self, after: int, until: int, row_groups: int, left: int) -> SeqRange | None:
        """Return the first notifications between two, if they are enough and so many are left."""
        sql = sql_file(__package__, "next_to_arrange.sql")
        rows = row_groups * ROW_GROUP
        last, there = self._connection.execute(sql, {"after": after, "until": until, "rows": rows}).fetchall()[0]
        return SeqRange(after, last, row_groups) if there >= rows + left else None

    def arrange(self, part: SeqRange) -> None:
        """Put rows side by side by entity: notifications of a part, and their changes.

        Raises:
            duckdb.Error: it failed, and nothing was changed; after a conflict with another writer, or an interrupt, it
                can be tried again.
            StoreError: rows would have been lost or doubled, so nothing was changed.
        """
        with ExitStack() as until_committed, transaction(self._connection):
            before = {table: self._number(f"SELECT max(rowid) FROM {table}") or 0 for table in _TABLES}  # noqa: S608 - our own names
            added = {table: self._insert(table, part) for table in _TABLES}
            self.gives_way.take_break()
            until_committed.enter_context(self._alone())
            taken = {table: self._delete(table, part, before[table]) for table in _TABLES}
            if added != taken:
                raise StoreError(f"of the rows with seq in {part} there were {taken}, and then {added}.")
            run(self._connection, f"DELETE FROM {part.table}")  # noqa: S608 - our own names
            run(self._connection, f"INSERT INTO {part.table} VALUES (?)", [part.last])  # noqa: S608 - our own names
        self.arranged += part.row_groups * ROW_GROUP

    def _insert(self, table: str, part: SeqRange) -> int:
        """Insert the rows of a part once more, sorted; a quarter of a row group at a time, because bodies are large."""
        bounds = {"after": part.after, "last": part.last}
        rows = self._number(_RANK.format(table=table), bounds) or 0
        size = -(-rows // (part.row_groups * _SORTS)) or 1
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

    def interrupt(self) -> None:
        """Abort a running step, which then changes nothing."""
        self.gives_way.end()
        self._connection.interrupt()

    def _number(self, sql: str, parameters: dict[str, int] | None = None) -> int | None:
        number: int | None = self._connection.execute(sql, parameters).fetchall()[0][0]
        return number


def come_last() -> None:
    """Give all other threads of the machine priority over this one; only Linux has priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)


class ArrangeLoop:
    """Runs the arranger and the counter in a thread of their own until it is stopped.

    Args:
        arranger: puts rows side by side.
        counter: counts rows; they are counted first, as that takes less time.
        data_dir: where a note lies meanwhile, so that a step that ends the process does not end every start.
        turn: opens a block, and tells whether rows may be arranged in it.
        on_fatal: called when only a new process can go on.
    """

    def __init__(
        self,
        arranger: Arranger,
        counter: Counter,
        data_dir: Path,
        turn: Callable[[], AbstractContextManager[bool]],
        on_fatal: Callable[[], None],
    ) -> None:
        self._arranger = arranger
        self._counter = counter
        self._note = data_dir / "arranging"
        self._turn = turn
        self._on_fatal = on_fatal
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arranger", daemon=True)

    def start(self) -> None:
        """Begin to arrange."""
        self._thread.start()

    def stop(self) -> None:
        """End, and undo an unfinished step."""
        self._stopping.set()
        while self._thread.is_alive():
            self._arranger.interrupt()  # an interrupt between two statements is lost
            self._counter.interrupt()
            self._thread.join(0.05)

    def _run(self) -> None:
        come_last()
        if self._count_noted() >= _MOST_ENDS:
            _log.error("rows are not put side by side, which ended several processes; delete %s to try it", self._note)
            return
        seconds = _LOOK_SECONDS
        while not self._stopping.wait(seconds):
            try:
                seconds = self._step()
            except duckdb.InterruptException:
                continue
            except _FATAL:
                _log.exception("rows can't be put side by side in this process")
                self._on_fatal()
                return
            except (duckdb.TransactionException, duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
                seconds = min(max(_RETRY_SECONDS, 2 * seconds), _LONGEST_SECONDS)
                _log.warning("rows are not put side by side yet, again in %.0f s: %s", seconds, describe(error))
            except Exception as error:  # noqa: BLE001 - what is only for speed must not end anything else
                _log.error(
                    "rows are not put side by side until the next start: %s; `clc-receiver verify` names rows that "
                    "can't be read",
                    describe(error),
                )
                return

    def _step(self) -> float:
        """Work on the next part, and return the seconds until the next look: a store of years takes half a core."""
        with self._turn() as may:
            began = time.monotonic()
            work = self._find_work() if may else None
            if work is None or not self._arranger.gives_way.may_begin():
                return _LOOK_SECONDS
            with self._note_process():
                work()
            return time.monotonic() - began

    def _find_work(self) -> Callable[[], None] | None:
        """Return what counts or arranges the next part; None if there is none."""
        if uncounted := self._counter.next_part():
            return partial(self._counter.count, uncounted)
        part = self._arranger.next_part()
        return part and partial(self._arranger.arrange, part)

    @contextmanager
    def _note_process(self) -> Iterator[None]:
        """Count on the disk the processes that ended in this block, one after the other."""
        self._note.write_text(f"{self._count_noted() + 1}", "utf-8")
        try:
            yield
        except _FATAL:
            raise
        except BaseException:
            self._note.unlink(missing_ok=True)
            raise
        self._note.unlink(missing_ok=True)

    def _count_noted(self) -> int:
        try:
            return int(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return 0
