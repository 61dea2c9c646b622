"""Waits with the answer to a notification until the shared spool holds it, where CLC_ACKNOWLEDGE is `replicated`."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from receiver.listener import metrics
from receiver.spool.sent import Place, SentReader

_LOOK_SECONDS = 0.005


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
