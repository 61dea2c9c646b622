"""The query service's HTTP side: its routes, its access rules, and the sending of answers.

Answers hold plain Arrow types: JSON and UUID come as strings, ENUM as a dictionary, TIMESTAMPTZ in UTC, HUGEINT as
decimal128(38, 0). A column of a type that Arrow lacks, or with one in its lists or structs, comes as strings.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

import tornado.web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from tornado.iostream import StreamClosedError

from receiver.errors import SettingsError
from receiver.store.query.answers import STATUSES, QueryAnswer, QueryError
from receiver.store.query.request import (
    EXPECTED,
    carries,
    is_cross_site,
    is_own_host,
    parse_query,
    require_json,
)
from receiver.store.query.runner import QueryRunner

MAX_REQUEST_BYTES: Final = 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
STALLED_SECONDS: Final = 60
SLOWEST_BYTES_PER_SECOND: Final = 64 * 1024
ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
CLIENT_GONE: Final = 499

_log: Final = logging.getLogger(__name__)


def make_query_app(
    runner: QueryRunner, token: str, extra_handlers: list[Any], *, registry: CollectorRegistry, hosts: Collection[str]
) -> tornado.web.Application:
    """Make the application; serve it from the thread and the event loop that will run it.

    `extra_handlers` are Tornado's rules; handlers derived from `ServiceHandler` are protected as `/query` is.
    `registry` has the metrics to show. `hosts` are the names, beside loopback's and any address, that clients may use.

    Raises:
        SettingsError: The token is empty.
    """
    if not token:
        raise SettingsError("CLC_QUERY_TOKEN is empty: set a token, or leave the variable out to have one made.")
    return tornado.web.Application(
        [("/query", QueryHandler), ("/healthz", HealthHandler), ("/metrics", MetricsHandler), *extra_handlers],
        default_handler_class=UnknownHandler,
        log_function=log_answer,
        runner=runner,
        registry=registry,
        token=token.encode(),
        hosts=frozenset(host.lower() for host in hosts),
    )


def log_answer(handler: tornado.web.RequestHandler) -> None:
    """Log an answer that is the store's own fault or limit, in words without the SQL; metrics count all others."""
    status, request = handler.get_status(), handler.request
    if status >= STATUSES["internal_error"]:
        seconds = request.request_time()
        _log.warning("%s %s was answered with %d after %.3f s", request.method, request.path, status, seconds)


class JsonErrorHandler(tornado.web.RequestHandler):
    """Answers every error as JSON, `{"error": code, "detail": sentence}`."""

    def set_default_headers(self) -> None:
        """Keep answers out of caches and browsers from guessing their type."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error in our form, Tornado's own too."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if not isinstance(error, QueryError):
            error = self._make_error(status_code)
        self.set_status(error.status)
        if error.status == STATUSES["unauthorized"]:
            self.set_header("WWW-Authenticate", "Bearer")
        if error.status == STATUSES["busy"]:
            self.set_header("Retry-After", "1")
        self.finish({"error": error.code, "detail": error.detail})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log our own faults, but not errors that the client can put right."""
        if not isinstance(value, QueryError):
            super().log_exception(typ, value, tb)

    def _make_error(self, status: int) -> QueryError:
        path, method = self.request.path, self.request.method
        if status == STATUSES["not_found"]:
            return QueryError("not_found", f"There is nothing at {path}: POST to /query.")
        if status == STATUSES["method_not_allowed"]:
            return QueryError("method_not_allowed", f"{method} is not for {path}: POST to /query, GET the others.")
        if status == STATUSES["bad_request"]:
            return QueryError("bad_request", f"The request is malformed: {EXPECTED}")
        return QueryError("internal_error", "The store failed to answer: its log says why.")


class LocalHandler(JsonErrorHandler):
    """Refuses other sites' pages and foreign host names before any other check."""

    def prepare(self) -> None:
        """Check `Host`, `Origin` and `Sec-Fetch-Site`."""
        host = self.request.host
        if not is_own_host(host, self.settings["hosts"]):
            raise QueryError("wrong_host", f"The service does not answer to the name {host}: call it by its address.")
        if is_cross_site(self.request.headers, host):
            raise QueryError("cross_site", "Pages of other sites may not use this service: ask from a program.")

    def require_token(self, token: bytes, otherwise: str) -> None:
        """Check the bearer token.

        Raises:
            QueryError: `unauthorized` with the sentence `otherwise`.
        """
        if not carries(self.request.headers, token):
            raise QueryError("unauthorized", otherwise)


class ServiceHandler(LocalHandler):
    """Answers only requests that carry the token: the base of every handler that reads or changes something."""

    def prepare(self) -> None:
        """Check all of `LocalHandler`, and the bearer token."""
        super().prepare()
        self.require_token(
            self.settings["token"], "The token is missing or wrong: send Authorization: Bearer with CLC_QUERY_TOKEN."
        )


class UnknownHandler(LocalHandler):
    """Answers every path that has no handler."""

    def prepare(self) -> None:
        """Refuse with 404."""
        super().prepare()
        raise tornado.web.HTTPError(STATUSES["not_found"])


class HealthHandler(JsonErrorHandler):
    """`GET /healthz`: the process is up."""

    def get(self) -> None:
        """Say ok."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("ok")


class MetricsHandler(LocalHandler):
    """`GET /metrics`: Prometheus' text format."""

    def get(self) -> None:
        """Write all metrics of the registry."""
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.settings["registry"]))


@tornado.web.stream_request_body
class QueryHandler(ServiceHandler):
    """`POST /query`: one SELECT in, one Arrow IPC stream out.

    The body arrives in pieces, so that a refused or too large one is not kept. It is still read to its end before a
    refusal is sent: closing a connection with unread bytes resets it, and the client would see no answer.
    """

    def initialize(self) -> None:
        """Start with an empty body."""
        self._body = bytearray()
        self._refused: QueryError | None = None
        self._query: asyncio.Task[QueryAnswer] | None = None
        self._gone = False

    def prepare(self) -> None:
        """Check the headers, and note the reason if they are refused."""
        try:
            super().prepare()
            require_json(self.request.headers)
        except QueryError as error:
            self._refused = error

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, unless the request is refused."""
        if self._refused is None and len(self._body) + len(chunk) > MAX_REQUEST_BYTES:
            self._refused = QueryError(
                "too_large",
                f"The request is larger than {MAX_REQUEST_BYTES} bytes: make its SQL and parameters shorter.",
            )
            self._body.clear()
        if self._refused is None:
            self._body += chunk

    def on_connection_close(self) -> None:
        """Interrupt the query of a client that has hung up."""
        self._gone = True
        if self._query is not None:
            self._query.cancel()

    async def post(self) -> None:
        """Run the query and send its answer."""
        if self._refused is not None:
            raise self._refused
        runner: QueryRunner = self.settings["runner"]
        self._query = asyncio.create_task(runner.run(parse_query(bytes(self._body), runner.limits)))
        try:
            answer = await self._query
        except asyncio.CancelledError:
            if not self._gone:
                raise
            self.set_status(CLIENT_GONE, "Client Closed Request")
            return
        with answer:
            await self._send(answer)

    async def _send(self, answer: QueryAnswer) -> None:
        size = answer.file.seek(0, 2)
        self.set_header("Content-Type", ARROW_STREAM)
        self.set_header("Content-Length", str(size))
        answer.file.seek(0)
        try:
            async with asyncio.timeout(STALLED_SECONDS + size / SLOWEST_BYTES_PER_SECOND):
                while chunk := answer.file.read(CHUNK_BYTES):
                    self.write(chunk)
                    await asyncio.wait_for(self.flush(), STALLED_SECONDS)
        except (StreamClosedError, TimeoutError):
            self.request.connection.stream.close()  # type: ignore[union-attr] # an answer cut short must not look whole
