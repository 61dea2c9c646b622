"""The listener's routes, and its answer on each."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from prometheus_client import generate_latest

from receiver.admission import UNKNOWN_EVENT, Admission, Refusal
from receiver.listener import metrics
from receiver.listener.exchange import (
    SPOOL_UNAVAILABLE,
    Answer,
    Request,
    answer_accepted,
    answer_internal_error,
    answer_refused,
    answer_text,
)
from receiver.listener.health import Replication, StoreProbe, answer_readiness
from receiver.listener.rejections import INTERNAL_ERROR, HourlyBudget, Rejections
from receiver.listener.sources import TrustedProxies
from receiver.listener.targets import is_of_profile, is_posted_to, strip_secret
from receiver.notification import Notification, Rejection
from receiver.sender_admission import SenderAdmission
from receiver.senders import CENTURYLINK
from receiver.senders.profile import Handshake
from receiver.senders.request import SignedRequest
from receiver.spool import Done, Place, Row, SpoolWriter, WaitingRow


class Commits:
    """Collects rows for the spool on the running event loop.

    Args:
        spool: takes them; its groups are delivered on this loop.
    """

    def __init__(self, spool: SpoolWriter) -> None:
        self._spool = spool
        self._turn: list[WaitingRow] = []

    def append(self, row: Row | None, done: Done) -> None:
        """Commit a row with those of the same turn, see `SpoolWriter.append`."""
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._commit)
        self._turn.append((row, done))

    @property
    def place(self) -> Place | None:
        """See `SpoolWriter.place`."""
        return self._spool.place

    def _commit(self) -> None:
        turn, self._turn = self._turn, []
        self._spool.append_here(turn)


SendAnswer = Callable[[Answer], None]

_log = logging.getLogger(__name__)

_ACCEPTED = "accepted"
_ONLY_POST = answer_refused(
    Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Notifications are posted here."), {"Allow": "POST"}
)
_ONLY_GET = answer_refused(
    Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "This is read with GET."), {"Allow": "GET, HEAD"}
)
_NOT_FOUND = answer_refused(
    Refusal(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here; post to /webhooks/EVENT or /senders/NAME.")
)


class Routes:
    """Answers requests.

    Args:
        admission: decides on CenturyLink's notifications.
        senders: decides on those of other senders.
        commits: take them to the disk.
        proxies: those whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        query_address: the store's, for `/readyz`; None where there is no store.
        data_dir: where the supervisor writes the store's state, for the same.
        budget: bytes of refused notifications that are kept.
        secret: the part of each target URL that must match, see CLC_URL_SECRET.
        scheme: that of the listener's own URLs, for senders that sign the URL.
        replication: what an accepted notification waits for once it is on disk; None where it waits for nothing more.
    """

    def __init__(
        self,
        admission: Admission,
        senders: SenderAdmission,
        commits: Commits,
        proxies: TrustedProxies,
        query_address: str | None,
        data_dir: Path,
        budget: HourlyBudget,
        secret: str | None,
        scheme: Literal["http", "https"],
        replication: Replication | None,
    ) -> None:
        self._admission = admission
        self._senders = senders
        self._commits = commits
        self._proxies = proxies
        self._store = StoreProbe(query_address, data_dir) if query_address else None
        self._budget = budget
        self._secret = secret
        self._scheme = scheme
        self._replication = replication
        self._rejections = Rejections(senders.secret_texts | ({secret} if secret else set()), senders.token_headers)
        self._find_event_by_request = CENTURYLINK.find_event_by_request
        self._waiting = 0
        metrics.WAITING.set_function(lambda: self._waiting)
        self._looking: asyncio.Task[None] | None = None
        self._asking: list[SendAnswer] = []
        self._readings: dict[str, Callable[[SendAnswer], None]] = {
            "/healthz": lambda respond: respond(answer_text("ok")),
            "/readyz": self._answer_ready_to,
            "/metrics": lambda respond: respond(
                Answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", generate_latest(metrics.REGISTRY))
            ),
        }

    def respond(self, request: Request, respond: SendAnswer) -> None:
        """Answer a request, at once or when the spool has synced it.

        If an error in this program prevents that, the posted request is kept as `answer_internal_error`.
        """
        try:
            self._respond(request, respond)
        except Exception as error:  # noqa: BLE001 - it is logged, and no reason to leave the sender without an answer
            self._fail(request, respond, error)

    def _respond(self, request: Request, respond: SendAnswer) -> None:
        path = request.target.partition("?")[0]
        if is_posted_to(path):
            if request.method == "POST":
                self._take_notification(request, respond)
            else:
                respond(self._greet(request))
        elif path not in self._readings:
            respond(_NOT_FOUND)
        elif request.method not in {"GET", "HEAD"}:
            respond(_ONLY_GET)
        else:
            self._readings[path](respond)

    def _greet(self, request: Request) -> Answer:
        """Answer a handshake by GET; refuse anything else that is not posted."""
        known_path, query = self._split_target(request)
        if request.method == "GET" and known_path is not None and is_of_profile(known_path):
            handshake = self._senders.greet(known_path, query, request.headers)
            if handshake is not None:
                return _answer_handshake(handshake)
        return _ONLY_POST

    def _fail(self, request: Request, respond: SendAnswer, error: Exception) -> None:
        """Log an error in this program, keep the posted request, and answer 500."""
        row = self._rejections.make_failure_row(request, datetime.now(UTC))
        _log.error("request %s could not be answered by an error in this program", row.id, exc_info=error)
        answer = answer_internal_error(str(row.id))
        try:
            if request.method == "POST" and is_posted_to(request.target):
                self._keep(row, answer, respond)
                return
        except Exception:  # noqa: BLE001 - the answer comes first
            _log.exception("request %s could not be kept either", row.id)
        respond(answer)
        metrics.count_answer(INTERNAL_ERROR)

    def _take_notification(self, request: Request, respond: SendAnswer) -> None:
        received_at = datetime.now(UTC)
        source_ip = self._proxies.find_source(request.peer, request.headers.get("x-forwarded-for"))
        decision = self._decide(request, received_at, source_ip)
        if isinstance(decision, Notification):
            self._commit(decision, _ACCEPTED, answer_accepted(str(decision.id)), request, respond)
        elif isinstance(decision, Handshake):
            respond(_answer_handshake(decision))
        else:
            refused = self._rejections.make_row(request, decision, received_at, source_ip)
            self._keep(refused, answer_refused(decision), respond)

    def _decide(
        self, request: Request, received_at: datetime, source_ip: str | None
    ) -> Notification | Refusal | Handshake:
        known_path, query = self._split_target(request)
        if known_path is None:
            return UNKNOWN_EVENT._replace(sender=None) if is_of_profile(request.target) else UNKNOWN_EVENT
        if is_of_profile(known_path):
            if request.refusal and (profile := self._senders.find(known_path)):
                return request.refusal._replace(sender=profile.name)
            return self._senders.decide(known_path, self._make_signed(request), received_at, source_ip)
        event = self._find_event_by_request(known_path, query)
        if event is None:
            return UNKNOWN_EVENT
        return request.refusal or self._admission.decide(event, request.body, request.headers, received_at, source_ip)

    def _split_target(self, request: Request) -> tuple[str | None, str]:
        """Return a target's path without the secret, None where that is wrong, and its query."""
        path, _, query = request.target.partition("?")
        return path if self._secret is None else strip_secret(path, self._secret), query

    def _make_signed(self, request: Request) -> SignedRequest:
        """Return what a signature can cover; a proxy that is trusted says whether the sender used TLS."""
        headers = request.headers
        is_forwarded = self._proxies.trusts(request.peer) and "x-forwarded-proto" in headers
        scheme = headers["x-forwarded-proto"] if is_forwarded else self._scheme
        url = f"{scheme}://{headers.get('host', '')}{request.target}"
        return SignedRequest(request.method, url, headers, request.body)

    def _keep(self, row: Rejection, answer: Answer, respond: SendAnswer) -> None:
        """Keep a refused notification, if the hour's budget allows it, and answer."""
        if self._budget.spend(row.reason, row.cost):
            self._commit(row, row.reason, answer, None, respond)
        else:
            respond(answer)
            metrics.NOT_KEPT.inc()
            metrics.count_answer(row.reason)

    def _commit(self, row: Row, result: str, answer: Answer, request: Request | None, respond: SendAnswer) -> None:
        """Answer when the row is on disk, and a notification also where CLC_ACKNOWLEDGE wants it.

        Args:
            row: goes to the spool.
            result: its name in the metrics.
            answer: then.
            request: kept if an error in this program prevents that; None if the row is such a request already.
            respond: takes the answer.
        """
        began = time.monotonic()
        self._waiting += 1

        def finish(error: Exception | None) -> None:
            self._waiting -= 1
            if error is None:
                respond(answer)
                metrics.count_answer(result)
            elif isinstance(error, (OSError, sqlite3.Error)):
                respond(SPOOL_UNAVAILABLE)
                metrics.count_answer("spool_unavailable")
            elif request is None:
                _log.error("what was refused could not be kept by an error in this program", exc_info=error)
                respond(answer_internal_error())
                metrics.count_answer(INTERNAL_ERROR)
            else:
                self._fail(request, respond, error)
            metrics.ACCEPT_SECONDS.observe(time.monotonic() - began)

        def on_commit(error: Exception | None) -> None:
            place = self._commits.place
            if self._replication and place and error is None and result == _ACCEPTED:
                self._replication.wait(place, lambda: finish(None))
            else:
                finish(error)

        self._commits.append(row, on_commit)

    def _answer_ready_to(self, respond: SendAnswer) -> None:
        """Answer all clients that ask meanwhile by one look at spool and store."""
        self._asking.append(respond)
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._answer_all_ready())

    async def _answer_all_ready(self) -> None:
        try:
            written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._commits.append(None, lambda error: written.set_result(error is None))
            store = await self._store.ask() if self._store else None
            answer = answer_readiness(spool=await written, store=store)
        except Exception:  # noqa: BLE001 - whoever asks must hear of it
            _log.exception("whether the receiver is ready could not be found out")
            answer = answer_internal_error()
        self._looking, asking = None, self._asking
        self._asking = []
        for respond in asking:
            respond(answer)


def _answer_handshake(handshake: Handshake) -> Answer:
    metrics.count_answer("handshake")
    return Answer(HTTPStatus.OK, handshake.content_type, handshake.body.encode())
