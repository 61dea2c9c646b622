"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1
"""Seconds: what takes longer is asked for less often, since asking takes the processor that it needs."""


def until(condition: Callable[..., T], *, seconds: float = 60, what: str = "the condition") -> T:
    """Return what the condition gives once that is true; fail if it never is."""
    deadline, pause = time.monotonic() + seconds, SHORTEST_PAUSE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE)
    return value
