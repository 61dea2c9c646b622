"""Lets the system's own threads have the processor now and then while strangers keep the listener at work."""

import asyncio
import time
from collections.abc import Callable

_EVERY_SECONDS = 0.01
_BUSY_PART = 0.9
_REST_SECONDS = 0.001


class Breath:
    """Lets the running event loop rest for 1 ms once it has worked for 10 ms without a wait, while strangers are there.

    In real time (`receiver/listener/priority.py`) nothing else gets this processor while the listener wants it. The
    kernel's thread that takes packets from the network gets none either. The sender's packets then wait with all
    others' until the system forces a turn for that thread, which takes up to a second.

    Rests cost a tenth of the time, so there are none while only proven connections are open.

    Args:
        has_strangers: tells whether a connection is open that brought no accepted notification.
        rest: stands still for so many seconds.
    """

    def __init__(self, has_strangers: Callable[[], bool], rest: Callable[[float], None] = time.sleep) -> None:
        self._has_strangers = has_strangers
        self._rest = rest

    def start(self) -> None:
        """Look at the running event loop's work from now on."""
        self._began, self._used = time.monotonic(), time.thread_time()
        asyncio.get_running_loop().call_later(_EVERY_SECONDS, self._look)

    def _look(self) -> None:
        passed, used = time.monotonic() - self._began, time.thread_time() - self._used
        if used > _BUSY_PART * passed and self._has_strangers():
            self._rest(_REST_SECONDS)
        self.start()
