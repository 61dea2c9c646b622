"""Real processes of the product for tests, on free ports, in directories of their own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import urllib3

from receiver.spool import SpoolReader
from tests.support.keys import key_directory, signed
from tests.support.prepared import ReceiverFork
from tests.support.waiting import until
from tests.support.way_in import share

PROGRAM = (sys.executable, "-m", "receiver")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """Make an environment with no settings but these, and the tests' key."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CLC_")}
    return {
        **inherited,
        "CLC_DATA_DIR": str(data_dir),
        "CLC_LISTEN": "127.0.0.1:0",
        "CLC_QUERY_LISTEN": "127.0.0.1:0",
        "CLC_PUBLIC_KEY": str(key_directory() / "public.pem"),
        **share(data_dir),
        **settings,
    }


class Sender:
    """Posts notifications to a base URL, signed unless told otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def request(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None):
        return self._pool.request(method, self.url + path, body=body, headers=headers or {})

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None):
        return self.request("POST", path, body, signed(body) if headers is None else headers)

    def get(self, path: str):
        return self.request("GET", path)


class Process:
    """A child process whose log lines can be waited for."""

    start: Any = subprocess.Popen

    def __init__(
        self, command: Sequence[str | Path], env: dict[str, str], *, cwd: Path, pass_fds: tuple[int, ...] = ()
    ) -> None:
        self.process = self.start(
            command, env=env, cwd=cwd, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=pass_fds
        )
        self.lines: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self, stream) -> None:
        with stream:
            self.lines.extend(line.rstrip("\n") for line in stream)

    @property
    def log(self) -> str:
        """What was printed so far."""
        return "\n".join(self.lines)

    def ended(self) -> bool:
        """Fail, with what was printed, if the process has ended."""
        assert self.process.poll() is None, self.log
        return False

    def until_logged(self, pattern: str) -> re.Match[str]:
        """Wait for a line, and return what matched."""

        def found():
            assert self.process.poll() is None or self._readers[1].is_alive() or re.search(pattern, self.log), self.log
            return re.search(pattern, self.log)

        try:
            return until(found, what=f"{pattern!r} in the log")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; what does not heed it is killed, and fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(10)
        return code


class ListenerProcess(Process):
    """A listener alone, with no store: what it takes stays in the spool."""

    module = "receiver.listener.process"
    prefix: tuple[str, ...] = ()

    def __init__(self, data_dir: Path, **settings: str) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        life, self._held = os.pipe()
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            fds = (listening.fileno(), life)
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            command = [
                *self.prefix,
                sys.executable,
                "-m",
                self.module,
                "--socket",
                str(fds[0]),
                "--life",
                str(fds[1]),
                "--name",
                "listener",
            ]
            super().__init__(command, environment(data_dir, **settings), cwd=data_dir, pass_fds=fds)
        os.close(life)
        try:
            self.until_logged("the listener takes notifications")
        except BaseException:
            self.stop()
            raise
        self.sender = Sender(self.url)

    def spooled(self, kind: str = "notifications") -> list:
        """Read what is in the spool."""
        reader = SpoolReader(self.data_dir / "spool")
        rows = [row.row for segment in reader.list_segments() for row in segment.read(kind, 0, 100_000)]
        reader.close()
        return rows

    def lose_supervisor(self) -> None:
        """Close the pipe that a dead supervisor would have closed."""
        os.close(self._held)
        self._held = None

    def stop(self, number: int = signal.SIGTERM) -> int:
        code = super().stop(number)
        if self._held is not None:
            os.close(self._held)
            self._held = None
        return code


class Receiver(Process):
    """`clc-receiver serve`, whole or one part; by the command of an installation, if one is given."""

    def __init__(
        self, data_dir: Path, *, program: tuple[str, ...] = PROGRAM, only: str | None = None, **settings: str
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        part = ["--only", only] if only else []
        super().__init__([*program, "serve", *part], environment(data_dir, **settings), cwd=data_dir)
        try:
            if only != "listener":
                self.until_logged("the store is open")
                self.query_url = self.until_logged(r"(http://\S+)/query")[1]
            if only != "store":
                self.until_logged("the listener takes notifications")
                self.url = self.until_logged(r"(https?://\S+)/webhooks/(?:CLC_URL_SECRET/)?EVENT")[1]
                self.sender = Sender(self.url)
        except BaseException:
            self.stop()
            raise

    @property
    def token(self) -> str:
        """The query service's token."""
        return (self.data_dir / "query.token").read_text().strip()

    def children(self) -> dict[str, int]:
        """Find the children's process ids by role, `listener`, `store` and `shipper`."""
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(OSError, ValueError):  # gone already, or not yet what it becomes
                command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                name = command[command.index("--name") + 1].split()[0]
                found[name] = int(pid)
        return found

    def sql(self, query: str, parameters: list | None = None) -> list[dict]:
        """Ask the query service, as any HTTP client would."""
        import pyarrow.ipc

        response = urllib3.request(
            "POST",
            f"{self.query_url}/query",
            body=json.dumps({"sql": query, "parameters": parameters or []}),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            retries=False,
            timeout=60,
        )
        assert response.status == 200, response.data
        return pyarrow.ipc.open_stream(response.data).read_all().to_pylist()


class PreparedReceiver(Receiver):
    """A receiver in forks of a process that has imported it: imports are most of its start."""

    start = ReceiverFork

    def children(self) -> dict[str, int]:
        """Find the children's process ids by role."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        roles: dict[str, int] = {}
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
                roles[Path(f"/proc/{pid}/comm").read_text().split()[0]] = int(pid)
        return roles


P = TypeVar("P", bound=Process)


@contextlib.contextmanager
def running(kind: Callable[..., P], data_dir: Path, **settings: Any) -> Iterator[P]:
    """Run a process for the length of a block."""
    with kind(data_dir, **settings) as process:
        yield process


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process as `kill -STOP` does, for the length of a block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
