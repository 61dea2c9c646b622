"""The derived tables, `changes`, `account_states` and `delivery_ids`: read, written, and derived again in parts."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from receiver.changes.change import Change
from receiver.database.extent import read_dropped
from receiver.database.faults import FAULTS_OF_A_ROW, OUT_OF_MEMORY, UnderivableError, read_or_lose
from receiver.database.opening import Read, create_anew, run, transaction
from receiver.database.rows import insert, insert_table, make_numbered, make_table, select_numbered
from receiver.deriving.counts import forget_counts
from receiver.deriving.derived import AccountEvents, Cause, CausedChanges, Derived
from receiver.deriving.deriver import Deriver
from receiver.files import read_sql_file
from receiver.notification import NumberedNotification
from receiver.senders import Senders, load_senders
from receiver.senders.profile import Profile
from receiver.senders.request import BodyError, parse_body

Table = Literal["changes", "changes_rebuilt"]
_ROWS_PER_STEP = 2_000
_ROWS_READ = 10_000
_BYTES_READ = 16 * 1024 * 1024
_NEAR, _NO_END = 2, 1 << 62
_FORGET_STATES = (
    "DELETE FROM account_states "
    "WHERE (sender, alias) IN (SELECT (unnest($senders::VARCHAR[]), unnest($aliases::VARCHAR[])))"
)
# Rows are inserted and deleted, never updated: an update keeps a checkpoint from going on while somebody reads.
_INSERT_CORRECTED = (
    "INSERT INTO notifications SELECT notifications.* REPLACE (corrected AS occurred_at) FROM notifications "
    "JOIN (SELECT unnest($seqs::BIGINT[]) AS seq, unnest($times::TIMESTAMPTZ[]) AS corrected) USING (seq)"
)
_DELETE_CORRECTED = "DELETE FROM notifications WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND rowid <= $last_row"
_log = logging.getLogger(__name__)


class _UnderivedRow(NamedTuple):
    """A row of `underived`."""

    notification_id: str
    seq: int
    error: str
    failed_at: datetime


def make_read(connection: duckdb.DuckDBPyConnection) -> Read:
    """Make a deriver's `read` of a store; rows in a damaged block are left out."""

    def read(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return read_or_lose(connection, sql, "what changed since then is not told", parameters)

    return read


def write_changes(connection: duckdb.DuckDBPyConnection, table: Table, derived: Derived) -> None:
    """Write derived changes and failures, in the transaction that stores their notifications."""
    missing = "underived" if table == "changes" else "underived_rebuilt"
    if derived.stale:
        for name in (table, missing):
            run(connection, f"DELETE FROM {name} WHERE seq IN (SELECT unnest(?))", [derived.stale])  # noqa: S608 - constants
    if derived.changed:
        insert_table(connection, table, _make_table_of_changes(derived.changed))
    now = datetime.now(UTC)
    insert(
        connection,
        missing,
        _UnderivedRow,
        [_UnderivedRow(each.id, each.seq, each.error, now) for each in derived.failed],
    )


def _make_table_of_changes(changed: Sequence[CausedChanges]) -> pa.Table:
    # Arrow repeats what a notification's changes share quicker than it converts the same of Python's again and again.
    causes = make_table(Cause, [each.cause for each in changed])
    table = make_table(Change, [change for each in changed for change in each.changes])
    places = [place for place, each in enumerate(changed) for _ in each.changes]
    repeated = pc.take(causes, pa.array(places, pa.int64()))
    return pa.Table.from_arrays([*repeated.columns, *table.columns], [*repeated.column_names, *table.column_names])


def replace_account_states(
    connection: duckdb.DuckDBPyConnection, accounts: Mapping[tuple[str, str], AccountEvents]
) -> None:
    """Replace the states of accounts by those after new notifications.

    Args:
        connection: inside the transaction that stores those notifications, after it stored them.
        accounts: the accounts' new notifications, by sender and alias.
    """
    seqs = [seq for events in accounts.values() if not events.is_late for seq in events.seqs]
    in_order = _as_parameters(name for name, events in accounts.items() if not events.is_late)
    late = _as_parameters(name for name, events in accounts.items() if events.is_late)
    if seqs:
        run(connection, read_sql_file(__package__, "account_states_in_order.sql"), {**in_order, "seqs": seqs})
        run(connection, f"{_FORGET_STATES} AND seq NOT IN (SELECT unnest($seqs::BIGINT[]))", {**in_order, "seqs": seqs})
    if late["aliases"]:
        run(connection, _FORGET_STATES, late)
        run(connection, read_sql_file(__package__, "account_states_after_late_ones.sql"), late)


def _as_parameters(accounts: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    names = list(accounts)
    return {"senders": [sender for sender, _ in names], "aliases": [alias for _, alias in names]}


def derive_account_states(connection: duckdb.DuckDBPyConnection) -> None:
    """Derive `account_states` again from all notifications, inside a transaction."""
    run(connection, "DELETE FROM account_states")
    run(connection, read_sql_file(__package__, "account_states.sql"))


def derive_delivery_ids(connection: duckdb.DuckDBPyConnection) -> None:
    """Derive `delivery_ids` again from all notifications, inside a transaction."""
    run(connection, "DELETE FROM delivery_ids")
    run(connection, read_sql_file(__package__, "delivery_ids.sql"))


def select_closed() -> str:
    """Return a query for the `seq` of notifications whose changes stay as they are, because old months were dropped.

    It needs a store of the newest version.
    """
    return read_sql_file(__package__, "closed.sql")


class Rebuild:
    """A rebuild of `changes`, running or not. The store holds its progress, so that any start goes on with it.

    On its way it corrects each `occurred_at` that the sender's profile derives otherwise now.

    Args:
        connection: the appender's own; steps and appends take turns.
        senders: whose notifications they may be; by default all that the program knows.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, senders: Senders | None = None) -> None:
        self._connection = connection
        self._senders = load_senders() if senders is None else senders
        self._deriver: Deriver | None = None
        self._ahead: list[NumberedNotification] = []
        self._corrected: dict[int, datetime] = {}
        self._at_once = _ROWS_READ
        self.done = self._read_progress()
        """The last `seq` that is derived again; None while no rebuild runs."""
        self.derived = 0
        """How many notifications were derived again in this process."""
        self.failure: str | None = None
        """Why the last one could not go on."""

    def begin(self) -> None:
        """Begin a rebuild, or go on with one that was begun."""
        self.failure = None
        self.done = self._read_progress()
        if self.done is None:
            with transaction(self._connection):
                run(self._connection, "DELETE FROM changes_rebuilt")
                run(self._connection, "DELETE FROM underived_rebuilt")
                run(self._connection, "INSERT INTO rebuilding VALUES (0)")
            self.done = 0

    def put_off(self, why: str) -> None:
        """Go on only when asked to, or at the next start."""
        self.failure, self.done = why, None

    def step(self) -> None:
        """Derive from the next notifications again; after the last of them, replace the old table by the new one.

        Raises:
            duckdb.Error: the store could not be read or written; the step can be tried again.
        """
        if self.done is None:
            return
        if self._deriver is None:
            # A COMMIT that raised an error may still have written.
            self.done = self._read_progress()
            if self.done is None:
                return
            self._deriver = Deriver(make_read(self._connection), self.done, senders=self._senders)
            self._ahead = []
        try:
            batch = self._read_next(self.done)
            if batch:
                self._derive(self._deriver, batch)
            else:
                self._finish()
        except BaseException:
            self._deriver = None  # its memory may be ahead of what is written
            raise

    def _read_next(self, done: int) -> list[NumberedNotification]:
        """Return the notifications of the next step. They lie among others, so those of some steps are read at once."""
        self._ahead = [notification for notification in self._ahead if notification.seq > done] or self._read(done)
        return self._ahead[:_ROWS_PER_STEP]

    def _read(self, done: int) -> list[NumberedNotification]:
        """Read the next notifications, from now on fewer if their bodies are too long for the memory."""
        while True:
            try:
                return self._read_near(done, self._at_once)
            except OUT_OF_MEMORY:
                if self._at_once == 1:
                    raise
                self._at_once //= 2

    def _read_near(self, done: int, at_once: int) -> list[NumberedNotification]:
        """Read the next notifications: those near, if there are any, because it takes long to look through all."""
        sql = select_numbered(read_sql_file(__package__, "next_notifications.sql"))
        limits = {"after": done, "rows": at_once, "bytes": _BYTES_READ}
        for until in (done + _NEAR * at_once, _NO_END):
            if rows := self._connection.execute(sql, {**limits, "until": until}).fetchall():
                return [self._correct(make_numbered(row)) for row in rows]
        return []

    def _correct(self, numbered: NumberedNotification) -> NumberedNotification:
        """Return a notification with the time of its event that its sender's profile derives, and note what differs."""
        row, sender = numbered.row, self._senders.get(numbered.row.sender)
        if not isinstance(sender, Profile):
            return numbered
        with suppress(BodyError):
            told = sender.derive_again(row.event_type, parse_body(row.payload), row.received_at)
            if told.get("occurred_at", row.occurred_at) != row.occurred_at:
                self._corrected[numbered.seq] = told["occurred_at"]
                return numbered._replace(row=row._replace(occurred_at=told["occurred_at"]))
        return numbered

    def _derive(self, deriver: Deriver, batch: list[NumberedNotification]) -> None:
        """Derive from a batch; if a bug or the memory stops that, from its first half, down to one notification."""
        try:
            self._write(deriver, batch, deriver.derive(batch))
        except (UnderivableError, *FAULTS_OF_A_ROW, *OUT_OF_MEMORY) as error:
            if len(batch) > 1:
                self._derive(deriver, batch[: len(batch) // 2])
            elif isinstance(error, OUT_OF_MEMORY):
                raise
            else:
                self._write(deriver, batch, deriver.give_up(batch[0], error))

    def _write(self, deriver: Deriver, batch: list[NumberedNotification], derived: Derived) -> None:
        done = batch[-1].seq
        with transaction(self._connection):
            write_changes(self._connection, "changes_rebuilt", derived)
            self._write_corrected([each.seq for each in batch if each.seq in self._corrected])
            run(self._connection, "DELETE FROM rebuilding")
            run(self._connection, "INSERT INTO rebuilding VALUES (?)", [done])
        self.done = done
        self.derived += len(batch)
        deriver.settle(derived)

    def _write_corrected(self, seqs: list[int]) -> None:
        if seqs:
            times = [self._corrected.pop(seq) for seq in seqs]
            last_row = run(self._connection, "SELECT max(rowid) FROM notifications")[0][0]
            run(self._connection, _INSERT_CORRECTED, {"seqs": seqs, "times": times})
            run(self._connection, _DELETE_CORRECTED, {"seqs": seqs, "last_row": last_row})

    def _finish(self) -> None:
        with transaction(self._connection):
            self._take_closed()
            run(self._connection, "ALTER TABLE changes RENAME TO changes_before")
            run(self._connection, "ALTER TABLE changes_rebuilt RENAME TO changes")
            run(self._connection, "DROP TABLE changes_before")
            run(self._connection, "DELETE FROM underived")
            run(self._connection, "INSERT INTO underived FROM underived_rebuilt")
            run(self._connection, "DELETE FROM underived_rebuilt")
            create_anew(self._connection, {"changes_rebuilt"})
            derive_account_states(self._connection)
            forget_counts(self._connection)
            run(self._connection, "DELETE FROM rebuilding")
            run(self._connection, "DELETE FROM arranged")
            run(self._connection, "DELETE FROM arranged_widely")
        _log.info("the changes of all notifications are derived again")
        self.done = self._deriver = None

    def _take_closed(self) -> None:
        """Take the changes over that can't be derived again, because old months were dropped."""
        if not read_dropped(make_read(self._connection)).is_something:
            return
        for table in ("changes", "underived"):
            for statement in (f"DELETE FROM {table}_rebuilt", f"INSERT INTO {table}_rebuilt BY NAME FROM {table}"):  # noqa: S608 - our own names
                run(self._connection, f"{statement} WHERE seq IN ({select_closed()})")

    def _read_progress(self) -> int | None:
        rows = run(self._connection, "SELECT last_seq FROM rebuilding")
        return int(rows[0][0]) if rows else None
