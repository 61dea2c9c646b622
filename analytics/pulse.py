"""Tells within seconds whether a store answers, however long its queries take: a thread asks while somebody looks."""

import time
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import NamedTuple

from analytics.client import Client
from analytics.errors import AnalyticsError, SilentError

PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 2.0
WATCHED_SECONDS = 30.0
"""Nobody looks any more when the pulse was not asked for so long; then nothing is sent to the store."""


class Silence(NamedTuple):
    """Why a store does not answer, and since when: that it answered last, or else was asked first.

    `hangs` says that it takes connections all the same.
    """

    reason: str
    since: datetime
    hangs: bool = False


class Pulse:
    """Asks a store again and again whether it answers. May be used by several threads at once.

    Args:
        client: where to ask.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._thread: Thread | None = None
        self._wanted_at = 0.0
        self._silence: Silence | None = None

    def silence(self) -> Silence | None:
        """Return why the store does not answer and since when, as of some seconds ago at most; None where it does."""
        with self._lock:
            self._wanted_at = time.monotonic()
            if self._thread is None:
                self._silence = None
                self._thread = Thread(target=self._watch, name="pulse", daemon=True)
                self._thread.start()
            return self._silence

    def _watch(self) -> None:
        answered_at = datetime.now(UTC)
        while self._is_wanted():
            asked_at = datetime.now(UTC)
            try:
                self._client.probe(ANSWER_SECONDS)
            except AnalyticsError as error:
                self._note(Silence(str(error), answered_at, isinstance(error, SilentError)))
            else:
                answered_at = asked_at
                self._note(None)
            time.sleep(PAUSE_SECONDS)

    def _is_wanted(self) -> bool:
        with self._lock:
            if time.monotonic() - self._wanted_at < WATCHED_SECONDS:
                return True
            self._thread = None
            return False

    def _note(self, silence: Silence | None) -> None:
        with self._lock:
            self._silence = silence
