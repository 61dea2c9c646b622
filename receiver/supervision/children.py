"""The supervisor's child processes: starting, watching and reaping them, and taking over those of another program."""

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
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from receiver.data_directory.node import ALL_PARTS
from receiver.processes import heartbeat
from receiver.processes.heartbeat import BEAT_SECONDS, Vitals

_PIPE_BYTES = 65536

_WRITE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Role(NamedTuple):
    """A child's work: a name such as `listener 1`, the module it runs, the machine's role.

    `socket` is where it takes connections from; the shipper takes none. `files` are descriptors that it gets besides.
    """

    name: str
    module: str
    socket: socket.socket | None
    of_machine: str = ALL_PARTS
    files: tuple[int, ...] = ()


class Report(NamedTuple):
    """A child's report of its start: whether it is ready, its version, and a sentence if it failed."""

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
        """Done when the child has reported, or has ended without a report."""
        self.ended: asyncio.Future[int] = loop.create_future()
        """Done when it has ended, with its exit code; negative for a signal."""
        self.replaced: asyncio.Future[None] = loop.create_future()
        """Done when a successor has its place in its role."""
        self.retiring = False
        self.heartbeat: int | None = None
        """Descriptor on which it beats; None for a child of a version without heartbeats."""
        self.vitals: Vitals | None = None
        """The vitals from its heartbeat; None if it has none."""
        self.hang: str | None = None
        """A sentence, if it was killed because it hung."""
        self._ready_at: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it has reported that it is ready."""
        return self.reported.done() and self.reported.result().ready

    @property
    def version(self) -> str | None:
        """Its version, once it has reported."""
        return self.reported.result().version if self.reported.done() else None

    @property
    def failure(self) -> str | None:
        """The sentence it left, if it failed to start."""
        return self.reported.result().failure if self.reported.done() else None

    def count_seconds_ready(self) -> float:
        """Return for how many seconds it has been ready."""
        return 0.0 if self._ready_at is None else time.monotonic() - self._ready_at

    def set_report(self, report: Report) -> None:
        """Note its report."""
        if not self.reported.done():
            self._ready_at = time.monotonic() if report.ready else None
            self.reported.set_result(report)

    def retire(self) -> None:
        """Signal that its successor is there: it finishes its work, and ends."""
        self.retiring = True
        self.send(signal.SIGUSR1)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.ended.done():
            # It is our child and not yet reaped, so no other process can have its id.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Children:
    """All child processes of this one.

    Args:
        make_environment: returns the environment of a child that starts.
        life: descriptor of the pipe that ends when this process does.
    """

    def __init__(self, make_environment: Callable[[], dict[str, str]], life: int) -> None:
        self._make_environment = make_environment
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
            OSError: the system refuses to start it.
        """
        with contextlib.ExitStack() as on_failure:
            report, report_writer = _open_pipe(on_failure)
            beats, beats_writer = _open_pipe(on_failure)
            popen = self._open_process(role, report_writer, beats_writer)
            on_failure.pop_all()
        os.close(report_writer)
        os.close(beats_writer)
        child = ChildProcess(role.name, popen.pid, datetime.now(UTC))
        self._alive[child.pid] = child
        self._started[child.pid] = popen
        asyncio.get_running_loop().add_reader(report, self._read_report, report, child)
        self._listen_to(child, beats)
        return child

    def adopt(
        self, name: str, pid: int, started_at: datetime, report: Report, beats: int | None = None
    ) -> ChildProcess:
        """Take over a child that the previous program started in this process; `beats` is a descriptor."""
        child = ChildProcess(name, pid, started_at)
        child.set_report(report)
        self._alive[pid] = child
        if beats is not None:
            os.set_inheritable(beats, False)
            self._listen_to(child, beats)
        return child

    def _open_process(self, role: Role, report: int, beats: int) -> subprocess.Popen[bytes]:
        descriptors = [] if role.socket is None else [role.socket.fileno()]
        return subprocess.Popen(  # noqa: S603 - our own modules
            [
                *(sys.executable, "-m", role.module, "--life", str(self._life), "--report", str(report)),
                *("--name", role.name, "--role", role.of_machine),
                *(f"--socket={descriptor}" for descriptor in descriptors),
            ],
            env={**self._make_environment(), heartbeat.VARIABLE: str(beats)},
            stdin=subprocess.DEVNULL,
            pass_fds=(*descriptors, *role.files, self._life, report, beats),
            process_group=0,  # a terminal's Ctrl-C is for the supervisor, which ends them in order
        )

    def _listen_to(self, child: ChildProcess, beats: int) -> None:
        os.set_blocking(beats, False)
        child.heartbeat, child.vitals = beats, Vitals()
        asyncio.get_running_loop().add_reader(beats, self._read_beats, child)

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
        """Send a signal and wait; kill children that have not ended in time."""
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
            popen.returncode = code  # it was reaped here, so that taken-over children are no special case
        self._close_heartbeat(child)
        child.ended.set_result(code)

    def _read_beats(self, child: ChildProcess) -> None:
        if child.heartbeat is None or child.vitals is None:
            return
        try:
            received = os.read(child.heartbeat, _PIPE_BYTES)
        except BlockingIOError:
            return
        if received:
            child.vitals.take(received)
        else:
            self._close_heartbeat(child)

    def _close_heartbeat(self, child: ChildProcess) -> None:
        if child.heartbeat is not None:
            asyncio.get_running_loop().remove_reader(child.heartbeat)
            os.close(child.heartbeat)
            child.heartbeat = None

    def _read_report(self, reader: int, child: ChildProcess) -> None:
        message = os.read(reader, _PIPE_BYTES)
        asyncio.get_running_loop().remove_reader(reader)
        os.close(reader)
        try:
            fields = json.loads(message)
            child.set_report(Report(bool(fields["ready"]), fields.get("version"), fields.get("failure")))
        except (ValueError, KeyError):
            child.set_report(Report(ready=False))


def _open_pipe(on_failure: contextlib.ExitStack) -> tuple[int, int]:
    """Make a pipe that is closed on failure, its reading end first."""
    ends = os.pipe()
    for end in ends:
        on_failure.callback(os.close, end)
    return ends


class WakingClock:
    """Measures the time between two looks in which this process was awake; `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._looked_at = now()

    def measure_elapsed(self) -> float:
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
        now, elapsed = time.monotonic(), clock.measure_elapsed()
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
