"""Tells within seconds whether a store answers, and whether it answers a query: threads ask while somebody looks."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import Any, NamedTuple

from analytics.client.cancelling import Cancellation
from analytics.client.client import Client
from analytics.client.without_store import listener_answers, read_serve
from analytics.errors import AnalyticsError, SilentError
from analytics.settings import Settings

LATEST = timedelta(seconds=20)
"""`serve` writes its file each ten seconds at least: an older one tells nothing of now."""
PATIENCE = timedelta(seconds=3)
"""So long a listener may be silent unsaid: one that is busy, or replaced by another, is not missed."""
LOST = "The sender never tries again: what it sends meanwhile may be lost. clc-receiver serve replaces one that hangs."
PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 2.0
QUERY = "SELECT 'pulse'"  # like no other: one that runs when the store crashes may be refused afterwards
SLOW = (
    f"It answers, but the smallest query takes longer than {ANSWER_SECONDS:g} s: other queries keep it busy, or other "
    "programs its machine. Wait, or end what takes long. Nothing that was acknowledged is at risk."
)
WATCHED_SECONDS = 30.0
"""Nobody looks any more when the pulse was not asked for so long; then nothing is sent to the store."""


class Silence(NamedTuple):
    """Why a store does not answer, and since when: that it answered last, or else was asked first.

    `hangs` says that it takes connections all the same; `slow` that it answers, but is slow with queries.
    """

    reason: str
    since: datetime
    hangs: bool = False
    slow: bool = False


class PulseQuery:
    """The smallest of queries, put to a store: while the store has others to wait for, it waits, too.

    Args:
        client: where to ask.
    """

    def __init__(self, client: Client) -> None:
        """Ask it, in a thread of its own."""
        self._client = client
        self._asked_at = datetime.now(UTC)
        self._begun = time.monotonic()
        self._took: float | None = None
        self._cancellation = Cancellation()
        self._thread = Thread(target=self._ask, name="pulse query", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it was answered, or refused: a store that refuses it has heard it."""
        return not self._thread.is_alive()

    def find_slow_start(self, heard: float) -> datetime | None:
        """Return when it was asked, where it took long, or takes long while the store answers; else None.

        Args:
            heard: when the store was last asked whether it answers and did, on the monotonic clock.
        """
        seconds = heard - self._begun if self._took is None else self._took
        return self._asked_at if seconds >= ANSWER_SECONDS else None

    def withdraw(self) -> None:
        """Wait for no answer any more."""
        self._cancellation.cancel()

    def _ask(self) -> None:
        with suppress(AnalyticsError):
            self._client.sql(QUERY, cancellation=self._cancellation)
        self._took = time.monotonic() - self._begun


class Lookout:
    """Looks again and again whether something answers, in a thread, while somebody asks. Several threads may ask.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._thread: Thread | None = None
        self._wanted_at = 0.0
        self._silence: Silence | None = None

    def silence(self) -> Silence | None:
        """Return why it does not answer and since when, as of some seconds ago at most; None where it does."""
        with self._lock:
            self._wanted_at = time.monotonic()
            if self._thread is None:
                self._silence = None
                self._thread = Thread(target=self._watch, name=self._name, daemon=True)
                self._thread.start()
            return self._silence

    def _watch(self) -> None:
        """Look until nobody wants it any more, and note what is found."""
        raise NotImplementedError

    def _is_wanted(self) -> bool:
        with self._lock:
            if time.monotonic() - self._wanted_at < WATCHED_SECONDS:
                return True
            self._thread = None
            return False

    def _note(self, silence: Silence | None) -> None:
        with self._lock:
            self._silence = silence


class Pulse(Lookout):
    """Looks whether a store answers, and whether it answers a query soon.

    Args:
        client: where to ask.
    """

    def __init__(self, client: Client) -> None:
        super().__init__("pulse")
        self._client = client
        self._query: PulseQuery | None = None
        self._slow_since: datetime | None = None
        self._heard = 0.0

    def slowness(self) -> Silence | None:
        """Return that the store answers, but is slow with queries, and since when; None where it is not."""
        query, before = self._query, self._slow_since
        since = before or (query.find_slow_start(self._heard) if query else None)
        return Silence(SLOW, since, slow=True) if since else None

    def _watch(self) -> None:
        answered_at = datetime.now(UTC)
        while self._is_wanted():
            asked_at, heard = datetime.now(UTC), time.monotonic()
            try:
                self._client.probe(ANSWER_SECONDS)
            except AnalyticsError as error:
                self._note(Silence(str(error), answered_at, isinstance(error, SilentError)))
                self._withdraw()
            else:
                answered_at, self._heard = asked_at, heard
                self._note(None)
                self._ask_on()
            time.sleep(PAUSE_SECONDS)
        self._withdraw()

    def _ask_on(self) -> None:
        """Put the next query once the one before has its answer; the store is slow until one has it soon."""
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
    """Looks whether the listeners answer.

    A dashboard may run where `CLC_LISTEN` and `CLC_DATA_DIR` say nothing of the receiver. So a listener is missed only
    where it answered before, or where `serve` itself wrote that it does not work.

    Args:
        settings: returns where they are.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__("listener pulse")
        self._settings = settings
        self._looks = 0

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
            self._looks += 1
            time.sleep(PAUSE_SECONDS)


def find_failures(serve: Mapping[str, Any], written_at: datetime | None) -> Iterator[datetime]:
    """Yield since when each listener that does not work has not, by what `serve` wrote lately of its processes."""
    if written_at is None or datetime.now(UTC) - written_at > LATEST or serve.get("state") != "running":
        return
    processes = serve.get("processes")
    for name, process in processes.items() if isinstance(processes, Mapping) else ():
        if not str(name).startswith("listener") or not isinstance(process, Mapping):
            continue
        for what in ("silent_since", "down_since"):
            try:
                yield datetime.fromisoformat(process.get(what) or "").astimezone(UTC)
            except (TypeError, ValueError):
                continue
