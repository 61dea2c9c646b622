"""Keeps the lake up to date, in a thread and a process of its own, and drops old months that it holds."""

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

import duckdb

from receiver.keeping.notes import LAKE_NOTE, note_done, note_failure
from receiver.logs import describe
from receiver.processes.helper import Helper, explain
from receiver.settings import Settings
from receiver.store.arranging import come_last
from receiver.store.dropper import Dropper

_FIRST_SECONDS = 2.0
_SECONDS = 6 * 3600.0
"""Between two looks: a month is finished once in a month, and rows that come later have no haste."""
_WAITING_SECONDS = 60.0
_LATER_SECONDS = 600.0
"""Until months are compared once more that could not be dropped at that moment: their files are read for it."""
_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 5.0, 300.0
_LAST_SECONDS, _INTERRUPT_SECONDS = 1.0, 0.05

_NOT_NOW = "The store does other work, or notifications came that concern them; this is tried again."

_log = logging.getLogger(__name__)


class Lake:
    """Writes the months that the lake lacks, and tries again what failed.

    Args:
        settings: where the data directory and the lake are.
        dropper: drops what the process has found in the lake.
    """

    def __init__(self, settings: Settings, dropper: Dropper) -> None:
        self._settings = settings
        self._dropper = dropper
        self._helper = Helper(settings, "receiver.keeping.lake.process")
        self._wake = threading.Event()
        self._retry_seconds = _RETRY_SECONDS
        self._thread = threading.Thread(target=self._run, name="lake", daemon=True)

    def start(self) -> None:
        """Begin to look now and then, if CLC_LAKE is on."""
        if self._settings.lake == "on":
            self._thread.start()

    def stop(self) -> None:
        """Kill what runs, and end; a process that can't be killed is left behind."""
        self._helper.stop()
        self._wake.set()
        ends = time.monotonic() + _LAST_SECONDS
        while self._thread.is_alive() and time.monotonic() < ends:
            self._dropper.interrupt()  # an interrupt between two statements is lost
            self._thread.join(_INTERRUPT_SECONDS)

    def _run(self) -> None:
        come_last()
        self._wake.wait(_FIRST_SECONDS)
        while not self._helper.is_stopping:
            self._wake.wait(self._look())

    def _look(self) -> float:
        """Look once, and return after how many seconds to look again."""
        try:
            seconds = self._bring_up_to_date()
        except Exception as error:  # noqa: BLE001 - without the thread the lake would stand still in silence
            if not self._helper.is_stopping:
                self._fail(explain(error))
            seconds, self._retry_seconds = self._retry_seconds, min(2 * self._retry_seconds, _LONGEST_RETRY_SECONDS)
        else:
            self._retry_seconds = _RETRY_SECONDS
        return seconds

    def _bring_up_to_date(self) -> float:
        done = self._helper.run()
        if "waits_for" in done:
            note_done(self._settings, LAKE_NOTE, {"looked_at": _format_now(), "waits_for": done["waits_for"]})
            return _WAITING_SECONDS
        not_dropped = self._drop(done)
        if self._helper.is_stopping:  # which may have aborted that
            return _SECONDS
        self._succeed(done, not_dropped)
        return _LATER_SECONDS if not_dropped == _NOT_NOW else _SECONDS

    def _drop(self, done: dict[str, Any]) -> str | None:
        """Drop what may go, and say why old months stay, if some do."""
        drop, obstacle = done.get("drop"), done.get("not_dropped")
        try:
            is_done = drop is None or self._dropper.drop(datetime.fromisoformat(drop["before"]), drop["last_seq"])
        except duckdb.Error as error:
            obstacle, is_done = describe(error), True
        reason = obstacle if is_done else _NOT_NOW
        if reason and not self._helper.is_stopping:
            _log.warning("old months stay in the database: %s", reason)
        return reason

    def _succeed(self, done: dict[str, Any], not_dropped: str | None) -> None:
        for month in done["written"]:
            _log.info("%s is in the lake", month)
        if done["not_removed"]:
            _log.warning("old files stay in the lake: %s", done["not_removed"])
        months = {"months": done["months"], "newest": done["newest"]}
        note_done(self._settings, LAKE_NOTE, {"complete_at": _format_now(), **months, "not_dropped": not_dropped})

    def _fail(self, failure: str) -> None:
        if note_failure(self._settings, LAKE_NOTE, failure):
            _log.error("the lake can't be written, which is tried again: %s", failure)


def _format_now() -> str:
    return datetime.now(UTC).isoformat()
