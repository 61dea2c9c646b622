"""Keeps one role running: starts its process again when it ends, and replaces it by a newer one."""

import asyncio
import logging
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.data_directory.times import is_recent
from receiver.errors import UpgradeError
from receiver.logs import describe
from receiver.processes.child import NO_RESTART_HELPS
from receiver.processes.state import ProcessState
from receiver.supervision.children import ChildProcess, Children, Role

_FIRST_BACK_OFF = 0.1
_LONGEST_BACK_OFF = 5.0
_GOOD_WHILE = 3.0
_REMIND_SECONDS = 60.0
_END_SECONDS = 30.0

_HOUR = timedelta(hours=1)
_NO_LIFE = {"silent_since": None, "busy_with": None, "busy_since": None}

_log = logging.getLogger(__name__)


class BackOff:
    """The wait before the next start: twice as long each time, and short again after a process that ran a while."""

    def __init__(self) -> None:
        self._next = _FIRST_BACK_OFF

    def choose_wait(self, seconds_ready: float) -> float:
        """Return the seconds to wait after a process that was ready for so many."""
        if seconds_ready >= _GOOD_WHILE:
            self._next = _FIRST_BACK_OFF
        pause, self._next = self._next, min(self._next * 2, _LONGEST_BACK_OFF)
        return pause


class Keeper:
    """Keeps a role running.

    Args:
        role: what to keep running.
        children: starts its processes.
        changed: called when its state has changed.
        give_up: called with a sentence when no restart helps; None if the rest goes on without this role.
        known: the state from the previous program, if there was one.
    """

    def __init__(
        self,
        role: Role,
        children: Children,
        changed: Callable[[], None],
        give_up: Callable[[str], None] | None,
        known: ProcessState | None = None,
    ) -> None:
        self.role = role
        self.current: ChildProcess | None = None
        self._children = children
        self._changed = changed
        self._give_up = give_up
        self._known = known or ProcessState()
        self._phase = "starting"
        self._wake = asyncio.Event()
        self._begun: asyncio.Future[ChildProcess] | None = None

    def describe_state(self) -> ProcessState:
        """Return its state."""
        child = self.current
        if child is None or child.ended.done():
            phase = "stopped" if child and self._phase == "starting" else self._phase
            return self._known.model_copy(update={"pid": None, "state": phase, **_NO_LIFE})
        now = {
            "pid": child.pid,
            "state": "running" if child.is_ready else "starting",
            "version": child.version,
            "started_at": child.started_at.isoformat(timespec="milliseconds"),
            "down_since": None if child.is_ready else self._known.down_since,
            **_describe_life(child),
        }
        return self._known.model_copy(update=now)

    async def keep(self) -> None:
        """Keep it running until cancelled."""
        back_off = BackOff()
        while True:
            child = self.current or self._begin()
            if child is None:
                await self._pause(back_off.choose_wait(0))
                continue
            ways: tuple[asyncio.Future[Any], ...] = (child.ended, child.replaced)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if child.replaced.done():  # it may take long to end, and meanwhile its successor may end, too
                continue
            self._note_end(child)
            if self.current is child and self._begun is None:
                await self._heed_end(child, child.ended.result(), back_off)
            if self.current is child:
                self.current = None

    async def start_successor(self, seconds: float) -> ChildProcess:
        """Start another process in the role, beside the present one, and wait until it is ready.

        Raises:
            UpgradeError: it did not become ready in time; it has been killed.
        """
        try:
            child = self._children.start(self.role)
        except OSError as error:
            raise UpgradeError(f"The new {self.role.name} can't be started: {error.strerror}.") from None
        try:
            await asyncio.wait_for(asyncio.shield(child.reported), seconds)
        except TimeoutError:
            why = f"is not ready after {seconds:g} s."
        else:
            if child.is_ready:
                return child
            why = f"does not start: {child.failure or 'the log says why.'}"
        child.send(signal.SIGKILL)
        raise UpgradeError(f"The new {self.role.name} {why}")

    def succeed(self, successor: ChildProcess) -> None:
        """Put a successor in the present process's place, and retire the latter."""
        before, self.current = self.current, successor
        self._end_pause()
        if before:
            before.replaced.set_result(None)
            before.retire()
        self._changed()

    async def restart(self) -> None:
        """End the present process, start another, and wait until that is ready.

        Raises:
            UpgradeError: the new one does not start.
        """
        self._begun = begun = asyncio.get_running_loop().create_future()
        if self.current:
            await self._children.end([self.current], _END_SECONDS, signal.SIGUSR1)
        self._end_pause()
        child = await begun
        await asyncio.shield(child.reported)
        if not child.is_ready:
            raise UpgradeError(f"The new {self.role.name} does not start: {child.failure or 'the log says why.'}")

    def _begin(self) -> ChildProcess | None:
        try:
            child = self._children.start(self.role)
        except OSError as error:
            _log.error("%s can't be started: %s", self.role.name, describe(error))
            return None
        self.current = child
        self._known.down_since = self._known.down_since or _format_now()
        if self._begun:
            self._begun.set_result(child)
            self._begun = None
        child.reported.add_done_callback(lambda _: self._note_start(child))
        self._changed()
        return child

    def _note_start(self, child: ChildProcess) -> None:
        if child.is_ready:
            self._known.down_since = None
        self._changed()

    def _note_end(self, child: ChildProcess) -> None:
        """Note since when nothing runs; a process that ends before it is ready does not change that."""
        last_beat = child.vitals.last_beat if child.vitals else None
        self._known.last_beat = last_beat or self._known.last_beat
        if self.current is child and child.is_ready:
            self._known.down_since = last_beat if child.hang and last_beat else _format_now()

    async def _heed_end(self, child: ChildProcess, code: int, back_off: BackOff) -> None:
        self._known.last_exit = code
        self._known.last_exit_at = _format_now()
        self._known.failure = child.hang or child.failure
        self._known.version = child.version
        name, fields = self.role.name, {"child": self.role.name, "code": code}
        if code == NO_RESTART_HELPS:
            why = child.failure or f"{name} ended with code {code}."
            await self._fail(why)
        else:
            seconds = back_off.choose_wait(child.count_seconds_ready())
            _log.error("%s ended with code %d; it starts again in %.1f s", name, code, seconds, extra=fields)
            if not await self._pause(seconds):
                self._count_restart()

    def _count_restart(self) -> None:
        self._known.restarts += 1
        now, known = datetime.now(UTC), self._known.restarted_at
        self._known.restarted_at = [at for at in known if is_recent(at, _HOUR, now)] + [_format_now()]

    async def _fail(self, why: str) -> None:
        """Wait until a new version is installed, and log the reason meanwhile."""
        if self._give_up:
            self._give_up(why)
        while True:
            _log.error("%s does not run, and starting it again does not help: %s", self.role.name, why)
            if await self._pause(_REMIND_SECONDS, "failed"):
                return

    def _end_pause(self) -> None:
        if self._phase != "starting":
            self._wake.set()

    async def _pause(self, seconds: float, phase: str = "waiting") -> bool:
        """Wait, and tell whether the wait was ended early for a new start."""
        self._phase = phase
        self._changed()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._wake.clear()
            self._phase = "starting"
        return True


def _describe_life(child: ChildProcess) -> dict[str, str | None]:
    if child.vitals is None:
        return {"last_beat": None, **_NO_LIFE}
    last_beat = child.vitals.last_beat
    busy_with, busy_since = child.vitals.busy or (None, None)
    silent_since = last_beat if child.vitals.is_silent and child.is_ready else None
    return {"last_beat": last_beat, "silent_since": silent_since, "busy_with": busy_with, "busy_since": busy_since}


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
