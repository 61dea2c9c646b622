"""Shares the loop's turns out, so that no number of strangers makes one long."""

import asyncio
from collections import deque
from collections.abc import Callable

_UNITS_A_TURN = 4
_BYTES_A_UNIT = 1024


class Turns:
    """Gives so many answers in a turn of the running event loop, and the rest in those that follow.

    A connection's next request is read after its answer, and reading requests is what takes the loop's time: Tornado
    takes 0.1 ms for one, and 0.2 ms more for each kilobyte of its headers. So one answer counts as many units as its
    request had kilobytes, and at least one answer is given in each turn.
    """

    def __init__(self) -> None:
        self._left = _UNITS_A_TURN
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._is_due = False

    def take(self, size: int, answer: Callable[[], None]) -> None:
        """Answer a request whose headers had so many bytes, now or in a later turn."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._begin)
        units = 1 + size // _BYTES_A_UNIT
        if self._waiting or self._left <= 0:
            self._waiting.append((units, answer))
        else:
            self._left -= units
            answer()

    def _begin(self) -> None:
        self._left = _UNITS_A_TURN
        self._is_due = bool(self._waiting)
        if self._is_due:
            asyncio.get_running_loop().call_soon(self._begin)
        while self._waiting and self._left > 0:
            units, answer = self._waiting.popleft()
            self._left -= units
            answer()
