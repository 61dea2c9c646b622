"""Gives the listener a processor at once, whatever else runs."""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress

_SHORT_NS = 100_000
# The C library has no function for it; the number is that of the kernel's interface, which never changes.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


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
