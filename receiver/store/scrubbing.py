"""Scrubs the database once a week, slowly, in a thread of its own."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from receiver.data_directory.incidents import report
from receiver.database.opening import run
from receiver.database.reading import Rows
from receiver.errors import StoreError
from receiver.keeping.scrub import read_scrub_note, scrub, write_scrub_note
from receiver.settings import Settings

_EVERY = timedelta(days=7)
_LOOK_SECONDS = 600.0
_BYTES_PER_SECOND = 32 * 2**20

_log = logging.getLogger(__name__)


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

    def rows(self, sql: str, parameters: list[Any]) -> Rows:
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
        if note and datetime.now(UTC) - note.at < _EVERY:
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
