"""Moves rows from the spool into DuckDB, in bulk and exactly once."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.database.appended import Appended, read_appended, write_appended
from receiver.database.checkpoints import checkpoint
from receiver.database.extent import count_notifications, read_dropped, read_watermarks
from receiver.database.faults import (
    FAULTS_OF_A_ROW,
    NEEDS_NEW_PROCESS,
    OUT_OF_MEMORY,
    UnderivableError,
    suspect,
)
from receiver.database.opening import run
from receiver.database.rows import insert_notifications, insert_rejections
from receiver.database.stumble import forget_stumble, note_stumble, read_stumble
from receiver.deriving import Derived, Deriver, load_bodies, make_read, write_changes
from receiver.deriving.counts import keep_counts
from receiver.deriving.tables import replace_account_states
from receiver.errors import StoreError
from receiver.logs import describe
from receiver.notification import NOT_STORABLE, Notification, NumberedNotification, Rejection
from receiver.processes.garbage import put_off_collection
from receiver.senders import Senders
from receiver.spool import Positions, RowSource, Segment, SpooledRow
from receiver.store.appending.condition import Housekeeping
from receiver.store.appending.duplicates import DuplicateFinder
from receiver.store.appending.exactly_once import find_last_positions, roll_back, store_with_watermarks
from receiver.store.appending.rejected import RejectedBudget, check_takes_rows, make_not_storable

# After a long outage there may be any number of segments, with bodies of any size.
_ROWS_PER_BATCH = 10_000
_BYTES_PER_BATCH = 32 * 1024 * 1024
_MERGES = 100
_log = logging.getLogger(__name__)


class _Incoming(NamedTuple):
    spooled: SpooledRow
    duplicate_of: UUID | None


class Appender:
    """Appends the spool's new rows.

    Rows and the spool's watermarks go in with one transaction, so a crash at any moment leaves each row either in
    the spool or in DuckDB, never in both or neither.

    Args:
        connection: the appender's own connection to the store.
        spool: where the rows come from.
        data_dir: where its progress is noted, see `receiver.database.appended`.
        duplicate_window_seconds: see `DuplicateFinder`.
        rejected_bytes: how many bytes of refused notifications are kept.
        senders: whose notifications they may be; by default all that the program knows.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        spool: RowSource,
        data_dir: Path,
        *,
        duplicate_window_seconds: float,
        rejected_bytes: int = 256 * 1024 * 1024,
        senders: Senders | None = None,
    ) -> None:
        self._connection = connection
        self._spool = spool
        self._window = duplicate_window_seconds
        self._rejected_bytes = rejected_bytes
        self._senders = senders
        self._data_dir = data_dir
        self._next_seq = 1
        # A batch is so many times smaller while others fail: a COMMIT may need more memory than there is.
        self._parts = 1
        self.appended = 0
        self.set_aside = 0
        self.housekeeping = Housekeeping()
        self._load()

    def _load(self) -> None:
        """Load the state from the store and its files."""
        self._is_out_of_step = True
        roll_back(self._connection)
        connection = self._connection
        self._duplicates = DuplicateFinder(connection, self._window)
        self._changes = Deriver(
            make_read(connection), bodies=load_bodies(self._data_dir, connection), senders=self._senders
        )
        self._rejected = RejectedBudget(connection, self._rejected_bytes)
        # If the database lost its latest rows, their numbers are not given again: readers go on from the last seen.
        used = read_appended(self._data_dir).seq
        dropped = read_dropped(make_read(connection))
        read = partial(run, connection)
        stored = count_notifications(read)
        self._stored = stored.notifications + dropped.notifications
        self._next_seq = max(self._next_seq, used + 1, stored.last_seq + 1, dropped.last_seq + 1)
        self._noted: Appended | None = None
        self._watermarks = read_watermarks(read)
        self._stumble = read_stumble(self._data_dir)
        self._put_aside_ids: set[UUID] = set()  # no originals of copies
        self._is_out_of_step = False

    def load_again(self) -> None:
        """Load the state from the store before the next rows, because others have changed it."""
        self._is_out_of_step = True

    @property
    def last_seq(self) -> int:
        """The highest `seq` ever given."""
        return self._next_seq - 1

    @put_off_collection()
    def append_new(self) -> int:
        """Append the new rows of all segments, up to a batch, and return how many they were.

        Raises:
            Exception: not all were appended, for no fault of a row. The next call begins with the store's state
                then. After one of `NEEDS_NEW_PROCESS` only a new process can go on.
        """
        if self._is_out_of_step:
            self._load()
        size = max(1, _ROWS_PER_BATCH // self._parts), _BYTES_PER_BATCH // self._parts
        try:
            spooled = list(self._spool.read_new(self._watermarks, *size))
            rows = self._add_originals(spooled)
            if self._stumble:
                self._append_carefully(rows)
            else:
                self._append(rows)
        except BaseException:
            self._is_out_of_step = True
            self._parts = min(2 * self._parts, _ROWS_PER_BATCH)
            raise
        self._parts = max(1, self._parts - 1)
        self._note()
        return len(rows)

    def count_backlog(self) -> int:
        """Count the rows that the spool holds and DuckDB does not.

        Raises:
            StoreError: there are segments whose rows can't be counted at the moment.
        """
        return self._spool.count_left(self._watermarks)

    def checkpoint(self, *, merging: bool = False) -> None:
        """Write all appended rows to DuckDB's file, then delete the segments that it holds whole.

        Args:
            merging: merge small row groups, which takes up to a second or two.

        Raises:
            duckdb.Error: there was no checkpoint, and nothing was deleted; trying again later may help.
        """
        try:
            run(self._connection, f"SET GLOBAL max_vacuum_tasks = {_MERGES if merging else 0}")
            checkpoint(self._connection)
        except duckdb.Error as error:
            suspect(self._data_dir, error)
            raise
        with self.housekeeping.task("deleting segments that are stored"):
            self.tidy()
            self._spool.free_taken(self._watermarks)
        self._note()

    def tidy(self) -> None:
        """Report faults in the spool's directory.

        Raises:
            OSError: it can't be read.
        """
        self._spool.tidy(self._watermarks)

    def list_done(self) -> list[Segment]:
        """List the segments that have no writer and are appended, as far as they can be read."""
        return self._spool.list_taken(self._watermarks)

    def _add_originals(self, spooled: Sequence[SpooledRow]) -> list[_Incoming]:
        accepted = [each.row for each in spooled if isinstance(each.row, Notification)]
        originals = iter(self._duplicates.find_originals(accepted))
        return [_Incoming(each, next(originals) if isinstance(each.row, Notification) else None) for each in spooled]

    def _append_carefully(self, rows: Sequence[_Incoming]) -> None:
        """Append the rows that ended the last process one by one; a row that ended it alone is put aside untried."""
        for incoming in rows:
            row = incoming.spooled
            if self._stumble == {(row.segment, row.kind, row.position)}:
                self._put_aside(row, RuntimeError("the store died of it"))
            else:
                self._append([incoming])
        self._stumble = set()
        forget_stumble(self._data_dir)

    def _append(self, rows: Sequence[_Incoming]) -> None:
        """Append rows in one transaction, or in halves if a row can't go in as it is, or if all need too much memory.

        Raises:
            Exception: it is no row's fault; the rows before those concerned are appended.
        """
        if not rows:
            return
        if self._is_out_of_step:  # since the rows before: these would be compared with what was so before those
            raise StoreError("what was stored last could not be remembered, so it is read again first")
        numbered = self._number(rows)
        try:
            self._store(rows, numbered, self._changes.derive(numbered))
        except (UnderivableError, *FAULTS_OF_A_ROW, *OUT_OF_MEMORY) as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                self._append(rows[:middle])
                self._append(rows[middle:])
            elif isinstance(error, OUT_OF_MEMORY):
                raise
            else:
                self._append_alone(rows[0], numbered, error)
        except NEEDS_NEW_PROCESS as error:
            note_stumble(self._data_dir, error, [spooled for spooled, _ in rows])
            raise

    def _append_alone(self, incoming: _Incoming, numbered: Sequence[NumberedNotification], error: Exception) -> None:
        """Append a row that can't go in as it is: a notification without its changes, or into `rejected`."""
        try:
            for each in numbered:
                self._store([incoming], numbered, self._changes.give_up(each, error))
                return
        except FAULTS_OF_A_ROW as refusal:
            error = refusal
        check_takes_rows(self._connection)
        self._put_aside(incoming.spooled, error)

    def _number(self, rows: Sequence[_Incoming]) -> list[NumberedNotification]:
        accepted = [(row, each.duplicate_of) for each in rows if isinstance(row := each.spooled.row, Notification)]
        return [
            NumberedNotification(seq, row, None if original in self._put_aside_ids else original)
            for seq, (row, original) in enumerate(accepted, self._next_seq)
        ]

    def _store(self, rows: Sequence[_Incoming], numbered: Sequence[NumberedNotification], derived: Derived) -> None:
        rejections = [spooled.row for spooled, _ in rows if isinstance(spooled.row, Rejection)]
        after = find_last_positions(spooled for spooled, _ in rows)
        with store_with_watermarks(self._connection, self._watermarks, after, self._remembering(derived)):
            insert_notifications(self._connection, numbered)
            insert_rejections(self._connection, rejections)
            self._duplicates.write_deliveries(numbered)
            replace_account_states(self._connection, derived.accounts)
            with keep_counts(self._connection, derived.stale):
                write_changes(self._connection, "changes", derived)
        self._next_seq += len(numbered)
        self._stored += len(numbered)
        self._advance(after, len(rows))
        with self.housekeeping.task("keeping `rejected` within its budget"):
            self._rejected.add(rejections)

    @contextmanager
    def _remembering(self, derived: Derived) -> Iterator[None]:
        """Remember what a block stores; an error in this ends here, because the block stores it all the same."""
        with ExitStack() as stack:
            with self.housekeeping.task("remembering what is stored"):
                self._is_out_of_step = True  # after an error here, the memory is incomplete and must be loaded again
                stack.enter_context(self._changes.settling(derived))
                self._is_out_of_step = False
            yield

    def _put_aside(self, spooled: SpooledRow, error: Exception) -> None:
        row = spooled.row
        after = find_last_positions([spooled])
        with store_with_watermarks(self._connection, self._watermarks, after):
            insert_rejections(self._connection, [make_not_storable(row)])
        self.set_aside += 1
        self._put_aside_ids.add(row.id)
        self._advance(after, 1)
        _log.error("row %s was set aside in the table rejected (%s): %s", row.id, NOT_STORABLE, describe(error))

    def _advance(self, positions: Positions, rows: int) -> None:
        self._watermarks |= positions
        self.appended += rows

    def _note(self) -> None:
        with self.housekeeping.task("noting how far the spool is stored"):
            # A segment's watermark stays when the segment is gone: if the file comes back (a disk mounted late, a copy
            # restored), nothing is appended twice. The note needs only those of segments that are still there.
            there = self._spool.list_names()
            positions = {(name, kind): at for (name, kind), at in self._watermarks.items() if name in there}
            note = Appended(self.last_seq, self._stored, positions)
            if note != self._noted:  # there are ten turns a second, most of them without a row
                write_appended(self._data_dir, note)
                self._noted = note
