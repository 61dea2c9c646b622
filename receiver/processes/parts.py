"""The processes that one command starts and ends: each in a session of its own, all of them ended with the command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType, TracebackType
from typing import IO, Any, NamedTuple, Self, TypeVar

T = TypeVar("T")

STOP_SECONDS = 20.0
"""A process that has not ended so long after SIGTERM is killed."""
KILL_SECONDS = 5.0
"""A process that has not ended so long after SIGKILL is left: the kernel holds it."""
POLL_SECONDS = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndRequestedError(Exception):
    """Raised at a point where a command can end, after a signal requested that."""


class EndRequests:
    """Counts the signals that request the end of a command, as a context manager.

    A handler that raised an exception could interrupt `Popen.wait` while it holds its lock; the next `wait` would then
    never return.
    """

    def __init__(self) -> None:
        """Count nothing yet."""
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Begin to count."""
        self._before = {number: signal.signal(number, self._add) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back to those who had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _add(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    def check(self) -> None:
        """Raise an error if the end was requested.

        Raises:
            EndRequestedError: it was.
        """
        if self.count:
            raise EndRequestedError


class EndedPart(NamedTuple):
    """A part that ended by itself, and its exit code; a negative one is the number of a signal."""

    name: str
    code: int


class Parts:
    """The running processes of a command, by name."""

    def __init__(self, requests: EndRequests, environment: Mapping[str, str], log: IO[bytes]) -> None:
        """Have no process yet.

        Args:
            requests: the requests to end.
            environment: of every process.
            log: gets the processes' output.
        """
        self._requests = requests
        self._environment = environment
        self._log = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def use(self, environment: Mapping[str, str]) -> None:
        """Give another environment to the processes that are started from now on."""
        self._environment = environment

    def start(self, name: str, *command: str) -> None:
        """Start one of our own modules as a part that runs until the end."""
        self._running[name] = self._spawn(self._log, *command)

    def run(self, *command: str) -> int:
        """Run one of our own modules to its end, with its output on the terminal, and return its exit code.

        Raises:
            EndRequestedError: the end was requested before.
        """
        step = self._spawn(None, *command)
        try:
            while (code := step.poll()) is None:
                self._requests.check()
                time.sleep(POLL_SECONDS)
        finally:
            self._end(step)
        return code

    def wait_until(self, ask: Callable[[], T | None], seconds: float) -> T | None:
        """Return the first answer of a function that is true; None after so many seconds, or if a part has ended.

        Raises:
            EndRequestedError: the end was requested before.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.find_ended():
            self._requests.check()
            if answer := ask():
                return answer
            time.sleep(POLL_SECONDS)
        return None

    def find_ended(self) -> EndedPart | None:
        """Return a part that ended by itself, None where all run."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                return EndedPart(name, code)
        return None

    def end(self) -> list[str]:
        """End every part, the last started first, and name those that can't be ended.

        A part that does not end in time, or a request to end that comes meanwhile, kills what still runs.
        """
        remaining = []
        for name, process in reversed(self._running.items()):
            if not self._end(process):
                remaining.append(f"{name} (process {process.pid})")
        self._running.clear()
        return remaining

    def _spawn(self, output: IO[bytes] | None, *command: str) -> subprocess.Popen[bytes]:
        # In a session of its own, so that a terminal's Ctrl-C reaches only this process, which ends the parts in order.
        return subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-m", *command],
            env=self._environment,
            cwd="/",  # neither there nor above is a `.env` of the user's
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def _end(self, process: subprocess.Popen[bytes]) -> bool:
        requested = self._requests.count
        if process.poll() is None:
            process.terminate()
        if _wait(process, STOP_SECONDS, lambda: self._requests.count > requested):
            return True
        with suppress(ProcessLookupError):  # it has ended just now
            os.killpg(process.pid, signal.SIGKILL)
        return _wait(process, KILL_SECONDS, lambda: False)


def _wait(process: subprocess.Popen[bytes], seconds: float, is_enough: Callable[[], bool]) -> bool:
    """Wait until a process has ended, for so long at most; return whether it has."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline or is_enough():
            return False
        time.sleep(POLL_SECONDS / 5)
    return True
