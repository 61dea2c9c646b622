"""Turns of the processor: soon for the listener, and shared, so that no number of strangers makes the sender wait."""

import asyncio
import ctypes
import os
import platform
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

_SHORT_NS = 100_000
# The C library has no function for it; the number is that of the kernel's interface, which never changes.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_EVERY_SECONDS = 0.01
_BUSY_PART = 0.9
_REST_SECONDS = 0.001
_MIB = 1024 * 1024
_BYTES_A_SECOND = 64 * _MIB
_BURST_SECONDS = _MIB / _BYTES_A_SECOND
_MOST_BEHIND_SECONDS = 1.0
_UNITS_A_TURN = 4
_BYTES_A_UNIT = 1024


def come_first(listeners: int) -> None:
    """Give this thread, and those that it starts, a processor as soon as they want one; on Linux.

    By default the listener, which answers within a millisecond, waits for up to 4 ms until the turn of a query or a
    drawing is over, whatever their priority. In real time (`SCHED_RR`, sched(7)) it waits for none of them. That needs
    root, CAP_SYS_NICE or a limit of 1 for RLIMIT_RTPRIO. With so many listeners that they could occupy all processors,
    or without the right, the listener asks for short turns instead.
    """
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    if listeners < len(os.sched_getaffinity(0)):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
            return
    _take_short_turns()


def _take_short_turns() -> None:
    """Ask for turns of 0.1 ms: a thread with short turns runs before a thread in a long turn.

    Linux supports this from 6.12 on (`sched_runtime` in sched_setattr(2)); elsewhere nothing changes.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, _SHORT_NS, 0, 0)
    with suppress(OSError, AttributeError):  # no C library to ask by name
        ctypes.CDLL(None).syscall(number, 0, ctypes.c_char_p(attributes), 0)


class Turns:
    """Limits the answers in a turn of the running event loop; the rest follow in later turns.

    A connection's next request is read after its answer, and reading requests takes most of the loop's time: Tornado
    takes 0.1 ms for one, and 0.2 ms more for each kilobyte of its headers. So an answer counts as many units as its
    request had kilobytes, and each turn gives at least one answer.
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


class ByteRate:
    """Lets 64 MiB a second pass, in the order in which they come, and 1 MiB at once after a pause.

    Reading, hashing and checking 1 MiB takes the loop 2 to 3 ms. At this rate that is less than a fifth of its time.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = -_BURST_SECONDS

    def count_bytes(self, size: int) -> float:
        """Count bytes that were read, and return how many seconds the next of the same body must wait."""
        now = self._clock()
        due = max(self._due, now - _BURST_SECONDS) + size / _BYTES_A_SECOND
        # The bytes of closed connections delay others for a second at most.
        self._due = min(due, now + _MOST_BEHIND_SECONDS)
        return max(0.0, self._due - now)


class Breath:
    """Lets the running event loop rest for 1 ms once it has worked for 10 ms without a wait, while strangers are there.

    In real time (`come_first`) nothing else gets this processor while the listener wants it. The
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
