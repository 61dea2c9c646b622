"""Whether the spool takes writes, whether the store answers, and whether the shared spool holds a notification.

Where CLC_ACKNOWLEDGE is `replicated`, the answer to a notification waits until the shared spool holds it.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from tornado.httpclient import AsyncHTTPClient, HTTPError

from receiver.listener import metrics
from receiver.listener.exchange import Answer
from receiver.processes.state import ProcessState, read_state
from receiver.spool.sent import Place, SentReader

_SECONDS = 1.0
_LOOK_SECONDS = 0.005


class StoreState(NamedTuple):
    """The state of the store's process, for clients that can't ask it. Times are ISO 8601 in UTC.

    `state` is one of
    `ok`: it answers;
    `silent`: it runs and gives no sign of life, `serve` kills it after CLC_HANG_SECONDS;
    `unavailable`: it runs and works, but its query service does not answer within a second;
    `starting`, `waiting` (for its next start), `stopped`, `failed` (no restart helps): it is down, as `serve` says.

    `since` is the time since which it has not answered, null while it does. `last_beat` is the latest time at which
    `serve` saw it work. `busy_with` and `busy_since` name work of a part of it that may take long, in any state.
    `detail` is a sentence on why it is down or was replaced last, if there is one.
    """

    state: str
    since: str | None = None
    last_beat: str | None = None
    busy_with: str | None = None
    busy_since: str | None = None
    detail: str | None = None


class StoreProbe:
    """Asks the store whether it answers, and remembers since when it has not.

    Args:
        query_address: the query service's.
        data_dir: where the supervisor writes the state of the store's process.
    """

    def __init__(self, query_address: str, data_dir: Path) -> None:
        self._url = f"http://{query_address}/healthz"
        self._data_dir = data_dir
        self._unanswered_since: str | None = None

    async def ask(self) -> StoreState:
        """Ask; the query service has a second to answer."""
        answers = await self._answers()
        state = read_state(self._data_dir)
        process = state.processes.get("store", ProcessState()) if state else ProcessState(state="stopped")
        if answers:
            self._unanswered_since = None
            since = None
        else:
            self._unanswered_since = self._unanswered_since or datetime.now(UTC).isoformat(timespec="milliseconds")
            since = process.silent_since or process.down_since or self._unanswered_since
        return StoreState(
            "ok" if answers else _describe_process(process),
            since,
            process.last_beat,
            process.busy_with,
            process.busy_since,
            process.failure,
        )

    async def _answers(self) -> bool:
        try:
            await AsyncHTTPClient().fetch(self._url, request_timeout=_SECONDS)
        except (HTTPError, OSError):
            return False
        return True


def _describe_process(process: ProcessState) -> str:
    if process.state != "running":
        return process.state
    return "silent" if process.silent_since else "unavailable"


def answer_readiness(*, spool: bool, store: StoreState | None) -> Answer:
    """Answer `/readyz`: 200 while the spool takes writes, whatever the store does, and both in the body.

    `{"spool": "ok" | "unavailable", "store": "ok" | "unavailable" | "failed", "store_process": {…}}`, the last as
    `StoreState` tells it. A store that is down loses nothing, so no proxy should stop sending because of it. A machine
    that runs no store says nothing of one.
    """
    body: dict[str, object] = {"spool": "ok" if spool else "unavailable"}
    if store:
        word = store.state if store.state in {"ok", "failed"} else "unavailable"
        body |= {"store": word, "store_process": store._asdict()}
    status = HTTPStatus.OK if spool else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, "application/json", json.dumps(body).encode())


class _Waiting(NamedTuple):
    place: Place
    until: float
    go_on: Callable[[], None]


class Replication:
    """Knows which notifications the shared spool holds, on the running event loop.

    Args:
        data_dir: where the shipper notes it.
        seconds: the longest wait.
    """

    def __init__(self, data_dir: Path, seconds: float) -> None:
        self._sent = SentReader(data_dir)
        self._seconds = seconds
        self._waiting: list[_Waiting] = []
        self._is_looking = False

    def wait(self, place: Place, go_on: Callable[[], None]) -> None:
        """Call back once the shared spool holds a notification, or after the longest wait."""
        self._waiting.append(_Waiting(place, asyncio.get_running_loop().time() + self._seconds, go_on))
        self._look_later()

    def _look_later(self) -> None:
        if self._waiting and not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._is_looking = False
        self._sent.look()
        now = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if self._sent.holds(each.place):
                each.go_on()
            elif now >= each.until:
                metrics.NOT_REPLICATED.inc()
                each.go_on()
            else:
                self._waiting.append(each)
        self._look_later()
