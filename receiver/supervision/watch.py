"""Watches the heartbeats of the children of `serve`, and kills a child that hangs, so that its keeper replaces it."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from typing import Final

from receiver.processes.heartbeat import BEAT_SECONDS
from receiver.supervision.children import ChildProcess, Children

_WRITE_SECONDS: Final = 10.0

_log: Final = logging.getLogger(__name__)


class WakingClock:
    """Measures the time between two looks in which this process was awake; `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._looked_at = now()

    def elapsed(self) -> float:
        """Return the waking seconds since the last look.

        A late look means that this process stood still. All others may have stood still, too, and could not beat.
        """
        before, self._looked_at = self._looked_at, self._now()
        return min(self._looked_at - before, BEAT_SECONDS)


async def watch(children: Children, patience: float, changed: Callable[[], None]) -> None:
    """Watch over all children until cancelled.

    Args:
        children: those to watch, also retiring ones.
        patience: seconds without a beat after which a child is killed.
        changed: called each second while a child is silent, and every ten seconds while none is.
    """
    clock, written_at = WakingClock(), time.monotonic()
    was_silent = False
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        now, elapsed = time.monotonic(), clock.elapsed()
        for child in children.alive:
            _look_at(child, elapsed, patience)
        is_silent = any(child.vitals and child.vitals.is_silent for child in children.alive)
        if is_silent or was_silent or now - written_at >= _WRITE_SECONDS:
            changed()
            written_at = now
        was_silent = is_silent


def _look_at(child: ChildProcess, elapsed: float, patience: float) -> None:
    if child.vitals is None:
        return
    child.vitals.pass_time(elapsed)
    hang = child.vitals.describe_hang(patience, is_ready=child.is_ready)
    if hang and child.hang is None:
        child.hang = f"{child.name} hung: {hang}, so it was killed."
        _log.error("%s What it acknowledged is in the spool.", child.hang, extra={"child": child.name})
        child.send(signal.SIGKILL)
