"""Runs faults in servers of their own, several at a time."""

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from tests.durability.shim.control import Call, Fault

Found = dict[str, Any]


class Servers:
    """As many servers of one scenario as there are processors, for the length of a block."""

    def __init__(
        self,
        library: Path,
        scenario: str,
        directory: Path,
        *,
        number: int = os.cpu_count() or 1,
        tracer: Sequence[str] = (),
    ) -> None:
        # Not by `env`: a tracer would be preloaded, too.
        program = [
            *tracer,
            "env",
            f"LD_PRELOAD={library}",
            sys.executable,
            "-m",
            "tests.durability.shim.server",
            scenario,
        ]
        self._all = [
            subprocess.Popen(
                [*program, str(directory / str(index))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for index in range(number)
        ]
        self._free: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()
        for server in self._all:
            self._free.put(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._all:
            server.communicate()

    def run(self, fault: Fault | None) -> Found:
        """Run one fault, or none, and return what was found."""
        server = self._free.get()
        try:
            server.stdin.write(json.dumps({"fault": fault}) + "\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())
        finally:
            self._free.put(server)

    def run_all(self, faults: Iterable[Fault]) -> Iterator[tuple[Fault, Found]]:
        """Run each fault."""
        with ThreadPoolExecutor(len(self._all)) as pool:
            yield from pool.map(lambda fault: (fault, self.run(fault)), faults)

    def calls(self) -> list[Call]:
        """List the calls of a run without faults, which must find nothing wrong."""
        found = self.run(None)
        assert not found["problems"], f"{found['problems']}\n{found['log']}"
        return [Call(*call) for call in found["list"]]
