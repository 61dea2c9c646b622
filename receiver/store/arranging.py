"""Puts rows of the same entity side by side, beside the appender: a row group's worth of them, then four times that.

Each checkpoint leaves the rows since the last one in row groups of its own. Many small row groups are slow to read, and
if checkpoints merge them, as DuckDB does by default, the appender waits for a second and more. In a full row group
sorted by entity, payloads take half the space, and the history of a server lies in one or two places, not everywhere.
When four of those are sorted once more, together, each has the entities of a quarter of the alphabet, so a query for a
server reads one of the four. Sorting more at once would make reading in order of `seq` slow, as a rebuild does it.

Fewer rows are sorted at once if their bodies are long: the appender waits while they are written, and a sort must fit
into memory.

Beside the appender notifications are counted, too, a row group's worth at a time. A thread does both, and gives way to
all others.
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

from receiver.database.faults import NEEDS_NEW_PROCESS, OUT_OF_MEMORY
from receiver.database.opening import run, transaction
from receiver.deriving.counts import add_counts, prepare_counts, read_counted
from receiver.errors import StoreError
from receiver.files import read_sql_file
from receiver.logs import describe
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
_LOOK_SECONDS = 5.0
_RETRY_SECONDS, _LONGEST_SECONDS = 60.0, 3600.0
_MOST_ENDS = 3
_LEAST_PRIORITY = 19

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


def come_last() -> None:
    """Give all other threads of the machine priority over this one; only Linux has priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)


class ArrangeLoop:
    """Runs the arranger and the counter in a thread of their own until it is stopped.

    Args:
        arranger: puts rows side by side.
        counter: counts rows. It comes first, because counting takes less time.
        data_dir: where a note lies meanwhile, so that a step that ends the process is not tried at every start.
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
        self.failure: str | None = None
        """Why it has ended by itself, until the next start of the store."""
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
            self._give_up(
                f"it ended several processes, so not until {self._note} is deleted and the store begins again"
            )
            return
        seconds = _LOOK_SECONDS
        while not self._stopping.wait(seconds):
            try:
                seconds = self._step()
            except duckdb.InterruptException:
                continue
            except NEEDS_NEW_PROCESS:
                _log.exception("rows can't be put side by side in this process")
                self._on_fatal()
                return
            except (duckdb.TransactionException, duckdb.IOException, *OUT_OF_MEMORY, OSError) as error:
                seconds = min(max(_RETRY_SECONDS, 2 * seconds), _LONGEST_SECONDS)
                _log.warning("rows are not put side by side yet, again in %.0f s: %s", seconds, describe(error))
            except Exception as error:  # noqa: BLE001 - what is only for speed must not end anything else
                what = f"{describe(error)}; `clc-receiver verify` names rows that can't be read"
                self._give_up(f"not until the next start: {what}")
                return

    def _give_up(self, why: str) -> None:
        self.failure = why
        _log.error("rows are not put side by side: %s", why)

    def _step(self) -> float:
        """Work on the next part, and return the seconds until the next look: a store of years takes half a core."""
        with self._turn() as may:
            began = time.monotonic()
            work = (self._counter.find_work() or self._arranger.find_work()) if may else None
            if work is None or not self._arranger.gives_way.may_begin():
                return _LOOK_SECONDS
            with self._note_process():
                work()
            return time.monotonic() - began

    @contextmanager
    def _note_process(self) -> Iterator[None]:
        """Count on the disk the processes that ended in this block, one after the other."""
        self._note.write_text(f"{self._count_noted() + 1}", "utf-8")
        try:
            yield
        except NEEDS_NEW_PROCESS:
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
