"""Whether the terminal that a process was started from is still there."""

import os
import signal
from collections.abc import Callable


def terminal_watch() -> Callable[[], bool]:
    """Return a function that tells whether there was a terminal when this was called, and it is gone now.

    A terminal that closes sends SIGHUP, as `clc-receiver upgrade` does. Whoever starts this with `nohup` does not care.
    """
    had = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return lambda: had and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
