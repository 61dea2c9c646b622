"""Shared by the listener, the store and the shipper, as children of `serve`."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from receiver import __version__
from receiver.data_directory.node import ALL_PARTS
from receiver.data_directory.private import restrict
from receiver.errors import ReceiverError, SettingsError
from receiver.files import allow_descriptors
from receiver.logs import set_up_logging
from receiver.processes.heartbeat import Heart, take_descriptor
from receiver.settings import Settings, read_passed_settings

NO_RESTART_HELPS = 78
"""The exit code by which a child says that starting it again can't help (EX_CONFIG of sysexits.h)."""

_LAST_SECONDS = 30

_log = logging.getLogger(__name__)


class Child:
    """A process under `serve`: its descriptors, and its communication with the supervisor.

    Args:
        name: its name in the log.
        role: the machine's.
        listening: the socket to take connections from, if it takes any; the supervisor holds it open, too.
        life: descriptor of a pipe that ends when the supervisor does.
        report: descriptor of a pipe for the result of the start; None where nobody reads it.
        heart: tells the supervisor that this process works.
    """

    def __init__(
        self, name: str, role: str, listening: socket.socket | None, life: int, report: int | None, heart: Heart
    ) -> None:
        self.name = name
        self.role = role
        self._listening = listening
        self.heart = heart
        self.stopping = asyncio.Event()
        """Set once there will be no successor: on SIGTERM, or when the supervisor is gone, however it went."""
        self._going = asyncio.Event()
        self._life = life
        self._report = report
        self._start = contextlib.ExitStack()
        self._start.enter_context(heart.loop.busy("its start"))

    @property
    def listening(self) -> socket.socket:
        """The socket to take connections from."""
        assert self._listening is not None  # noqa: S101 - all but the shipper get one, and that never asks
        return self._listening

    def heed_signals(self) -> None:
        """Heed the signals to end, from now on, on the running event loop.

        SIGTERM means that all stops, SIGUSR1 that a successor is there already. SIGINT and SIGHUP are left to the
        supervisor: a terminal sends them to all processes, but the order of stopping matters.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._note, self.stopping)
        loop.add_signal_handler(signal.SIGUSR1, self._note, self._going)

    async def report_ready_and_wait(self) -> None:
        """Report that all is ready, and wait until this process must end."""
        self.tell(ready=True)
        self._start.close()
        self.heart.beat_with_loop()
        await self._going.wait()

    def tell(self, **report: object) -> None:
        """Report the result of the start to the supervisor, once."""
        if self._report is None:
            return
        with contextlib.suppress(OSError):
            os.write(self._report, json.dumps({"version": __version__, **report}).encode())
        with contextlib.suppress(OSError):
            os.close(self._report)
        self._report = None

    def watch_over_life(self) -> None:
        """End when the supervisor does, whatever this process does: at once, until it heeds signals."""
        threading.Thread(target=self._watch, name="life", daemon=True).start()

    def _note(self, event: asyncio.Event) -> None:
        event.set()
        self._going.set()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._life, 1)
        # If the orderly end takes too long, the system ends this process; acknowledged rows are on disk.
        signal.alarm(_LAST_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)


def run_child(description: str | None, serve: Callable[[Child, Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a child's work, and tell the supervisor by the exit code whether a restart may help.

    Args:
        description: of the process, for `--help`.
        serve: does the work until it must end.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    restrict()
    arguments = _parse_arguments(description)
    allow_descriptors()
    heart = Heart(take_descriptor())
    heart.start()
    listening = None if arguments.socket is None else socket.socket(fileno=arguments.socket)
    child = Child(arguments.name, arguments.role, listening, arguments.life, arguments.report, heart)
    child.watch_over_life()
    set_up_logging(arguments.name)
    try:
        settings = _read_settings()
        set_up_logging(arguments.name, settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(child, settings))
    except ReceiverError as error:
        _log.error("%s", error)
        child.tell(ready=False, failure=str(error))
        sys.exit(1 if error.restart_may_help else NO_RESTART_HELPS)


def _read_settings() -> Settings:
    """Read the settings that the supervisor passes on, and not the file `.env`, which may have changed since.

    Raises:
        SettingsError: they can't be used, and never could.
    """
    try:
        return read_passed_settings()
    except SettingsError as error:
        error.restart_may_help = False
        raise


def _parse_arguments(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"{description} Started by `clc-receiver serve`.")
    parser.add_argument("--socket", type=int, help="descriptor of the listening socket")
    parser.add_argument("--life", type=int, required=True, help="descriptor of a pipe that ends when `serve` does")
    parser.add_argument("--report", type=int, help="descriptor of a pipe on which to report the start")
    parser.add_argument("--name", required=True, help="what the process is called in the log")
    parser.add_argument("--role", default=ALL_PARTS, help="the machine's role")
    return parser.parse_args()
