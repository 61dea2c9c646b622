"""The history of notifications: everyday life and stories, in the past or live, with bodies; and archives of it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from heapq import merge
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.errors import ArchiveError
from receiver.files import open_whole
from receiver.senders import CENTURYLINK
from receiver.senders.made_up import DAY, LEAST_WEIGHT, Calendar
from receiver.simulator import made_up

NOTIFICATIONS_A_DAY = 233
DELIVERY_SECONDS = (0.3, 4.0)
COPY_SECONDS = (0.05, 1.2)
LIVE_SCENE_SECONDS = 120.0
"""The time between two scenes of live everyday life; only the resulting order shows."""
STORY_DAYS = 30
"""The days of the cast's life before a live story."""
SOURCE_IP = "198.51.100.7"
CHUNK = 64
CHUNKS_AHEAD = 4
SIGNATURES_KEPT = 4096


class Outgoing(NamedTuple):
    """A notification to be signed and sent. Times are seconds since 1970; a copy follows its original."""

    occurred_at: float
    received_at: float
    event_type: str
    body: bytes


class Simulation:
    """A world, its everyday life, and the progress of both. The same seed gives the same, apart from the times."""

    def __init__(self, seed: int, a_day: float | None = None) -> None:
        """Begin the life of a seed's world.

        Args:
            seed: chooses the world.
            a_day: the notifications of a usual day, without a quiet hour; by default those of a small reseller.
        """
        self.seed = seed
        self._a_day = a_day
        self.world = made_up.World(Random(f"{seed}/story"))
        self.bodies = made_up.Stamps()
        self._scenes = made_up.tell(seed, self.world)
        self._timetable = made_up.Timetable()
        self._ended_at = 0.0

    def make_history(
        self, days: float, end: float, count: int | None = None, stories: Iterable[str] = ()
    ) -> Iterator[Outgoing]:
        """Yield the days up to `end` in order of receipt.

        Everyday life makes `count` notifications, or the usual number and a few. Stories come beside it and do not
        change it; see `made_up.STORIES` for their names.
        """
        histories = [self._post(self._plan(days, end, count), self.bodies, end)]
        for name in stories:
            steps = made_up.plan_story(name, self.seed, end - days * DAY, end).steps
            histories.append(self._post(steps, made_up.Stamps(), end, f"/{name}"))
        for group in merge(*histories, key=lambda group: group[0].received_at):
            yield from group

    def pass_over(self, days: float, end: float) -> None:
        """Let the days up to `end` go by as `make_history` tells them, without making their bodies."""
        for _, occurred_at, step in self._deliver(self._plan(days, end, None)):
            self.bodies.note(step.event_type, step.subject, occurred_at)
        self._ended_at = end

    def live(self, now: Callable[[], float]) -> Iterator[list[Outgoing]]:
        """Yield everyday life from here on for ever, each notification with its copies, with the time of the call."""
        rng = Random(f"{self.seed}/live")
        at = self._ended_at
        for scene in self._scenes:
            at += rng.expovariate(1 / LIVE_SCENE_SECONDS)
            for _, step in self._timetable.take_until(at):
                present = now()
                body = self.bodies.body(step.event_type, step.subject, present)
                original = Outgoing(present, present, step.event_type, body)
                yield [original] * (1 + step.copies)
            self._timetable.add(at, scene.steps)

    def make_event(self, event_type: str, alias: str, at: float) -> Outgoing:
        """Return a notification of that event for that account; missing entities are made up.

        The change is drawn from the seed and the time, so that each call brings another one.
        """
        subject = made_up.subject_for(self.world, Random(f"{self.seed}/{event_type}/{at}"), event_type, alias)
        return Outgoing(at, at, event_type, self.bodies.body(event_type, subject, at))

    def count_in_stories(self, names: Iterable[str], end: float) -> int:
        """Count the notifications of stories, copies included."""
        plans = (made_up.plan_story(name, self.seed, end - STORY_DAYS * DAY, end) for name in names)
        return sum(1 + step.copies for plan in plans for _, step in plan.steps)

    def play_stories(self, names: Iterable[str], now: Callable[[], float]) -> Iterator[list[Outgoing]]:
        """Yield stories one after the other, each notification with its copies, at the time it is asked for.

        The story's steps happen at present; earlier steps happen as long before as in the story.
        """
        for name in names:
            bodies, end = made_up.Stamps(), now()
            begins, steps = made_up.plan_story(name, self.seed, end - STORY_DAYS * DAY, end)
            for at, step in steps:
                present = now()
                body = bodies.body(step.event_type, step.subject, present - max(begins - at, 0.0))
                original = Outgoing(present, present, step.event_type, body)
                yield [original] * (1 + step.copies)

    def _post(
        self, planned: Iterator[tuple[float, made_up.Step]], bodies: made_up.Stamps, end: float, which: str = ""
    ) -> Iterator[list[Outgoing]]:
        """Yield each notification of the past with its copies."""
        rng = Random(f"{self.seed}/copies{which}")
        for at, occurred_at, step in self._deliver(planned, which):
            original = Outgoing(
                occurred_at, at, step.event_type, bodies.body(step.event_type, step.subject, occurred_at)
            )
            received = [min(at + rng.uniform(*COPY_SECONDS), end) for _ in range(step.copies)]
            yield [original, *(original._replace(received_at=copied) for copied in received)]

    def _deliver(
        self, planned: Iterator[tuple[float, made_up.Step]], which: str = ""
    ) -> Iterator[tuple[float, float, made_up.Step]]:
        """Yield the time of receipt and the time of occurrence of each step, and the step."""
        delivery = Random(f"{self.seed}/delivery{which}")
        for at, step in planned:
            yield at, at - delivery.uniform(*DELIVERY_SECONDS), step

    def _plan(self, days: float, end: float, count: int | None) -> Iterator[tuple[float, made_up.Step]]:
        limit = count or max(1, round(days * (self._a_day or NOTIFICATIONS_A_DAY)))
        least = LEAST_WEIGHT if self._a_day else 0.0
        calendar = Calendar(Random(f"{self.seed}/calendar"), end - days * DAY, end, least)
        jitter = Random(f"{self.seed}/jitter")
        total = made_up.weight_of(self.seed, limit)
        weight, done = 0.0, 0
        for scene in self._scenes:
            at = calendar.find_time((weight + jitter.random()) / total)
            yield from self._timetable.take_until(at)
            steps = scene.steps if count is None else _select_first(scene.steps, limit - done)
            # A busy sender's unfinished scenes go on live. Squeezed in before the end, they would show as a peak.
            self._timetable.add(at, steps, None if self._a_day else end)
            done += sum(1 + step.copies for step in steps)
            weight += scene.weight
            if done >= limit:
                break
        yield from self._timetable.take_until(end)


def _select_first(steps: list[made_up.Step], count: int) -> list[made_up.Step]:
    """Return the steps that make at most `count` notifications, the last one without copies if need be."""
    chosen = []
    for step in steps:
        if count <= 0:
            break
        chosen.append(step._replace(copies=min(step.copies, count - 1)))
        count -= 1 + chosen[-1].copies
    return chosen


def write_archive(
    path: Path,
    history: Iterable[Outgoing],
    key: RSAPrivateKey,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a history to a file and return how many lines it has; see `write_lines`."""
    return write_lines(path, _sign_lines(history, key), progress)


def write_lines(path: Path, groups: Iterable[list[bytes]], progress: Callable[[int], None]) -> int:
    """Write lines to a file and return their number. The file appears, or is replaced, when complete.

    Raises:
        ArchiveError: the file can't be written.
    """
    try:
        with open_whole(path) as file:
            count = 0
            for lines in groups:
                file.writelines(lines)
                count += len(lines)
                progress(count)
    except OSError as error:
        raise ArchiveError(
            f"The archive {path} can't be written ({error.strerror}): name a file in a directory that can be."
        ) from error
    return count


def as_time(at: float) -> str:
    """Return a time (seconds since 1970) as archives have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_archive_line(outgoing: Outgoing, signature: str) -> bytes:
    """Return a notification as a line of an archive."""
    headers = {**made_up.HEADERS, "Content-Length": str(len(outgoing.body)), CENTURYLINK.verification.header: signature}
    line = {
        "received_at": as_time(outgoing.received_at),
        "event": outgoing.event_type,
        "source_ip": SOURCE_IP,
        "headers": headers,
        "body": outgoing.body.decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _sign_lines(history: Iterable[Outgoing], key: RSAPrivateKey) -> Iterator[list[bytes]]:
    """Yield the lines in chunks. Signing releases the interpreter's lock, so threads use every core."""

    @lru_cache(maxsize=SIGNATURES_KEPT)
    def sign(body: bytes) -> str:
        return CENTURYLINK.verification.sign(key, body)

    def write_lines(chunk: list[Outgoing]) -> list[bytes]:
        return [write_archive_line(outgoing, sign(outgoing.body)) for outgoing in chunk]

    threads = os.cpu_count() or 1
    waiting: deque[Future[list[bytes]]] = deque()
    source = iter(history)
    with ThreadPoolExecutor(threads) as executor:
        while chunk := list(islice(source, CHUNK)):
            waiting.append(executor.submit(write_lines, chunk))
            if len(waiting) > CHUNKS_AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
