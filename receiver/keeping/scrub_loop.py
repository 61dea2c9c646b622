"""Scrubs a running store's own file once a week, and notes when the last scrub ended and what it found."""

import json
import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from receiver.data_directory.incidents import report
from receiver.database.opening import run
from receiver.database.reading import Rows
from receiver.errors import StoreError
from receiver.files import write_whole
from receiver.keeping.scrub import DamagedRows, scrub
from receiver.logs import describe
from receiver.settings import Settings

FILE = "scrub.json"
_EVERY = timedelta(days=7)
_LOOK_SECONDS = 600.0
_BYTES_PER_SECOND = 32 * 2**20

_log = logging.getLogger(__name__)


class ScrubNote(NamedTuple):
    """The time at which the last scrub ended, and a sentence for each damage; `failure` says why a later one failed.

    `at` is None if none has ended yet.
    """

    at: datetime | None
    damages: list[str]
    failure: str | None = None


def read_scrub_note(data_dir: Path) -> ScrubNote | None:
    """Read the note; None if there is none, or it is damaged."""
    try:
        note = json.loads((data_dir / FILE).read_bytes())
        at = datetime.fromisoformat(note["at"]) if note["at"] is not None else None
        damages, failure = [str(damage) for damage in note["damages"]], note.get("failure")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if at and at.tzinfo is None:
        return None
    return ScrubNote(at, damages, None if failure is None else str(failure))


def write_scrub_note(data_dir: Path, damaged: list[DamagedRows]) -> None:
    """Note that a scrub has ended.

    Raises:
        OSError: it can't be written.
    """
    _write_note(data_dir, ScrubNote(datetime.now(UTC), [str(each) for each in damaged]))


def _write_note(data_dir: Path, note: ScrubNote) -> None:
    fields = {**note._asdict(), "at": note.at.isoformat() if note.at else None}
    write_whole(data_dir / FILE, json.dumps(fields, indent=1))


class ScrubLoop:
    """Re-reads the file once a week, until it is stopped; damage is noted, reported and red in the status.

    Args:
        settings: where things lie.
        connection: the store; the loop takes a cursor of its own.
    """

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
        self._settings = settings
        self._cursor = connection.cursor()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)

    def start(self) -> None:
        """Begin to scrub when it is due."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other scrub; a running one ends with the process."""
        self._stopping.set()

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query; see `receiver.database.reading.Reader`."""
        try:
            return run(self._cursor, sql, parameters)
        except duckdb.Error as error:
            raise StoreError(str(error).splitlines()[0]) from None

    def scrub_if_due(self) -> bool:
        """Scrub if the last scrub is a week old, and tell whether it was.

        Raises:
            StoreError, OSError: the file can't be read, or the note can't be written.
        """
        note = read_scrub_note(self._settings.data_dir)
        # A time in the future, which a wrong clock gave, keeps back no scrub.
        if note and note.at and timedelta() <= datetime.now(UTC) - note.at < _EVERY:
            return False
        damaged = scrub(self, self._settings.database, bytes_per_second=_BYTES_PER_SECOND)
        known = note.damages if note else []
        for each in damaged:
            if str(each) not in known:
                report(self._settings.data_dir, str(each))
        write_scrub_note(self._settings.data_dir, damaged)
        return True

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.scrub_if_due()
            except (StoreError, OSError) as error:
                _log.error("the database could not be scrubbed: %s", error)
                self._note_failure(error)
            except Exception as error:  # noqa: BLE001 - without the thread no damage would be found any more
                _log.exception("the database could not be scrubbed by an error in this program")
                self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        note = read_scrub_note(self._settings.data_dir) or ScrubNote(None, [])
        with suppress(OSError):
            _write_note(self._settings.data_dir, note._replace(failure=describe(error)))
