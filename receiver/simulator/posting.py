"""Posts notifications as the real sender does: once each, on kept-open connections, at a rate; counts the answers."""

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count as counted
from queue import Empty, Queue
from random import Random
from typing import IO, Final, NamedTuple

import orjson
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.util import SKIP_HEADER

from receiver.errors import SendError
from receiver.senders import CENTURYLINK
from receiver.senders.made_up import find_rate
from receiver.simulator import made_up
from receiver.simulator.history import Outgoing

MOST_BYTES: Final = 64 * 1024
"""The bytes of an answer of a receiver's size: another server may announce, or send, more than memory holds."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
LONGEST_SLEEP = 0.2
TIMES_KEPT = 100_000
_NOT_SENT = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}
"""Headers that urllib3 would add and the real sender does not."""

Seal = Callable[[Outgoing], tuple[str, Mapping[str, str]]]
"""Returns the path that a notification is posted to, and its headers with the signature."""


class Answer(NamedTuple):
    """A server's answer; of a body that is longer than any of a receiver there is the first part, and an ellipsis."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    pool: urllib3.PoolManager, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    """Ask a server, without retries and redirects, and keep its connection unless its answer is too long.

    Raises:
        HTTPError: no whole answer comes.
    """
    response = pool.request(
        method, url, headers=headers, body=body, redirect=False, preload_content=False, decode_content=False
    )
    try:
        data = response.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            data = data[:MOST_BYTES] + "…".encode()
            response.close()
        return Answer(response.status, response.headers, data)
    finally:
        response.release_conn()


def seal_with(key: RSAPrivateKey, secret: str | None = None) -> Seal:
    """Return the seal of a key; the secret stands before the event's name in each URL, see CLC_URL_SECRET."""
    targets = f"/webhooks/{secret}" if secret else "/webhooks"
    verification = CENTURYLINK.verification

    def seal(outgoing: Outgoing) -> tuple[str, Mapping[str, str]]:
        signature = verification.sign(key, outgoing.body)
        return f"{targets}/{outgoing.event_type}", {**made_up.HEADERS, verification.header: signature}

    return seal


class Delivery(NamedTuple):
    """The result of sending a notification. `seconds` is the time until the answer; `error` is None for a 200."""

    outgoing: Outgoing
    sent_at: datetime
    answered_at: datetime
    seconds: float
    status: int | None
    notification_id: str | None
    error: str | None

    def as_line(self) -> bytes:
        """Return the answer as a line of JSON."""
        line = {
            "id": self.notification_id,
            "event": self.outgoing.event_type,
            "sent_at": self.sent_at,
            "answered_at": self.answered_at,
            "status": self.status,
            "error": self.error,
            "sha256": hashlib.sha256(self.outgoing.body).hexdigest(),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def schedule_at_rate(rate: float) -> Iterator[float]:
    """Yield the times at which `rate` notifications a second are due, in seconds; with rate 0 all at once."""
    return (number / rate if rate else 0.0 for number in counted())


def schedule(rate: float, a_day: float | None, seed: int) -> Iterator[float]:
    """Yield the times at which notifications are due, in seconds from now.

    Args:
        rate: how many a second.
        a_day: instead, how many on a usual day, fewer by night; the times come by chance.
        seed: decides chance.
    """
    if not a_day:
        yield from schedule_at_rate(rate)
        return
    rng, begin, due = Random(seed), time.time(), 0.0
    while True:
        yield due
        due += rng.expovariate(find_rate(begin + due, a_day))


class Tally:
    """Counts answers. Times are those of the latest 100,000 answered notifications."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.sent = 0
        self.accepted = 0
        self.errors: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=TIMES_KEPT)
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.monotonic()

    def add(self, answer: Delivery) -> None:
        """Count an answer."""
        self.sent += 1
        if answer.error is None:
            self.accepted += 1
        else:
            self.errors[answer.error] += 1
        if answer.status is not None:
            self._seconds.append(answer.seconds)

    @property
    def rate(self) -> float:
        """Notifications sent per second."""
        return self.sent / max(self._ended - self._began, 1e-9)

    def find_quantile(self, share: float) -> float:
        """Return the answer time in seconds at this share of the notifications; 0 without answers."""
        ordered = sorted(self._seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

    def summarize(self) -> str:
        """Return a summary of the notifications sent and their results, in a few lines."""
        took = self._ended - self._began
        pace = f" in {took:,.1f} s ({self.rate:,.1f}/s)" if self.sent > 1 else ""
        lines = [f"Sent {self.sent:,}{pace}; {self.accepted:,} answered 200."]
        if self._seconds:
            p50, p99 = self.find_quantile(0.5) * 1000, self.find_quantile(0.99) * 1000
            lines.append(f"Time to the answer: p50 {p50:.1f} ms, p99 {p99:.1f} ms.")
        lines += [f"Not accepted: {number:,} ({error})." for error, number in self.errors.most_common()]
        return "\n".join(lines)


class Poster:
    """Posts to one receiver, with up to `concurrency` notifications on their way at a time."""

    def __init__(self, url: str, seal: Seal, concurrency: int = 8, report: IO[bytes] | None = None) -> None:
        """Prepare to post.

        Args:
            url: the receiver's base URL.
            seal: signs the notifications.
            concurrency: how many may be on their way at a time.
            report: gets one JSON line for each notification sent.
        """
        self._url = url.rstrip("/")
        self._seal = seal
        self._concurrency = concurrency
        self._report = report
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=concurrency,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
        )
        self._queue: Queue[Outgoing | None] = Queue(maxsize=concurrency)
        self._fault: BaseException | None = None
        self._lock = threading.Lock()
        self.tally = Tally()

    def check(self) -> None:
        """Make sure that something listens at the address, before the first notification is lost.

        Raises:
            SendError: nothing answers.
        """
        try:
            ask(self._pool, "GET", f"{self._url}/healthz", _NOT_SENT)
        except HTTPError as error:
            raise SendError(
                f"No receiver answers at {self._url} ({describe_failure(error)}): "
                "start one with `clc-receiver serve`, or correct --to."
            ) from None

    def send(
        self,
        groups: Iterable[list[Outgoing]],
        dues: Iterable[float],
        count: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Post `count` notifications, or all; ends early, with a complete tally, on KeyboardInterrupt.

        Each is due at its time in `dues`, in seconds from now, however long answers take. A group goes out together.
        The next group is taken from `groups` only when it is due.
        """
        workers = [threading.Thread(target=self._post_from_queue, daemon=True) for _ in range(self._concurrency)]
        for worker in workers:
            worker.start()
        self.tally.begin()
        try:
            self._dispatch(groups, iter(dues), count, progress)
        except KeyboardInterrupt:
            with suppress(Empty):
                while True:
                    self._queue.get_nowait()
        finally:
            for _ in workers:
                self._queue.put(None)
            for worker in workers:
                worker.join()
            self.tally.end()
            self._pool.clear()
        progress(self.tally.sent)
        if self._fault:
            raise self._fault

    def _dispatch(
        self,
        groups: Iterable[list[Outgoing]],
        dues: Iterator[float],
        count: int | None,
        progress: Callable[[int], None],
    ) -> None:
        began, number, waiting = time.monotonic(), 0, iter(groups)
        while (count is None or number < count) and self._fault is None:
            due = began + next(dues)
            while (wait := due - time.monotonic()) > 0:
                time.sleep(min(wait, LONGEST_SLEEP))
                progress(self.tally.sent)
            group = next(waiting, None)
            if group is None:
                return
            for outgoing in group if count is None else group[: count - number]:
                self._queue.put(outgoing)
                number += 1
            for _ in group[1:]:  # a copy takes the time of a notification
                next(dues)
            progress(self.tally.sent)

    def _post_from_queue(self) -> None:
        while (outgoing := self._queue.get()) is not None:
            try:
                self._post(outgoing)
            except BaseException as error:  # noqa: BLE001 - raised again where the notifications come from
                self._fault = error

    def _post(self, outgoing: Outgoing) -> None:
        target, signed = self._seal(outgoing)
        headers = {**signed, **_NOT_SENT}
        sent_at, began = datetime.now(UTC), time.perf_counter()
        status, notification_id, error = None, None, None
        try:
            answer = ask(self._pool, "POST", f"{self._url}{target}", headers, outgoing.body)
            status, notification_id = answer.status, answer.headers.get("Notification-Id")
            error = None if status == 200 else _name_refusal(status, answer.body)  # noqa: PLR2004 - HTTP's OK
        except HTTPError as failure:
            error = describe_failure(failure)
        delivery = Delivery(
            outgoing, sent_at, datetime.now(UTC), time.perf_counter() - began, status, notification_id, error
        )
        with self._lock:
            self.tally.add(delivery)
            if self._report:
                self._write_line(self._report, delivery)

    def _write_line(self, report: IO[bytes], delivery: Delivery) -> None:
        try:
            report.write(delivery.as_line())
        except OSError as error:
            raise SendError(
                f"The report {report.name} can't be written ({error.strerror}), so nothing more is sent: it lacks the "
                "last ones that were."
            ) from None


def describe_failure(error: HTTPError) -> str:
    """Say in a few words why no answer came."""
    match error:
        case NewConnectionError() | ConnectTimeoutError():
            return "connection refused" if "refused" in str(error) else "failed to connect"
        case ReadTimeoutError():
            return f"no answer in {ANSWER_SECONDS:.0f} s"
        case SSLError():
            return "TLS failed"
        case _:
            return "connection broken"


def _name_refusal(status: int, body: bytes) -> str:
    """Name a refusal by its status and, where the answer has one, its error code."""
    try:
        return f"{status} {orjson.loads(body)['error']}"
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return str(status)
