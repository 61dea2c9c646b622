"""Heartbeats, by which a child of `serve` shows that it works: each second it writes its parts' beats to a pipe.

A thread of its own writes to the pipe, so a message proves that the process runs and Python's lock is free. Each part
(the event loop, the appender) counts its own turns, so a count that grows proves that the part works. Before long
work, a checkpoint say, a part says so: it is busy then, not silent.

A message is one line of JSON: `{part: [beats, busy_with, busy_since]}`, the last two null while it is not busy.
"""

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

BEAT_SECONDS: Final = 1.0
"""How often a message is sent, and the event loop beats."""
VARIABLE: Final = "CLC_SERVE_HEARTBEAT"
"""The environment variable by which a child learns the pipe's descriptor."""
LOOP: Final = "event loop"

PartMessage = tuple[int, str | None, str | None]
"""A part's message: its beats, the work it is busy with, and since when (ISO, UTC)."""


class Pulse:
    """The pulse of one part of a process: a thread that works in turns."""

    def __init__(self) -> None:
        self._beats = 0
        self._notes: list[tuple[str, str]] = []

    def beat(self) -> None:
        """Note a turn."""
        self._beats += 1

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Note that a block may take long; `what` completes "it is busy with …"."""
        note = (what, datetime.now(UTC).isoformat(timespec="milliseconds"))
        # Another thread may do a part's work for it, while the part's own waits and says so.
        self._notes.append(note)
        self.beat()
        try:
            yield
        finally:
            self._notes.remove(note)
            self.beat()

    def describe(self) -> PartMessage:
        """Return this part's message."""
        for busy_with, busy_since in self._notes[-1:]:
            return self._beats, busy_with, busy_since
        return self._beats, None, None


class Heart:
    """Tells the supervisor how the parts of this process beat.

    Args:
        descriptor: of the pipe; None where nobody listens.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._pulses: dict[str, Pulse] = {}
        self._over = threading.Event()
        self.loop = Pulse()
        self.add(LOOP, self.loop)

    def add(self, name: str, pulse: Pulse) -> None:
        """Add a part, which from now on must beat or be busy."""
        self._pulses[name] = pulse

    def remove(self, name: str) -> None:
        """Remove a part that has ended."""
        del self._pulses[name]

    def start(self) -> None:
        """Begin to send messages."""
        if self._descriptor is not None:
            os.set_blocking(self._descriptor, False)
            threading.Thread(target=self._tell, name="heart", daemon=True).start()

    def beat_with_loop(self) -> None:
        """Let the running event loop beat from now on."""
        self.loop.beat()
        asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat_with_loop)

    def _tell(self) -> None:
        assert self._descriptor is not None  # noqa: S101 - the thread runs only then
        while True:
            message = {name: pulse.describe() for name, pulse in self._pulses.copy().items()}
            # A supervisor that is being replaced reads nothing for a while. When the pipe is full, this message is
            # dropped; the next one contains all of it.
            with contextlib.suppress(BlockingIOError):
                os.write(self._descriptor, json.dumps(message).encode() + b"\n")
            self._over.wait(BEAT_SECONDS)


def take_descriptor(variables: MutableMapping[str, str] = os.environ) -> int | None:
    """Take the pipe's descriptor from the environment, so that this process's own children get none."""
    text = variables.pop(VARIABLE, "")
    return int(text) if text.isdecimal() else None
