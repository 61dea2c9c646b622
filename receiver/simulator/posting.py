"""Posts notifications as the real sender does: once each, on kept-open connections, at a rate."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import TextIO

import orjson
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.util import SKIP_HEADER

from receiver.errors import SendError
from receiver.senders import SENDER
from receiver.simulator import MADE_UP
from receiver.simulator.history import Outgoing
from receiver.simulator.tally import Delivery, Tally

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
LONGEST_SLEEP = 0.2
_NOT_SENT = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}
"""Headers that urllib3 would add and the real sender does not."""


class Poster:
    """Posts to one receiver, with up to `concurrency` notifications on their way at a time."""

    def __init__(
        self,
        url: str,
        key: RSAPrivateKey,
        concurrency: int = 8,
        report: TextIO | None = None,
        secret: str | None = None,
    ) -> None:
        """Prepare to post to `{url}/webhooks/…`.

        Args:
            url: the receiver's base URL.
            key: signs the bodies.
            concurrency: how many may be on their way at a time.
            report: gets one JSON line for each notification sent.
            secret: stands before the event's name in each URL, see CLC_URL_SECRET.
        """
        self._url = url.rstrip("/")
        self._targets = f"{self._url}/webhooks/{secret}" if secret else f"{self._url}/webhooks"
        self._key = key
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
            self._pool.request("GET", f"{self._url}/healthz", headers=_NOT_SENT)
        except HTTPError as error:
            raise SendError(
                f"No receiver answers at {self._url} ({describe_failure(error)}): "
                "start one with `clc-receiver serve`, or correct --to."
            ) from None

    def send(
        self,
        groups: Iterable[list[Outgoing]],
        rate: float,
        count: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Post `count` notifications, or all; ends early, with a complete tally, on KeyboardInterrupt.

        The n-th is due `n / rate` seconds after the first, however long answers take; with rate 0 at once. A group
        goes out together. The next group is taken from `groups` only when it is due.
        """
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._concurrency)]
        for worker in workers:
            worker.start()
        self.tally.begin()
        try:
            self._dispatch(groups, rate, count, progress)
        except KeyboardInterrupt:
            self._forget_queued()
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
        self, groups: Iterable[list[Outgoing]], rate: float, count: int | None, progress: Callable[[int], None]
    ) -> None:
        began, number, waiting = time.monotonic(), 0, iter(groups)
        while (count is None or number < count) and self._fault is None:
            due = began + number / rate if rate else 0.0
            while (wait := due - time.monotonic()) > 0:
                time.sleep(min(wait, LONGEST_SLEEP))
                progress(self.tally.sent)
            group = next(waiting, None)
            if group is None:
                return
            for outgoing in group if count is None else group[: count - number]:
                self._queue.put(outgoing)
                number += 1
            progress(self.tally.sent)

    def _forget_queued(self) -> None:
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                return

    def _work(self) -> None:
        while (outgoing := self._queue.get()) is not None:
            try:
                self._post(outgoing)
            except BaseException as error:  # noqa: BLE001 - raised again where the notifications come from
                self._fault = error

    def _post(self, outgoing: Outgoing) -> None:
        signature = SENDER.verification.sign(self._key, outgoing.body)
        headers = {**MADE_UP.headers, **_NOT_SENT, SENDER.verification.header: signature}
        sent_at, began = datetime.now(UTC), time.perf_counter()
        status, notification_id, error = None, None, None
        try:
            response = self._pool.request(
                "POST", f"{self._targets}/{outgoing.event_type}", body=outgoing.body, headers=headers
            )
            status, notification_id = response.status, response.headers.get("Notification-Id")
            error = None if status == 200 else _refusal(status, response.data)  # noqa: PLR2004 - HTTP's OK
        except HTTPError as failure:
            error = describe_failure(failure)
        delivery = Delivery(
            outgoing, sent_at, datetime.now(UTC), time.perf_counter() - began, status, notification_id, error
        )
        with self._lock:
            self.tally.add(delivery)
            if self._report:
                self._report.write(delivery.as_line())


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


def _refusal(status: int, body: bytes) -> str:
    """Name a refusal by its status and, where the answer has one, its error code."""
    try:
        return f"{status} {orjson.loads(body)['error']}"
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return str(status)
