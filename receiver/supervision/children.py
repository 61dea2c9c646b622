"""The supervisor's child processes: started, taken over from the program before, and reaped."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

_log = logging.getLogger(__name__)


class Role(NamedTuple):
    """What a child does: a name such as `listener 1`, the module it runs, the socket it takes connections from."""

    name: str
    module: str
    socket: socket.socket


class Report(NamedTuple):
    """What a child said of its start: whether it is ready, its version, and a sentence if it failed."""

    ready: bool
    version: str | None = None
    failure: str | None = None


class ChildProcess:
    """One child process."""

    def __init__(self, name: str, pid: int, started_at: datetime) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.pid = pid
        self.started_at = started_at
        self.reported: asyncio.Future[Report] = loop.create_future()
        """Done when the child has reported, or has ended without a word."""
        self.ended: asyncio.Future[int] = loop.create_future()
        """Done when it has ended, with its exit code; negative for a signal."""
        self.retiring = False
        self._ready_at: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it is ready."""
        return self.reported.done() and self.reported.result().ready

    @property
    def version(self) -> str | None:
        """Its version, once it has reported."""
        return self.reported.result().version if self.reported.done() else None

    @property
    def failure(self) -> str | None:
        """The sentence it left, if it failed to start."""
        return self.reported.result().failure if self.reported.done() else None

    def seconds_ready(self) -> float:
        """Say how long it has been ready."""
        return 0.0 if self._ready_at is None else time.monotonic() - self._ready_at

    def set_report(self, report: Report) -> None:
        """Note what it reported."""
        if not self.reported.done():
            self._ready_at = time.monotonic() if report.ready else None
            self.reported.set_result(report)

    def retire(self) -> None:
        """Tell it that its successor is there: it finishes what it has, and ends."""
        self.retiring = True
        self.send(signal.SIGUSR1)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.ended.done():
            # It is ours and not yet waited for, so its id can't have become another's.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Children:
    """All child processes of this one.

    Args:
        environment: of the children.
        life: descriptor of the pipe that ends when this process does.
    """

    def __init__(self, environment: dict[str, str], life: int) -> None:
        self._environment = environment
        self._life = life
        self._alive: dict[int, ChildProcess] = {}
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def alive(self) -> list[ChildProcess]:
        """Those that have not ended."""
        return list(self._alive.values())

    def start(self, role: Role) -> ChildProcess:
        """Start a child in a role.

        Raises:
            OSError: the system does not let it start.
        """
        descriptor = role.socket.fileno()
        reader, writer = os.pipe()
        try:
            popen = subprocess.Popen(  # noqa: S603 - our own modules
                [
                    *(sys.executable, "-m", role.module, "--socket", str(descriptor)),
                    *("--life", str(self._life), "--report", str(writer), "--name", role.name),
                ],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(descriptor, self._life, writer),
                process_group=0,  # a terminal's Ctrl-C is for the supervisor, which ends them in order
            )
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        child = ChildProcess(role.name, popen.pid, datetime.now(UTC))
        self._alive[child.pid] = child
        self._started[child.pid] = popen
        asyncio.get_running_loop().add_reader(reader, self._read_report, reader, child)
        return child

    def adopt(self, name: str, pid: int, started_at: datetime, report: Report) -> ChildProcess:
        """Take over a child that the program before started in this process."""
        child = ChildProcess(name, pid, started_at)
        child.set_report(report)
        self._alive[pid] = child
        return child

    def reap(self) -> None:
        """Note which children have ended: call it on SIGCHLD."""
        for child in self.alive:
            try:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = child.pid, 0
            if pid:
                self._forget(child, os.waitstatus_to_exitcode(status))

    async def end(
        self, children: Iterable[ChildProcess], seconds: float, number: signal.Signals = signal.SIGTERM
    ) -> None:
        """Send a signal and wait; kill what has not ended in time."""
        waiting = {child.ended: child for child in children}
        for child in waiting.values():
            child.send(number)
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
        late = [child for child in waiting.values() if not child.ended.done()]
        for child in late:
            _log.error("%s does not stop and is killed; what it acknowledged is in the spool", child.name)
            child.send(signal.SIGKILL)
        if late:
            await asyncio.wait([child.ended for child in late])

    def _forget(self, child: ChildProcess, code: int) -> None:
        del self._alive[child.pid]
        popen = self._started.pop(child.pid, None)
        if popen:
            popen.returncode = code  # it was waited for here, so that taken-over children are no special case
        child.ended.set_result(code)

    def _read_report(self, reader: int, child: ChildProcess) -> None:
        said = os.read(reader, 65536)
        asyncio.get_running_loop().remove_reader(reader)
        os.close(reader)
        try:
            fields = json.loads(said)
            child.set_report(Report(bool(fields["ready"]), fields.get("version"), fields.get("failure")))
        except (ValueError, KeyError):
            child.set_report(Report(ready=False))
