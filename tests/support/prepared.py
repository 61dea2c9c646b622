"""Runs commands in forks of a process that has imported the program: imports are most of a short command's time."""

import asyncio
import contextlib
import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_MAINS = {"receiver": "receiver.cli", "analytics": "analytics.cli"}
_COMMANDS = (
    *("backup", "check", "forget", "import_", "join", "rebuild", "restore"),
    *("senders", "serve", "simulate", "status", "upgrade", "verify"),
)
_IMPORTED = (*_MAINS.values(), *(f"receiver.commands.{name}" for name in _COMMANDS))
_DASHBOARD = (
    *("analytics.cli", "streamlit.web.cli", "streamlit.web.bootstrap", "uvicorn.lifespan.on", "pandas", "altair"),
    *("analytics.pages.serving.gate", "analytics.pages.shared.silence"),
)
_CHILDREN = ("receiver.store.process", "receiver.listener.process", "receiver.shipping.process")
_SERVE = ("receiver.cli", "receiver.commands.serve", "receiver.supervision.supervisor", *_CHILDREN)
_PID_LENGTH = 10
_READ_AT_A_START = {"PYTHONPATH", "LD_PRELOAD"}


def run_program(
    module: str, *arguments: str, env: Mapping[str, str], cwd: Path, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run `python -m receiver` or `python -m analytics` to its end, in a process of its own.

    It is started, not forked, with a variable that is read at a start.
    """
    if _READ_AT_A_START & set(env):
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout)
    return _run_fork(module, arguments, env, cwd, timeout)


def run_program_on_full_disk(
    module: str, *arguments: str, env: Mapping[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run such a program with a standard output that takes nothing."""
    return _run_fork(module, arguments, env, cwd, 600, out="/dev/full")


def _run_fork(
    module: str, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float, out: str | None = None
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as asked:
        outputs = [Path(out or f"{directory}/out"), Path(directory, "err")]
        asked.settimeout(timeout)
        _ask(asked, _start(), [module, arguments, dict(env), str(cwd), _umask(), *map(str, outputs)])
        code = int(asked.recv(100))
        said = ["" if out else outputs[0].read_text(), outputs[1].read_text()]
        return subprocess.CompletedProcess([module, *arguments], code, *said)


class Fork:
    """A process of a program's command, with what our `Process` uses of `subprocess.Popen`."""

    program: str
    command: str

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, **_: object) -> None:
        self._asked = socket.socket(socket.AF_UNIX)
        with tempfile.TemporaryDirectory() as directory:
            outputs = [f"{directory}/out", f"{directory}/err"]
            for pipe in outputs:
                os.mkfifo(pipe)
            arguments = command[command.index(self.command) :]
            self.pid = _ask(
                self._asked, _start(self.command), [self.program, arguments, dict(env), str(cwd), _umask(), *outputs]
            )
            self.stdout, self.stderr = (open(pipe, encoding="utf-8") for pipe in outputs)  # noqa: PTH123, SIM115
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code of a process that has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if self._code is None:
            if not select.select([self._asked], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.command, timeout or 0)
            self._code = int(self._asked.recv(100))
            self._asked.close()
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal to a process that has not ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended since, and its code is on the way
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill a process that has not ended."""
        self.send_signal(signal.SIGKILL)


class DashboardFork(Fork):
    """A process of `python -m analytics dashboard`."""

    program, command = "analytics", "dashboard"


class ReceiverFork(Fork):
    """A process of `python -m receiver serve`, whose children are forks of it."""

    program, command = "receiver", "serve"


def _ask(asked: socket.socket, directory: str, request: list[Any]) -> int:
    """Ask for a fork and return its process id."""
    asked.connect(f"{directory}/forks")
    asked.sendall(json.dumps(request).encode() + b"\n")
    return int(asked.recv(_PID_LENGTH, socket.MSG_WAITALL))


@cache
def _start(*also: str) -> str:
    """Start a process that has imported a program; it ends when this one does, by the end of its input."""
    directory = tempfile.TemporaryDirectory()
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a fork has no threads but its own
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, directory.name, *also], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert process.stdout.readline() == b"ready\n", "the process that has imported the program does not start"
    _KEPT.extend((directory, process))
    return directory.name


_KEPT: list[Any] = []


def _fork_for_each_request(directory: str) -> list[Any] | None:
    """Return what a fork is to do, in that fork, and nothing at the end."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{directory}/forks")
        listening.listen()
        print("ready", flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            asked, _ = listening.accept()
            with asked:
                if os.fork() == 0:
                    return _answer_with_its_code(asked)
            _forget_those_that_have_ended()
    return None


def _forget_those_that_have_ended() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _answer_with_its_code(asked: socket.socket) -> list[Any]:
    """Fork once more, and tell that fork's id and its exit code; return what is asked for in that fork."""
    with asked.makefile() as lines:
        what = json.loads(lines.readline())
    child = os.fork()
    if child == 0:
        return what
    asked.sendall(f"{child:{_PID_LENGTH}}".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    asked.sendall(str(code).encode())
    os._exit(0)


def _umask() -> int:
    os.umask(mask := os.umask(0o077))
    return mask


def _become(
    module: str, arguments: Sequence[str], env: Mapping[str, str], cwd: str, umask: int, out: str, err: str
) -> None:
    """Make this process look as one that was started with these."""
    sys.modules["__main__"].__package__ = module
    sys.argv = [f"{module}/__main__.py", *arguments]
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    os.umask(umask)
    time.tzset()
    random.seed()
    for number, path in enumerate((os.devnull, out, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)


def _become_streamlit(_: str, arguments: Sequence[str]) -> None:
    """Do in this process what the dashboard's last act starts."""
    sys.argv = list(arguments[arguments.index("streamlit") :])
    import_module("streamlit.web.cli").main()


class _ForkedChild:
    """A child of `serve`, with what `serve` uses of `subprocess.Popen`."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], pass_fds: Sequence[int], **_: object) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(_run_child(command[2:], env, pass_fds))


def _run_child(command: Sequence[str], env: Mapping[str, str], descriptors: Sequence[int]) -> int:
    """Make this fork of `serve` as good as a process of its own, and run a module in it; return its exit code."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGINT}:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    _close_all_but(descriptors)
    asyncio.events._set_running_loop(None)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [*command]
    Path("/proc/self/comm").write_text(command[command.index("--name") + 1])
    code: object = 1
    try:
        code = import_module(command[0]).main()
    except SystemExit as end:
        code = end.code
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - told as an interpreter tells it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _close_all_but(descriptors: Sequence[int]) -> None:
    first = 3
    for number in sorted(descriptors):
        os.closerange(first, number)
        first = number + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    """Import the program, then fork for each request."""
    command = next(iter(sys.argv[2:]), None)
    for name in {"dashboard": _DASHBOARD, "serve": _SERVE}.get(command, _IMPORTED):
        import_module(name)
    if command == "dashboard":
        os.execv = _become_streamlit  # type: ignore[assignment]
    if command == "serve":
        children = import_module("receiver.supervision.children")
        children.subprocess = SimpleNamespace(Popen=_ForkedChild, DEVNULL=subprocess.DEVNULL)  # type: ignore[attr-defined]
    gc.freeze()
    if asked := _fork_for_each_request(sys.argv[1]):
        _become(*asked)
        import_module(_MAINS[asked[0]]).main()


if __name__ == "__main__":
    main()
