"""What the listener answers on each route."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from receiver.admission import UNKNOWN_EVENT, Admission, Refusal
from receiver.events import event_for_path
from receiver.listener import metrics
from receiver.listener.commits import Commits
from receiver.listener.exchange import SPOOL_UNAVAILABLE, Answer, Request, plain, refusal
from receiver.listener.health import StoreProbe, readiness
from receiver.listener.peers import TrustedProxies
from receiver.listener.rejections import HourlyBudget, rejection
from receiver.notification import Notification
from receiver.signature import SIGNATURE_HEADER
from receiver.spool import Row

Respond = Callable[[Answer], None]

_ONLY_POST = refusal(
    Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Notifications are posted here."), {"Allow": "POST"}
)
_ONLY_GET = refusal(
    Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "This is read with GET."), {"Allow": "GET, HEAD"}
)
_NOT_FOUND = refusal(
    Refusal(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here; notifications go to /webhooks/EVENT.")
)


class Routes:
    """Answers requests.

    Args:
        admission: decides on notifications.
        commits: take them to the disk.
        proxies: whose `X-Forwarded-For` is believed.
        query_address: the store's, for `/readyz`.
        data_dir: where the supervisor says how the store stands, for the same.
        budget: bytes of refused notifications that are kept.
    """

    def __init__(
        self,
        admission: Admission,
        commits: Commits,
        proxies: TrustedProxies,
        query_address: str,
        data_dir: Path,
        budget: HourlyBudget,
    ) -> None:
        self._admission = admission
        self._commits = commits
        self._proxies = proxies
        self._store = StoreProbe(query_address, data_dir)
        self._budget = budget
        self._tasks: set[asyncio.Task[None]] = set()
        self._readings = {"/healthz": self._health, "/readyz": self._ready, "/metrics": self._metrics}

    def respond(self, request: Request, respond: Respond) -> None:
        """Answer a request, at once or when the spool has synced it."""
        path = request.target.partition("?")[0]
        if path.lower().startswith(("/webhook/", "/webhooks/")):
            if request.method == "POST":
                self._notification(request, respond)
            else:
                respond(_ONLY_POST)
        elif path not in self._readings:
            respond(_NOT_FOUND)
        elif request.method not in {"GET", "HEAD"}:
            respond(_ONLY_GET)
        else:
            self._readings[path](respond)

    def _notification(self, request: Request, respond: Respond) -> None:
        received_at = datetime.now(UTC)
        source_ip = self._proxies.source_of(request.peer, request.headers.get("X-Forwarded-For"))
        decision = self._decide(request, received_at, source_ip)
        if isinstance(decision, Notification):
            self._commit(decision, "accepted", plain("ok", Notification_Id=str(decision.id)), respond)
            return
        refused = rejection(request, decision.code, received_at, source_ip)
        if self._budget.spend(refused.cost):
            self._commit(refused, decision.code, refusal(decision), respond)
        else:
            metrics.NOT_KEPT.inc()
            metrics.ANSWERED.labels(decision.code).inc()
            respond(refusal(decision))

    def _decide(self, request: Request, received_at: datetime, source_ip: str | None) -> Notification | Refusal:
        path, _, query = request.target.partition("?")
        action = parse_qs(query).get("action", [None])[-1]
        event = event_for_path(path, action)
        if event is None:
            return UNKNOWN_EVENT
        return self._admission.decide(
            event, request.body, request.headers.get(SIGNATURE_HEADER), received_at, source_ip
        )

    def _commit(self, row: Row, result: str, answer: Answer, respond: Respond) -> None:
        """Answer when the row is on disk."""
        began = time.monotonic()
        metrics.WAITING.inc()

        def committed(error: Exception | None) -> None:
            metrics.WAITING.dec()
            metrics.ANSWERED.labels(result if error is None else "spool_unavailable").inc()
            metrics.ACCEPT_SECONDS.observe(time.monotonic() - began)
            respond(answer if error is None else SPOOL_UNAVAILABLE)

        self._commits.append(row, committed)

    def _health(self, respond: Respond) -> None:
        respond(plain("ok"))

    def _metrics(self, respond: Respond) -> None:
        respond(Answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", metrics.metrics_text()))

    def _ready(self, respond: Respond) -> None:
        task = asyncio.ensure_future(self._answer_ready(respond))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_ready(self, respond: Respond) -> None:
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._commits.append(None, lambda error: written.set_result(error is None))
        store = await self._store.ask()
        respond(readiness(spool=await written, store=store))
