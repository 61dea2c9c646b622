"""Runs faults in servers of their own, several at a time."""

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from tests.durability.shim.control import Call, Fault

Found = dict[str, Any]


def read_log(log: Path) -> dict[str, Found]:
    """Read what was found under each fault by an earlier run."""
    lines = log.read_text().splitlines() if log.exists() else []
    return {json.dumps(fault): found for fault, found in map(json.loads, lines)}


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

    def run_all(self, faults: Sequence[Fault], log: Path | None = None) -> Iterator[tuple[Fault, Found]]:
        """Run each fault.

        Args:
            faults: the faults.
            log: gets a line for each fault and what was found; a fault that it has a line of already is not run again.
        """
        done = read_log(log) if log else {}
        begun = time.monotonic()
        with ThreadPoolExecutor(len(self._all)) as pool, (log or Path(os.devnull)).open("a") as file:
            left = [fault for fault in faults if json.dumps(fault) not in done]
            yield from ((fault, done[json.dumps(fault)]) for fault in faults if json.dumps(fault) in done)
            for number, (fault, found) in enumerate(pool.map(lambda fault: (fault, self.run(fault)), left), start=1):
                file.write(json.dumps([fault, found]) + "\n")
                file.flush()
                if log and number % 100 == 0:
                    print(f"{number:,} of {len(left):,} faults, {time.monotonic() - begun:,.0f} s", flush=True)
                yield fault, found

    def calls(self) -> list[Call]:
        """List the calls of a run without faults, which must find nothing wrong."""
        found = self.run(None)
        assert not found["problems"], f"{found['problems']}\n{found['log']}"
        return [Call(*call) for call in found["list"]]
