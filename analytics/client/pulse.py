"""Watches whether a store, its queries and its listeners answer. Threads ask while a page is open."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import NamedTuple

from analytics.client.cancelling import Cancellation
from analytics.client.client import Client
from analytics.client.signs import find_failures, listener_answers, read_serve
from analytics.errors import AnalyticsError, SilentError
from analytics.settings import Settings

PATIENCE = timedelta(seconds=3)
"""A shorter silence of a listener is not reported: it may be busy, or another replaces it."""
LOST = "The sender never tries again: what it sends meanwhile may be lost. clc-receiver serve replaces one that hangs."
PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 2.0
QUERY = "SELECT 'pulse'"
SLOW = (
    f"It answers, but the smallest query takes longer than {ANSWER_SECONDS:g} s: other queries keep it busy, or other "
    "programs its machine. Wait, or end what takes long. Nothing that was acknowledged is at risk."
)
WATCHED_SECONDS = 30.0
"""After this time without a question from a page, the threads stop asking the store."""


_log = logging.getLogger(__name__)


class Silence(NamedTuple):
    """The reason why a store does not answer, and its begin: the last answer, or else the first question.

    `hangs`: it still takes connections. `slow`: it answers, but is slow with queries.
    """

    reason: str
    since: datetime
    hangs: bool = False
    slow: bool = False


class PulseQuery:
    """The smallest query to a store: it waits as long as other queries do.

    Args:
        client: asks the store.
    """

    def __init__(self, client: Client) -> None:
        """Run the query in its own thread."""
        self._client = client
        self._asked_at = datetime.now(UTC)
        self._begun = time.monotonic()
        self._took: float | None = None
        self._cancellation = Cancellation()
        self._thread = Thread(target=self._ask, name="pulse query", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it was answered or refused; a store that refuses it also reacts."""
        return not self._thread.is_alive()

    def find_slow_start(self, heard: float) -> datetime | None:
        """Return the query's begin where it took long, or takes long while the store answers; else None.

        Args:
            heard: the time of the last probe that the store answered, on the monotonic clock.
        """
        seconds = heard - self._begun if self._took is None else self._took
        return self._asked_at if seconds >= ANSWER_SECONDS else None

    def withdraw(self) -> None:
        """Stop waiting for the answer."""
        self._cancellation.cancel()

    def _ask(self) -> None:
        with suppress(AnalyticsError):
            self._client.sql(QUERY, cancellation=self._cancellation)
        self._took = time.monotonic() - self._begun


class Lookout:
    """Checks in a thread whether something answers, as long as pages ask. Several threads may ask.

    Args:
        name: the name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._thread: Thread | None = None
        self._wanted_at = 0.0
        self._silence: Silence | None = None

    def find_silence(self) -> Silence | None:
        """Return the silence, at most some seconds old; None where it answers."""
        with self._lock:
            self._wanted_at = time.monotonic()
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            return self._silence

    def _run(self) -> None:
        """Check; where that fails by itself, a silence says so until the next question starts it again."""
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - what it is not told of may not look like an answer
            _log.exception("the %s failed", self._name)
            with self._lock:
                self._thread = None
                self._silence = Silence(f"Whether it answers can't be found out: {error}.", datetime.now(UTC))

    def _watch(self) -> None:
        """Check until no page asks any more, and note the results."""
        raise NotImplementedError

    def _is_wanted(self) -> bool:
        with self._lock:
            if time.monotonic() - self._wanted_at < WATCHED_SECONDS:
                return True
            self._thread, self._silence = None, None
            return False

    def _note(self, silence: Silence | None) -> None:
        with self._lock:
            self._silence = silence


class Pulse(Lookout):
    """Checks whether a store answers, and whether it answers a query soon.

    Args:
        client: asks the store.
        find_begin: returns the begin of a silence that began before the first check, where something tells it.
    """

    def __init__(self, client: Client, find_begin: Callable[[], datetime | None] = lambda: None) -> None:
        super().__init__("pulse")
        self._client = client
        self._find_begin = find_begin
        self._query: PulseQuery | None = None
        self._slow_since: datetime | None = None
        self._heard = 0.0

    def find_slowness(self) -> Silence | None:
        """Return the begin of slow queries, as a silence; None where the store is not slow."""
        query, before = self._query, self._slow_since
        since = before or (query.find_slow_start(self._heard) if query else None)
        return Silence(SLOW, since, slow=True) if since else None

    def _watch(self) -> None:
        begun_at, answered_at = datetime.now(UTC), None
        while self._is_wanted():
            asked_at, heard = datetime.now(UTC), time.monotonic()
            try:
                self._client.probe(ANSWER_SECONDS)
            except AnalyticsError as error:
                since = answered_at or min(begun_at, self._find_begin() or begun_at)
                self._note(Silence(str(error), since, isinstance(error, SilentError)))
                self._withdraw()
            else:
                answered_at, self._heard = asked_at, heard
                self._note(None)
                self._ask_on()
            time.sleep(PAUSE_SECONDS)
        self._withdraw()

    def _ask_on(self) -> None:
        """Start the next query after the previous one has ended; the store is slow until one ends soon."""
        if self._query and not self._query.ended:
            return
        if self._query:
            slow_since = self._query.find_slow_start(self._heard)
            self._slow_since = slow_since and (self._slow_since or slow_since)
        self._query = PulseQuery(self._client)

    def _withdraw(self) -> None:
        self._slow_since = None
        if self._query:
            self._query.withdraw()
            self._query = None


class ListenerPulse(Lookout):
    """Checks whether the listeners answer.

    A dashboard may run on a machine whose `CLC_LISTEN` and `CLC_DATA_DIR` are not the receiver's. So it reports a
    listener only where that answered before, or where `serve` itself wrote that it does not work.

    Args:
        settings: returns their addresses.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__("listener pulse")
        self._settings = settings

    def _watch(self) -> None:
        settings = self._settings()
        answered_at: datetime | None = None
        while self._is_wanted():
            asked_at = datetime.now(UTC)
            if listener_answers(settings):
                answered_at, missed_since = asked_at, None
            else:
                missed_since = answered_at
            since = min(filter(None, [missed_since, *find_failures(*read_serve(settings))]), default=None)
            is_missed = since is not None and datetime.now(UTC) - since >= PATIENCE
            self._note(Silence(LOST, since) if since and is_missed else None)
            time.sleep(PAUSE_SECONDS)
