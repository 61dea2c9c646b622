"""A process that has imported everything, and forks one for each fault: reads a job a line, answers a line."""

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import receiver
from tests.durability.shim import control
from tests.durability.shim.control import Fault
from tests.durability.shim.places import DIED, Place, warm_up
from tests.durability.shim.scenarios import SCENARIOS, Scenario

# Where a lock of its WAL fails again and again, SQLite tries for 10 s each time that a segment is asked something.
_SECONDS = 300.0
_STARTS = 5
_PACKAGE = Path(receiver.__file__).parent


class Ended(NamedTuple):
    """How a child ended: its exit code, or minus a signal's number, and what it gave."""

    code: int
    gave: Any


def in_child(log: Path, function: Callable[[], Any]) -> Ended:
    """Run a function in a process of its own, and return what it gives."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_child(log, writing, function)
    os.close(writing)
    descriptor = os.pidfd_open(pid)
    if not select.select([descriptor], [], [], _SECONDS)[0]:
        os.kill(pid, signal.SIGKILL)
        log.open("a").write("it hung\n")
    os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with os.fdopen(reading, "rb") as answer:
        os.set_blocking(answer.fileno(), False)
        text = answer.read()
    return Ended(code, json.loads(text) if text else None)


def _be_child(log: Path, writing: int, function: Callable[[], Any]) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        os.write(writing, json.dumps(function()).encode())
        code = 0
    except BaseException:  # noqa: BLE001 - whatever ends it, its parent must hear of it
        traceback.print_exc()
        code = 1
    os._exit(code)


class Runs:
    """The runs of one scenario, each on a copy of the files that it begins with."""

    def __init__(self, name: str, directory: Path) -> None:
        self._scenario: Scenario = SCENARIOS[name]
        self._directory = directory
        self._template = directory / "template"
        warm_up(Place(*_paths(directory / "run")))
        _place(self._template)
        made = in_child(directory / "log", lambda: self._scenario.make(Place(*_paths(self._template))))
        if made.code != 0:
            raise RuntimeError((directory / "log").read_text())

    def run(self, fault: Fault | None) -> dict[str, Any]:
        """Let the scenario run with a fault, start again without, and check; say what was found."""
        work = self._directory / "run"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self._template, work)
        place, log = Place(*_paths(work)), work / "log"
        armed = work / "control"
        figures = control.arm(armed, place.data, _PACKAGE, fault, None if fault else work / "calls")
        ran = in_child(log, lambda: _armed(armed, lambda: self._scenario.run(place)))
        with log.open("a") as file:
            file.write(f"-- ended with {ran.code}; again, without faults:\n")
        problems, gave = [], {**(ran.gave or {}), "is_lasting": bool(fault and fault.times > 1)}
        for _ in range(_STARTS):
            after = in_child(log, lambda: self._settle(place, gave))
            if after.code != DIED:
                break
        if "it hung" in log.read_text():
            problems.append("it hung")
        problems += after.gave if after.code == 0 else [f"another start ends with {after.code}"]
        found = {
            "problems": problems,
            "calls": figures.calls,
            "hit": figures.hit.decode(errors="replace").replace(str(work), ""),
            "code": ran.code,
            "ran": ran.gave,
            "log": log.read_text(errors="replace").replace(str(work), ""),
        }
        if fault is None:
            found["list"] = [[*call[:3], call.path.replace(str(work), "")] for call in control.read_log(work / "calls")]
        return found

    def _settle(self, place: Place, ran: dict[str, Any]) -> list[str]:
        return self._scenario.check(place, ran, self._scenario.settle(place))


def _armed(path: Path, function: Callable[[], Any]) -> Any:
    import ctypes

    # Programs that it starts take part.
    os.environ["FAULT_CONTROL"] = str(path)
    ctypes.CDLL(None).fault_attach(str(path).encode())
    return function()


def _paths(directory: Path) -> tuple[Path, Path]:
    return directory / "data", directory / "outside"


def _place(directory: Path) -> None:
    for path in _paths(directory):
        path.mkdir(parents=True)


def main() -> None:
    """Answer jobs until there are no more."""
    name, directory = sys.argv[1:]
    runs = Runs(name, Path(directory))
    for line in sys.stdin:
        job = json.loads(line)
        fault = Fault(*job["fault"]) if job["fault"] else None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(runs.run(fault)), flush=True)


if __name__ == "__main__":
    main()
