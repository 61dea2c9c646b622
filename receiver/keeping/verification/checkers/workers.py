"""Starts a process for each core that checks parts of the store, and ends them all with the command.

Threads gain nothing here, because checks hold Python's lock. Each process is a new interpreter: a fork would copy locks
that threads of DuckDB and Arrow hold. It is in a session of its own, so a terminal's Ctrl-C reaches only the command.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import Pipe
from typing import Any, NamedTuple

from receiver.database.reading import Reader
from receiver.errors import WorkerError
from receiver.keeping.verification.checkers.parts import Means, Part, PartChecker, Pending
from receiver.processes.parts import EndRequests

_MODULE = "receiver.keeping.verification.checkers.process"
_FEWEST_ROWS = 20_000
"""For fewer rows, starting processes takes longer than it saves."""
_MOST = 8
"""More than reading the store keeps busy."""
READY = True
"""The answer of a process that can check parts."""


class Question(NamedTuple):
    """A query of a process that checks."""

    sql: str
    parameters: list[Any]


@contextmanager
def open_checkers(reader: Reader, means: Means, rows: int) -> Iterator[Sequence["Checker"]]:
    """Make the checkers for so many notifications; their processes end with the block, whatever they do."""
    count = min(_count_cores(), _MOST) if rows >= _FEWEST_ROWS else 1
    if count == 1:
        yield [means.make_checker(reader)]
        return
    with ExitStack() as started:
        # An exception inside of `Popen` would leave a process that nobody ends.
        with EndRequests() as requests:
            checkers = []
            for _ in range(count):
                checkers.append(WorkerProcess(reader))
                started.callback(checkers[-1].end)
                checkers[-1].begin(means)
        if requests.count:
            raise KeyboardInterrupt
        yield checkers


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class WorkerProcess:
    """A `PartChecker` in a process of its own."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", _MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        # One thread, so that parts go in order, and no more than one at a time.
        self._thread = ThreadPoolExecutor(1)

    def begin(self, means: Means) -> None:
        """Tell the process what it checks with."""
        self._thread.submit(self._ask, means)

    def check(self, part: Part) -> Pending:
        """Begin to check a part."""
        return self._thread.submit(self._ask, part).result

    def finish(self) -> Pending:
        """Begin to check what only the last part decides."""
        return self._thread.submit(self._ask, None).result

    def end(self) -> None:
        """Kill the process, which holds nothing that could be lost, and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._thread.shutdown(cancel_futures=True)
        self._connection.close()

    def _ask(self, message: Means | Part | None) -> Any:
        """Send a message, run the queries that the process needs for the answer, and return that."""
        self._send(message)
        while isinstance(answer := self._receive(), Question):
            self._send(self._reader.read_rows(*answer))
        return answer

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise self._describe_end() from None

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise self._describe_end() from None

    def _describe_end(self) -> WorkerError:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return WorkerError(
            f"Process {self._process.pid}, which checked notifications, {how}: not all of them were checked."
        )


Checker = PartChecker | WorkerProcess
"""Begins to check parts, in this process or in another."""
