"""Processes that help the store: each prints JSON lines, the last of which says how its work ended.

One is killed when the store ends, or if it hangs.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import duckdb

from receiver.errors import ObjectsError, ReceiverError
from receiver.logs import describe, set_up_logging
from receiver.settings import Settings, list_variables, read_passed_settings

_GIVES_WAY = 10
"""How much lower its priority is (`nice`)."""

_STILL_SECONDS = 120.0
"""How long it may say nothing until it is given up."""
_FORESEEN = (ObjectsError, OSError, ValueError)

_log = logging.getLogger(__name__)


def run_helper(name: str, work: Callable[[Settings], dict[str, Any]]) -> None:
    """Do a helper's work, print its last line, and end; the line has an `error` if the work failed.

    Args:
        name: of the process in the log.
        work: returns the last line.
    """
    os.nice(_GIVES_WAY)
    set_up_logging(name)
    try:
        settings = read_passed_settings()
        set_up_logging(name, settings.log_format)
        print_line(work(settings))
    except Exception as error:  # noqa: BLE001 - the store tells what this line says, and nothing else
        with contextlib.suppress(BrokenPipeError):  # the store is gone
            print_line({"error": _explain(error)})
        sys.exit(1)


def print_line(line: dict[str, Any]) -> None:
    """Print a line."""
    print(json.dumps(line), flush=True)  # noqa: T201 - the store reads it


def _explain(error: Exception) -> str:
    """Say why a work failed; an error that nobody foresaw is logged as a whole."""
    if isinstance(error, (ReceiverError, duckdb.Error, OSError)):
        return (str(error).splitlines() or [describe(error)])[0]
    _log.exception("an error in this program")
    return f"an error in this program ({describe(error)}): the log says where."


def explain(error: Exception) -> str:
    """Say why a helper's work failed, where the error is handled; one that nobody foresaw is logged as a whole."""
    if isinstance(error, _FORESEEN):
        return str(error)
    _log.exception("an error in this program")
    return f"an error in this program ({describe(error)})"


class Helper:
    """Runs one such process at a time.

    Args:
        settings: those of the process.
        module: its module.
    """

    def __init__(self, settings: Settings, module: str) -> None:
        self._settings = settings
        self._module = module
        self._process: subprocess.Popen[str] | None = None
        self.is_stopping = False

    def stop(self) -> None:
        """Kill the process that runs, and run no other."""
        self.is_stopping = True
        process = self._process
        if process:
            process.kill()

    def run(self, *arguments: str, on_line: Callable[[dict[str, Any]], None] = lambda _line: None) -> dict[str, Any]:
        """Run the process to its end, and return its last line.

        Args:
            arguments: of its command line.
            on_line: called with each line.

        Raises:
            ObjectsError: it failed, or ended without a line.
            OSError, ValueError: it could not be run, or was not understood.
        """
        command = [sys.executable, "-m", self._module, *arguments]
        line: dict[str, Any] = {}
        with subprocess.Popen(  # noqa: S603 - our own module
            command, stdout=subprocess.PIPE, text=True, env=list_variables(self._settings)
        ) as process:
            self._process = process
            if self.is_stopping:
                process.kill()
            watch = _Watch(process)
            for text in process.stdout or ():
                watch.look()
                line = json.loads(text)
                on_line(line)
            watch.end()
        if process.returncode or "error" in line:
            raise ObjectsError(line.get("error") or watch.complaint or _describe_end(process.returncode))
        if not line:
            raise ObjectsError("It ended and said nothing.")
        return line


def _describe_end(code: int) -> str:
    """Say how a process ended that did not say why."""
    if code == -signal.SIGKILL:
        return "It was killed, as the system does where memory runs out."
    if code < 0:
        return f"It was ended by signal {-code}: the log may say why."
    return f"It ended with code {code}: the log says why."


class _Watch:
    """Kills a process that says nothing for too long: a server that is stopped answers nothing, and closes nothing."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.complaint: str | None = None
        self._timer = self._begin()

    def look(self) -> None:
        self._timer.cancel()
        self._timer = self._begin()

    def end(self) -> None:
        self._timer.cancel()

    def _begin(self) -> threading.Timer:
        timer = threading.Timer(_STILL_SECONDS, self._kill)
        timer.daemon = True
        timer.start()
        return timer

    def _kill(self) -> None:
        self.complaint = f"It did not go on for {_STILL_SECONDS:.0f} s."
        self._process.kill()
