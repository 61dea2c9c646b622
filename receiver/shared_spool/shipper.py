"""The shipper's thread: moves the rows of this node's spool to the shared spool, and then frees their segments."""

import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime

from receiver.errors import ReceiverError, SharedSpoolError
from receiver.logs import describe
from receiver.processes.heartbeat import Pulse
from receiver.shared_spool.batches import OutOfStepError, put_rows, read_positions
from receiver.shared_spool.nodes import Membership
from receiver.shared_spool.server import SpoolServer, transaction
from receiver.spool import Positions, RowSource, SentNote, Shipped, Watermarks

_TURN_SECONDS = 0.05
_PROMPT_SECONDS = 0.01
"""The pause between turns where answers wait for the shared spool."""
_TIDY_SECONDS = 5.0
_JUST_SECONDS = 5.0
"""A server that went away longer ago is not waited for at the end."""
_ROWS_PER_BATCH = 5_000
_BYTES_PER_BATCH = 8 * 1024 * 1024
# Rows can be read without their standby after a restart, or once their commit's wait was ended. A commit waits for all
# that is in the server's log before it, but only if it has written something there itself; this touches no row.
_WAIT_FOR_STANDBY = "SELECT pg_logical_emit_message(true, 'clc', '')"

_log = logging.getLogger(__name__)


class Shipper:
    """Moves new rows to the shared spool until it is stopped.

    `part` names its thread, as a part of a process.

    Args:
        spool: this node's spool.
        server: where the shared spool is.
        stored: how far this node's store had taken the spool by itself, before there was a shared spool.
        membership: keeps this node known to the others.
        note: tells listeners, whose answers wait for it, how many rows the shared spool holds; None where none wait.
    """

    part = "shipper"

    def __init__(
        self,
        spool: RowSource,
        server: SpoolServer,
        stored: Watermarks,
        membership: Membership | None = None,
        note: SentNote | None = None,
    ) -> None:
        self.pulse = Pulse()
        """Beats with each turn of the thread."""
        self.held: Positions | None = None
        """How many rows of each segment and kind the shared spool held at the last look; None before it."""
        self.trouble: str | None = None
        """Why this node's spool could not be read or cleared at the last turn."""
        self._spool = spool
        self._server = server
        self._stored = dict(stored)
        self._membership = membership
        self._sent_note = note
        self._shipped = Shipped()
        self._positions: Positions | None = None
        self._tidied_at = time.monotonic()
        self._stopping = threading.Event()
        self._last_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name=self.part, daemon=True)

    def start(self) -> None:
        """Begin to move rows."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Move what is left, for so many seconds at most, and end; the rest waits in this node's spool."""
        self._last_seconds = seconds
        self._stopping.set()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close the spool and the connection."""
        self._server.close()
        self._spool.close()

    def turn(self) -> int:
        """Move the next rows, clear up if that is due, and return how many rows were moved."""
        try:
            moved = self._ship()
            if time.monotonic() - self._tidied_at >= _TIDY_SECONDS:
                self.free()
        except SharedSpoolError:  # the server keeps why; if the rows are there, the next turn is out of step
            return 0
        except OutOfStepError as error:
            self._positions = None
            _log.warning("how far the shared spool is is read again: %s", error)
            return 0
        except (ReceiverError, sqlite3.Error, OSError) as error:
            self._note(describe(error))
            return 0
        self.trouble = None
        return moved

    def free(self) -> None:
        """Report faults in this node's spool, and delete the segments that the shared spool holds whole."""
        self._tidied_at = time.monotonic()
        if self._positions is None:
            return
        self._positions = self._read_positions()  # a server that took over may have fewer, behind a pooler
        places = {*self._stored, *self._positions}
        held = {place: max(self._stored.get(place, 0), self._positions.get(place, 0)) for place in places}
        self._spool.tidy(held)
        self._spool.free_taken(self._positions)

    def _ship(self) -> int:
        is_read_anew = self._positions is None
        if self._positions is None:
            self._positions = self._read_positions()
        rows = list(self._spool.read_new(self._positions, _ROWS_PER_BATCH, _BYTES_PER_BATCH))
        if rows:
            began = time.monotonic()
            with self._server.session() as connection:
                after = put_rows(connection, rows, self._positions)
            self._positions |= after
            self._count(len(rows), time.monotonic() - began)
        if rows or is_read_anew:
            self._tell(self._positions)
        return len(rows)

    def _read_positions(self) -> Positions:
        """Read how many rows of each segment and kind the shared spool holds, and its standby, if it waits for one."""
        with self._server.session() as connection, transaction(connection):
            connection.execute(_WAIT_FOR_STANDBY)
            return read_positions(connection)

    def _tell(self, positions: Positions) -> None:
        self.held = dict(positions)
        if self._sent_note:
            self._sent_note.write(positions)

    def _count(self, rows: int, seconds: float) -> None:
        before = self._shipped
        self._shipped = Shipped(before.rows + rows, before.batches + 1, before.seconds + seconds)

    @property
    def shipped(self) -> Shipped:
        """What was done in this process."""
        return self._shipped._replace(failures=self._server.failures)

    @property
    def failure(self) -> str | None:
        """Why rows can't be moved at the moment."""
        return self._server.failure or self.trouble

    @property
    def since(self) -> datetime | None:
        """The time since which the server can't be used."""
        return self._server.since

    def _note(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.error("this node's spool can't be read or cleared, which is tried again: %s", trouble)
        self.trouble = trouble

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self.pulse.busy("moving rows to the shared spool"):
                moved = self._turn_safely()
            if moved < _ROWS_PER_BATCH:
                self._stopping.wait(_PROMPT_SECONDS if self._sent_note else _TURN_SECONDS)
        ends = time.monotonic() + self._last_seconds
        with self.pulse.busy("moving the last rows to the shared spool"):
            while (moved := self._turn_safely()) or self._is_worth_another_turn():
                if time.monotonic() >= ends:
                    break
                if not moved:
                    time.sleep(_TURN_SECONDS)
            self._free_safely()

    def _is_worth_another_turn(self) -> bool:
        """Say whether a turn that moved nothing failed for a moment: its connection broke, or it was out of step."""
        since = self._server.since
        if since is None:
            return self._positions is None
        return (datetime.now(UTC) - since).total_seconds() < _JUST_SECONDS

    def _turn_safely(self) -> int:
        try:
            if self._membership:
                self._membership.turn()
            return self.turn()
        except Exception as error:  # noqa: BLE001 - the thread can't end in silence, and the rows wait
            self._positions = None
            self._note(type(error).__name__)
            _log.exception("rows could not be moved by an error in this program")
            self._stopping.wait(1)
            return 0

    def _free_safely(self) -> None:
        if self._server.failure:
            return
        try:
            self.free()
        except (ReceiverError, sqlite3.Error, OSError) as error:
            self._note(describe(error))
