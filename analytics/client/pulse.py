"""Watches whether a store, its queries and its listeners answer. Threads ask while a page is open.

The listener and the file of `serve` are of use on the receiver's machine only; `CLC_LISTEN` and `CLC_DATA_DIR` locate
them.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from analytics.client.cancelling import Cancellation
from analytics.client.client import Client
from analytics.errors import AnalyticsError, SilentError
from analytics.settings import Settings, as_url

LATEST = timedelta(seconds=20)
"""`serve` writes its file at least every ten seconds; an older file says nothing about now."""
LISTENER_SECONDS = 1.5
_LARGEST = 64 * 1024
"""The bytes of an answer that are read; a listener's has some hundred."""
SERVE_FILE = "serve.json"
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


def find_store_failure(settings: Settings) -> datetime | None:
    """Return the begin of the store's failure; None where `serve` did not write of one lately."""
    return min(find_failures(*read_serve(settings), of="store"), default=None)


def find_failures(serve: Mapping[str, Any], written_at: datetime | None, *, of: str = "listener") -> Iterator[datetime]:
    """Yield the begin of each failure of the listeners, or of the processes `of` a name, that `serve` wrote lately."""
    if written_at is None or datetime.now(UTC) - written_at > LATEST or serve.get("state") != "running":
        return
    processes = serve.get("processes")
    for name, process in processes.items() if isinstance(processes, Mapping) else ():
        if not str(name).startswith(of) or not isinstance(process, Mapping):
            continue
        for what in ("silent_since", "down_since"):
            try:
                yield datetime.fromisoformat(process.get(what) or "").astimezone(UTC)
            except (TypeError, ValueError):
                continue


class Sign(NamedTuple):
    """One known fact: its subject, its text, and its state (`ok`, `amber` or `red`)."""

    about: str
    text: str
    state: str


class Signs(NamedTuple):
    """All known facts, the processes that `serve` wrote last, and the time when it did."""

    signs: list[Sign]
    processes: list[dict[str, Any]]
    written_at: datetime | None


def find_signs(settings: Settings) -> Signs:
    """Ask the listener and read the file of `serve`; both may be missing."""
    serve, written_at = read_serve(settings)
    processes = serve.get("processes")
    named = processes.items() if isinstance(processes, Mapping) else ()
    return Signs(
        ask_listener(settings),
        [{**process, "name": name} for name, process in named if isinstance(process, Mapping)],
        written_at,
    )


def ask_listener(settings: Settings) -> list[Sign]:
    """Ask the listener's `GET /readyz` whether it takes notifications, and for the store's state."""
    url = as_url(settings.listen)
    try:
        state = json.loads(get(f"{url}/readyz"))
        spool, store = state["spool"], state.get("store_process", state["store"])
    except ProtocolError:
        return [Sign("Listener", f"takes connections at {url} (by CLC_LISTEN), but not of plain HTTP", "amber")]
    except HTTPError:
        lost = "does not answer, and the sender never tries again: what is sent now may be lost"
        return [Sign("Listener", f"{lost} (asked at {url}, by CLC_LISTEN)", "red")]
    except (ValueError, KeyError, TypeError):
        return [Sign("Listener", f"what answers at {url} (by CLC_LISTEN) is no listener", "amber")]
    takes = "takes notifications and keeps them in the spool" if spool == "ok" else f"its spool is {spool}"
    return [Sign("Listener", takes, "ok" if spool == "ok" else "red"), *list_signs_of_store(store)]


def get(url: str) -> bytes:
    """Return a listener's answer at a URL, over a connection of its own."""
    timeout = urllib3.Timeout(total=LISTENER_SECONDS)
    with urllib3.PoolManager(num_pools=1, retries=False) as pool:
        return pool.request("GET", url, redirect=False, preload_content=False, timeout=timeout).read(_LARGEST)


def listener_answers(settings: Settings) -> bool:
    """Say whether a listener at `CLC_LISTEN` answers `GET /healthz`, in whatever way."""
    try:
        get(f"{as_url(settings.listen)}/healthz")
    except ProtocolError:
        return True  # it may take TLS alone
    except HTTPError:
        return False
    return True


def list_signs_of_store(store: Any) -> list[Sign]:
    """Return the listener's facts about the store: a state, or an object with `state` and more."""
    if not isinstance(store, Mapping):
        return [Sign("Store, says the listener", str(store), "red" if store != "ok" else "ok")]
    state = str(store.get("state"))
    words = {"since": "not answering since", "last_beat": "last seen at work", "detail": "", "busy_with": "busy with"}
    more = [f"{word} {store[name]}".strip() for name, word in words.items() if store.get(name)]
    return [Sign("Store, says the listener", ", ".join([state, *more]), "red" if state != "ok" else "ok")]


def read_serve(settings: Settings) -> tuple[dict[str, Any], datetime | None]:
    """Return the last content of `serve`'s file, and its time; nothing where there is no such file here."""
    path = settings.data_dir / SERVE_FILE
    try:
        content = json.loads(path.read_bytes())
        return (content, datetime.fromtimestamp(path.stat().st_mtime, UTC)) if isinstance(content, dict) else ({}, None)
    except (OSError, ValueError):
        return {}, None


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
