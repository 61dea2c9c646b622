"""Load on a receiver, and what it must have kept of it."""

import contextlib
import hashlib
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from receiver.keeping.verification.invariants import check_order
from tests.durability.support.promise import Kept, check_acknowledged
from tests.support.keys import key_directory, signed
from tests.support.processes import Process, Receiver, environment
from tests.support.waiting import until

BODIES = [b'{"accountAlias":"ACME","userName":"user%d@acme.example","odd":1.50}' % number for number in range(100)]
ROWS = "SELECT seq, id::VARCHAR AS id, payload FROM notifications WHERE seq > ? AND seq <= ? ORDER BY seq"
ROWS_PER_PART = 10_000


class Simulation(Process):
    """`clc-receiver simulate` on its way, with a line in its report for each sent; `count` of them, or no end."""

    def __init__(self, directory: Path, url: str, rate: int, concurrency: int = 8, count: int | None = None) -> None:
        self.report = directory / "report.jsonl"
        command = [sys.executable, "-m", "receiver", "simulate", "--to", url, "--rate", str(rate), "--quiet"]
        files = ["--report", str(self.report), "--key", str(key_directory() / "private.pem")]
        pace = ["--history-days", "1", "--concurrency", str(concurrency)]
        length = [] if count is None else ["--count", str(count)]
        super().__init__([*command, *files, *pace, *length], environment(directory), cwd=directory)
        until(lambda: self.sent() > 0, what="the first notifications")

    def sent(self) -> int:
        """Count the notifications sent so far, but for the last few that the report's buffer holds."""
        return self.report.read_bytes().count(b"\n") if self.report.exists() else 0

    def accepted(self) -> int:
        """Count those of them that got a 200."""
        return self.report.read_bytes().count(b'"status":200')

    def acknowledged(self) -> dict[UUID, str]:
        """Say what got a 200: the SHA-256 of each body by id. Only once it has been stopped."""
        lines = [json.loads(line) for line in self.report.read_text().splitlines()]
        return {UUID(line["id"]): line["sha256"] for line in lines if line["status"] == 200}


class Answered(NamedTuple):
    """How a request fared: its status and the id it got, or what went wrong."""

    status: int | None
    id: str | None
    sha256: str
    problem: str | None


class Clients:
    """Threads that post signed notifications at a rate, each on a connection kept open, or on a new one each time.

    Args:
        url: of the receiver.
        rate: requests a second, of all threads together.
        threads: how many there are.
        keep_alive: whether connections are kept open.
        bodies: what they post, one after the other, and then again.
        event: which event that is.

    Nothing is ever sent a second time, as the real sender does not.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float,
        threads: int = 8,
        keep_alive: bool,
        bodies: Sequence[bytes] = BODIES,
        event: str = "User.Updated",
    ) -> None:
        self._address = urlsplit(url).netloc
        self._pause = threads / rate
        self._keep_alive = keep_alive
        self._bodies = [(body, signed(body), hashlib.sha256(body).hexdigest()) for body in bodies]
        self._path = f"/webhooks/{event}"
        self._done = threading.Event()
        self.answers: list[Answered] = []
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> float:
        """End, and say how many a second there were."""
        self._done.set()
        for thread in self._threads:
            thread.join()
        return len(self.answers) / (time.monotonic() - self._began)

    def failed(self) -> list[Answered]:
        """List what was not answered 200."""
        return [answer for answer in list(self.answers) if answer.status != 200]

    def acknowledged(self) -> dict[UUID, str]:
        """Say what got a 200: the SHA-256 of each body by id."""
        return {UUID(answer.id): answer.sha256 for answer in self.answers if answer.status == 200}

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        due = time.monotonic() + self._pause * number / len(self._threads)
        while not self._done.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            body, headers, digest = self._bodies[len(self.answers) % len(self._bodies)]
            self.answers.append(self._post(connection, body, headers, digest))
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, body: bytes, headers: dict, digest: str) -> Answered:
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Answered(None, None, digest, f"{type(error).__name__}: {error}")
        if not self._keep_alive:
            connection.close()
        problem = None if response.status == 200 else said.decode(errors="replace")
        return Answered(response.status, response.headers.get("Notification-Id"), digest, problem)


def stored(receiver: Receiver) -> Iterator[Kept]:
    """Read all notifications of a running receiver, in order of `seq`."""
    last = receiver.sql("SELECT max(seq) AS last FROM notifications")[0]["last"] or 0
    for after in range(0, last, ROWS_PER_PART):
        for row in receiver.sql(ROWS, [after, after + ROWS_PER_PART]):
            yield Kept(UUID(row["id"]), hashlib.sha256(row["payload"].encode()).hexdigest(), row["seq"])


def check_all_is_kept(receiver: Receiver, acknowledged: dict[UUID, str]) -> int:
    """Send one more, wait until all that was acknowledged is stored, and hold that against the invariants.

    Each listener has a spool file of its own, so the last one that was sent may be stored before others.

    Returns:
        How many notifications are stored.
    """
    last = UUID(receiver.sender.post("/webhooks/User.Updated", BODIES[0]).headers["Notification-Id"])
    wanted = {**acknowledged, last: hashlib.sha256(BODIES[0]).hexdigest()}
    with contextlib.suppress(AssertionError):  # those that are missing then are named below
        until(lambda: wanted.keys() <= {row.id for row in stored(receiver)}, seconds=120)
    rows = list(stored(receiver))
    problems = [*check_acknowledged(wanted, rows), *check_order((row.seq or 0, row.id) for row in rows)]
    assert not problems, list(map(str, problems[:10]))
    return len(rows)
