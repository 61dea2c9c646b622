"""The handover to another version of `serve`: the same process goes on with another program and all it holds."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError

from receiver.errors import ReceiverError, UpgradeError
from receiver.processes.state import ProcessState, UpgradeState
from receiver.supervision.children import ChildProcess
from receiver.supervision.keeper import Keeper

_PATIENCE_SECONDS, _PAUSE_SECONDS = 15.0, 0.1
_READY_SECONDS = 60.0

_log = logging.getLogger(__name__)
_VARIABLE = "CLC_SERVE_HANDOVER"
_FORMAT = 1
_TRIAL_SECONDS = 60.0
_MOST_RESTARTS = 10
"""Of each process, which is enough to be red: Linux takes 128 KiB in one variable, and a crash loop has 650 an hour."""
_HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_Read = TypeVar("_Read")


class Held(NamedTuple):
    """The resources that outlive a version: the data directory's lock, the life pipe's two ends, and the sockets."""

    lock: IO[str]
    life: int
    life_writer: int
    query: socket.socket | None
    listeners: list[socket.socket]

    def list_descriptors(self) -> list[int]:
        """List all of them."""
        sockets = [*([self.query] if self.query else []), *self.listeners]
        return [self.lock.fileno(), self.life, self.life_writer, *(listening.fileno() for listening in sockets)]


class RunningChild(BaseModel):
    """A child that goes on under the next version."""

    name: str
    pid: int
    started_at: datetime
    ready: bool
    retiring: bool
    version: str | None
    failure: str | None
    heartbeat: int | None = None
    """Descriptor of the pipe on which it beats; a version without heartbeats leaves it out."""


def describe_child(child: ChildProcess) -> RunningChild:
    """Describe a child for the next version."""
    return RunningChild(
        name=child.name,
        pid=child.pid,
        started_at=child.started_at,
        ready=child.is_ready,
        retiring=child.retiring,
        version=child.version,
        failure=child.failure,
        heartbeat=child.heartbeat,
    )


class Handover(BaseModel):
    """The message of one version to the next. Descriptors are numbers, as in `Held`."""

    format: int
    pid: int
    version: str
    started_at: str
    lock: int
    life: int
    life_writer: int
    query: int | None
    listeners: list[int]
    kept: dict[str, str | int | None]
    """Settings that can't change without a stop: where the data lie, and the addresses."""
    children: list[RunningChild]
    processes: dict[str, ProcessState]
    upgrade: UpgradeState
    upgrade_again: bool
    """Whether another upgrade was asked for during this one."""
    not_taken_over: list[str] = Field(default=[], exclude=True)
    """The variables among `kept` that have changed, once the next version has read them."""

    def describe_end(self, version: str) -> str:
        """Say that a version has taken over, and which settings it has not."""
        done = f"Version {version} has taken over from {self.version}."
        if not self.not_taken_over:
            return done
        names, verb = ", ".join(self.not_taken_over), "has" if len(self.not_taken_over) == 1 else "have"
        return f"{done} {names} {verb} changed, and that takes a stop and a start of `serve`."


def make_handover(held: Held, processes: Mapping[str, ProcessState], **fields: object) -> Handover:
    """Make a handover; `fields` are those that `held` does not contain."""
    short = {
        name: process.model_copy(update={"restarted_at": process.restarted_at[-_MOST_RESTARTS:]})
        for name, process in processes.items()
    }
    numbers = {
        "lock": held.lock.fileno(),
        "life": held.life,
        "life_writer": held.life_writer,
        "query": held.query.fileno() if held.query else None,
        "listeners": [listening.fileno() for listening in held.listeners],
    }
    return Handover.model_validate({"format": _FORMAT, "pid": os.getpid(), "processes": short, **numbers, **fields})


def insist(read: Callable[[], _Read]) -> _Read:
    """Read files, again for a while if that fails: they were whole when this version was tried, and are written now.

    Raises:
        ReceiverError: it fails all the same.
        OSError: the same, because a file is gone.
    """
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return read()
        except (ReceiverError, OSError):
            if time.monotonic() >= ends:
                raise
        time.sleep(_PAUSE_SECONDS)


def take_held(handover: Handover) -> Held:
    """Take the resources of a handover."""
    held = Held(
        os.fdopen(handover.lock, "r+"),
        handover.life,
        handover.life_writer,
        None if handover.query is None else socket.socket(fileno=handover.query),
        [socket.socket(fileno=number) for number in handover.listeners],
    )
    _set_inheritable(held.list_descriptors(), inheritable=False)
    return held


def read_handover() -> Handover | None:
    """Read the handover of the previous version, if there was one, and remove it from the environment.

    Raises:
        UpgradeError: this version does not understand it.
    """
    text = os.environ.pop(_VARIABLE, None)
    if text is None:
        return None
    try:
        version = json.loads(text)["format"]
        if version != _FORMAT:
            raise UpgradeError(
                f"The running serve hands over in format {version}, but the installed version knows format {_FORMAT}: "
                "stop serve and start it again."
            )
        return Handover.model_validate_json(text)
    except (ValueError, TypeError, KeyError, ValidationError):
        raise UpgradeError(
            "What the running serve hands over can't be read by the installed version: stop serve and start it again."
        ) from None


async def try_installed(handover: Handover) -> str:
    """Let the installed version check whether it could take over, and return its version.

    Raises:
        UpgradeError: it could not.
    """
    variables = {**os.environ, _VARIABLE: handover.model_dump_json()}
    try:
        trial = subprocess.Popen(  # noqa: S603, ASYNC220 - the same command once more; starting it takes no time
            [*_read_command(), "--check"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise UpgradeError(f"The installed version can't be started ({error.strerror}): install it again.") from None
    try:
        output, errors = await asyncio.to_thread(_listen_to, trial)
    except subprocess.TimeoutExpired:
        raise UpgradeError(f"The installed version did not start within {_TRIAL_SECONDS:g} s: try again.") from None
    finally:
        if trial.returncode is None:
            trial.kill()
    if trial.returncode:
        reason = errors.strip().splitlines()[-1:] or [f"it ended with code {trial.returncode}"]
        raise UpgradeError(f"The installed version could not start: {reason[0].removeprefix('Error: ')}")
    return output.strip()


def _listen_to(trial: subprocess.Popen[str]) -> tuple[str, str]:
    """Read a trial's output, in a thread that takes no signals: else it would take those that the main thread holds."""
    hold_signals()
    return trial.communicate(timeout=_TRIAL_SECONDS)


def hold_signals(numbers: Iterable[int] = _HEEDED) -> None:
    """Hold signals to this thread back, until the new program heeds them or `heed_signals_again`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def become_installed(held: Held, handover: Handover) -> None:
    """Go on as the installed version, while signals are held; returns only if that fails.

    Raises:
        OSError: it failed, and nothing has changed.
    """
    beats = [child.heartbeat for child in handover.children if child.heartbeat is not None]
    _set_inheritable([*held.list_descriptors(), *beats], inheritable=True)
    try:
        os.execve(sys.executable, _read_command(), {**os.environ, _VARIABLE: handover.model_dump_json()})  # noqa: S606
    finally:
        _set_inheritable([*held.list_descriptors(), *beats], inheritable=False)


def heed_signals_again() -> None:
    """Let the signals in that were held back while the program was exchanged."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)


def make_terminal_watch() -> Callable[[], bool]:
    """Return a function that tells whether the terminal of this call is gone.

    A terminal that closes sends SIGHUP, as `clc-receiver upgrade` does. Under `nohup` that does not matter.
    """
    had = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return lambda: had and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _read_command() -> list[str]:
    """Return the command that started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def _set_inheritable(descriptors: Iterable[int], *, inheritable: bool) -> None:
    for descriptor in descriptors:
        os.set_inheritable(descriptor, inheritable)


async def replace_all(listeners: Sequence[Keeper], taker: Keeper) -> None:
    """Start new listeners beside the old, retire the old once all new ones are ready, and restart what takes rows.

    Raises:
        UpgradeError: a new listener does not become ready, and the old ones stay; or the new store, or the new shipper,
            does not start.
    """
    starts = await asyncio.gather(
        *(keeper.start_successor(_READY_SECONDS) for keeper in listeners), return_exceptions=True
    )
    failed = [start for start in starts if isinstance(start, BaseException)]
    successors = [start for start in starts if isinstance(start, ChildProcess)]
    if failed:
        for successor in successors:
            successor.retire()
        raise failed[0]
    for keeper, successor in zip(listeners, successors, strict=True):
        keeper.succeed(successor)
    if listeners:
        _log.info("the new listeners take notifications, the old ones finish what they have")
    try:
        await taker.restart()
    except UpgradeError as error:
        rest = " The new listeners take notifications, which wait in the spool." if listeners else ""
        raise UpgradeError(f"{error}{rest}") from None
