"""Heartbeats, by which a child of `serve` shows that it works: each second it writes its parts' beats to a pipe.

A thread of its own writes to the pipe, so a message proves that the process runs and Python's lock is free. Each part
(the event loop, the appender) counts its own turns, so a count that grows proves that the part works. Before long
work, a checkpoint say, a part says so: it is busy then, not silent.

A message is one line of JSON: `{part: [beats, busy_with, busy_since]}`, the last two null while it is not busy.

The supervisor reads a child's vitals from its messages. It measures silence in its own waking time: if the whole
machine slept, or the supervisor was stopped, no child counts as dead, because it could not beat either.
"""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
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

SILENT_SECONDS: Final = 3.0
"""After so many seconds without a beat a child counts as silent, which is only reported."""
BUSY_FACTOR: Final = 60
"""The patience with a busy part is so many times as long: an hour where others have a minute."""
FIRST_BEAT_SECONDS: Final = 60.0
"""The shortest patience with a process that has never beaten: on a busy machine it takes long to load the program."""


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
            # dropped; the next one contains all of it. If the supervisor is gone, `Child` ends this process.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._descriptor, json.dumps(message).encode() + b"\n")
            time.sleep(BEAT_SECONDS)


def take_descriptor() -> int | None:
    """Take the pipe's descriptor from the environment, so that this process's own children get none."""
    text = os.environ.pop(VARIABLE, "")
    return int(text) if text.isdecimal() else None


class _PartVitals:
    """One part of a child."""

    def __init__(self) -> None:
        self.beats = -1
        self.quiet = 0.0
        self.last_beat: str | None = None
        self.busy_with: str | None = None
        self.busy_since: str | None = None

    def take(self, message: PartMessage, at: str) -> None:
        """Take over a message."""
        beats, self.busy_with, self.busy_since = message
        if beats != self.beats:
            self.beats, self.quiet, self.last_beat = beats, 0.0, at


class Vitals:
    """The life of one child."""

    def __init__(self) -> None:
        self._parts: dict[str, _PartVitals] = {}
        self._process = _PartVitals()
        self._left = b""

    def take(self, received: bytes) -> None:
        """Read messages, whole or in pieces; the latest one counts, and an unreadable one is no beat."""
        *lines, self._left = (self._left + received).split(b"\n")
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        for line in lines[-1:]:
            try:
                messages = {
                    str(name): (int(beats), busy_with, since)
                    for name, (beats, busy_with, since, *_) in json.loads(line).items()
                }
            except (ValueError, TypeError, LookupError, AttributeError):
                continue
            self._process.take((self._process.beats + 1, None, None), at)
            self._parts = {name: self._parts.get(name) or _PartVitals() for name in messages}
            for name, part in self._parts.items():
                part.take(messages[name], at)

    def pass_time(self, seconds: float) -> None:
        """Note that so many seconds of the supervisor's waking time have passed."""
        for part in (self._process, *self._parts.values()):
            part.quiet += seconds

    @property
    def _expected(self) -> list[_PartVitals]:
        """The parts that must beat: the process itself, and those that are not busy."""
        return [self._process, *(part for part in self._parts.values() if part.busy_with is None)]

    @property
    def last_beat(self) -> str | None:
        """The time (ISO, UTC) up to which all parts that must beat did."""
        times = [part.last_beat for part in self._expected]
        return min(time for time in times if time) if all(times) else None

    @property
    def is_silent(self) -> bool:
        """Whether a part that must beat has not done so for `SILENT_SECONDS`."""
        return any(part.quiet >= SILENT_SECONDS for part in self._expected)

    @property
    def busy(self) -> tuple[str, str] | None:
        """The work that a part is busy with and since when (ISO, UTC); of several, the earliest."""
        notes = [(part.busy_since, part.busy_with) for part in self._parts.values() if part.busy_with]
        since, what = min(notes, default=(None, None))
        return (what, since) if what and since else None

    def describe_hang(self, patience: float, *, is_ready: bool) -> str | None:
        """Say how the child hangs; None as long as it does not.

        Args:
            patience: seconds without a beat after which a child hangs.
            is_ready: whether it has started. A start may be busy without limit: if an hour is too short to replay a WAL
                or to migrate a store, the next start would need as long.
        """
        process = self._process
        if process.quiet >= (patience if process.last_beat else max(patience, FIRST_BEAT_SECONDS)):
            return f"its process has given no sign of life for {process.quiet:.0f} s"
        for name, part in self._parts.items():
            if part.busy_with is None and part.quiet >= patience:
                return f"its {name} has stood still for {part.quiet:.0f} s"
            if is_ready and part.busy_with is not None and part.quiet >= patience * BUSY_FACTOR:
                return f"its {name} has been busy with {part.busy_with} since {part.busy_since}"
        return None
