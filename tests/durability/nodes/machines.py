"""Machines that share a spool: killed whole or in parts, started again, wiped, and joined anew."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from receiver.data_directory.node import FILE
from tests.durability.support.commands import run_command
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver, Receiver
from tests.support.waiting import until


class Machine:
    """One of them, on addresses that stay the same.

    Args:
        directory: its disk.
        settings: those that all machines have.
        only: the part of `serve` that it runs; None for all.
    """

    def __init__(self, directory: Path, settings: dict[str, str], only: str | None = None) -> None:
        self.directory, self.only = directory, only
        self.listen = free_address()
        self._settings: dict[str, Any] = {**settings, "CLC_LISTEN": self.listen, "CLC_QUERY_LISTEN": free_address()}
        self.receiver: Receiver | None = None

    def __str__(self) -> str:
        return self.directory.name

    @property
    def takes(self) -> bool:
        """Whether it takes notifications."""
        return self.only != "store"

    @property
    def stores(self) -> bool:
        """Whether it has a store."""
        return self.only != "listener"

    def start(self) -> None:
        """Run `serve`."""
        self.receiver = PreparedReceiver(self.directory, only=self.only, **self._settings)

    def run(self, *arguments: str):
        """Run a command to its end, which must be a good one."""
        done = run_command(self.directory, *arguments, **self._settings)
        assert done.returncode == 0, f"{self}: {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done

    def kill_part(self, part: str) -> None:
        """Kill one process, and wait until another has its place."""
        pid = until(lambda: self.receiver.children().get(part), what=f"a {part} of {self}")
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.receiver.children().get(part) not in {pid, None}, what=f"another {part} of {self}")

    def kill(self) -> None:
        """Kill all its processes at once, also those that copy and upload a backup."""
        for pid in [self.receiver.process.pid, *_list_below(self.receiver.process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.receiver.stop()
        self.receiver = None

    def wipe(self) -> str:
        """Kill it, lose its disk, and return the id that it had."""
        self.kill()
        node = (self.directory / FILE).read_text().strip()
        shutil.rmtree(self.directory)
        return node

    def stop(self) -> None:
        """End it, if it runs."""
        if self.receiver:
            assert self.receiver.stop() == 0, self.receiver.log[-3000:]
            self.receiver = None


def _list_below(pid: int) -> list[int]:
    """List a process's children, theirs, and so on."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found + [each for child in found for each in _list_below(child)]
