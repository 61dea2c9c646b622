"""Asks the receiver's query service, over connections that stay open."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ssl import SSLCertVerificationError
from typing import Any, TypeVar

import pyarrow as pa
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError

from analytics.client.cancelling import LONGEST_QUERY_SECONDS, Cancellation, OwnConnection
from analytics.client.typed import write_all_typed
from analytics.errors import (
    AnalyticsError,
    BusyError,
    NotAQueryError,
    NotRunningError,
    QueryError,
    QueryTimeoutError,
    SilentError,
    TokenError,
    TooManyBytesError,
    TooManyRowsError,
)
from analytics.settings import Settings

CONNECT_SECONDS = 3.0
STATUS_SECONDS = 10.0
GRACE_SECONDS = 5.0
UNAUTHORIZED = 401
NOT_FOUND = 404
OK = 200
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""The last bytes of each answer. Arrow reads a stream without them, and a proxy may drop the length of an answer."""
CODES: dict[str, type[QueryError]] = {
    "not_a_query": NotAQueryError,
    "too_many_bytes": TooManyBytesError,
    "too_many_rows": TooManyRowsError,
    "busy": BusyError,
    "timeout": QueryTimeoutError,
}

T = TypeVar("T")


def write_request(request: Mapping[str, Any]) -> bytes:
    """Return the body of a query; only parameters that JSON has no form for are written with their types."""
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError):
        return json.dumps({**request, "parameters": write_all_typed(request["parameters"]), "typed": True}).encode()


def describe_token(settings: Settings) -> str:
    """Say why the query service does not accept the token, and what to do."""
    file = settings.token_file.absolute()
    if settings.read_token() is None:
        elsewhere = "" if settings.data_dir.is_absolute() else ", nor in a directory above"
        return (
            f"The query service wants a token, and there is no file {file}{elsewhere}: set CLC_DATA_DIR to the "
            "receiver's data directory, or CLC_QUERY_TOKEN to its token; a running notebook needs a new kernel then."
        )
    return (
        f"The query service does not accept the token: it is in {file} of the receiver (CLC_DATA_DIR names the "
        "directory), or set CLC_QUERY_TOKEN."
    )


def find_wrong_certificate(error: HTTPError) -> str | None:
    """Return OpenSSL's words about a certificate that was not accepted; None where that is not why it failed."""
    cause = error.args[0] if isinstance(error, SSLError) else None
    return cause.verify_message.rstrip(".") if isinstance(cause, SSLCertVerificationError) else None


def is_silent_in_tls(error: HTTPError) -> bool:
    """Say whether TLS got no answer in time: the server is slow or hangs, or waits because it has no TLS."""
    return isinstance(error, ReadTimeoutError) and "handshake" in str(error.__cause__)


class QueryServiceSource:
    """A query service at a URL."""

    def __init__(self, url: str, settings: Settings) -> None:
        """Prepare for the service at `url`; send nothing yet."""
        self._url = url.rstrip("/")
        self._settings = settings
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)
        self._own: list[OwnConnection] = []  # those that no query uses now

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None,
        timeout: float | None,
        max_rows: int | None,
        cancellation: Cancellation | None = None,
        max_bytes: int | None = None,
    ) -> pa.Table:
        """Run one SELECT and return all its rows."""
        limits = {"timeout": timeout, "max_rows": max_rows, "max_bytes": max_bytes}
        fields = {"sql": query, "parameters": parameters, **limits}
        request = {name: value for name, value in fields.items() if value is not None}
        wait = LONGEST_QUERY_SECONDS if timeout is None else timeout + GRACE_SECONDS
        body = write_request(request)
        if cancellation is None:
            return self._insist(lambda: self._read(self._ask("POST", "/query", body, wait)))
        with self._lend_connection(cancellation) as pool:
            return self._ask_again(lambda: self._read(self._ask("POST", "/query", body, wait, pool)))

    @contextmanager
    def _lend_connection(self, cancellation: Cancellation) -> Iterator[urllib3.PoolManager]:
        """Lend a connection to a query that can be cancelled; no other query uses it meanwhile."""
        try:
            own = self._own.pop()
        except IndexError:
            own = OwnConnection()
        own.begin(cancellation)
        try:
            yield own.pool
        finally:
            own.end()
            self._own.append(own)
            cancellation.check()  # a cancellation caused any other error

    def status(self) -> dict[str, Any]:
        """Return the receiver's answer to `GET /status`."""
        return self._insist(lambda: self._read_json(self._ask("GET", "/status", None, STATUS_SECONDS)))

    def probe(self, seconds: float) -> None:
        """Send `GET /healthz` over a new connection: a kept one may lead to a service that has ended.

        The token is sent too, though not required: a busy service closes connections without it first.
        """
        headers = {"Authorization": f"Bearer {token}"} if (token := self._settings.read_token()) else {}
        url, timeout = f"{self._url}/healthz", urllib3.Timeout(total=seconds)
        try:
            with urllib3.PoolManager(num_pools=1, retries=False) as pool:
                pool.request("GET", url, headers=headers, redirect=False, preload_content=False, timeout=timeout)
        except HTTPError as error:
            if isinstance(error, ReadTimeoutError) and not is_silent_in_tls(error):
                raise SilentError(
                    f"The store at {self._url} takes connections, but has not answered within {seconds:g} s. "
                    "Nothing that was acknowledged is at risk; `clc-receiver serve` restarts a store that hangs."
                ) from error
            raise self._make_not_running_error(error) from error

    def _make_not_running_error(self, error: HTTPError) -> NotRunningError:
        if reason := find_wrong_certificate(error):
            return NotRunningError(
                f"The certificate of {self._url} is not accepted ({reason}): set SSL_CERT_FILE to the certificate "
                "of its authority, ask by a name that is in it, or renew it."
            )
        if is_silent_in_tls(error):
            return SilentError(
                f"The server at {self._url} takes connections, but did not answer in TLS in time; does it speak HTTPS?"
            )
        if isinstance(error, SSLError):
            return NotRunningError(
                f"Nothing at {self._url} speaks HTTPS; a query service without a proxy in front of it is asked by http://."
            )
        return NotRunningError(
            f"No receiver answers at {self._url}; start one with `clc-receiver serve` "
            "(or `clc-receiver demo`), or set CLC_QUERY_LISTEN to where it is."
        )

    def _insist(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ProtocolError:
            # A restarted receiver has closed the kept connections: try once more, on a new one.
            return self._ask_again(ask)

    def _ask_again(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ProtocolError as error:
            raise NotRunningError(
                f"The query service at {self._url} broke off its answer; look at what `clc-receiver serve` says, "
                "and whether the address is right."
            ) from error

    def _ask(
        self, method: str, path: str, body: bytes | None, wait: float, pool: urllib3.PoolManager | None = None
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token := self._settings.read_token():
            headers["Authorization"] = f"Bearer {token}"
        try:
            return (pool or self._pool).request(
                method,
                f"{self._url}{path}",
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=wait),
            )
        except ProtocolError:
            raise
        except HTTPError as error:
            if isinstance(error, ReadTimeoutError) and not is_silent_in_tls(error):
                raise QueryTimeoutError(
                    f"The query service at {self._url} did not answer within {wait:g} s."
                ) from error
            raise self._make_not_running_error(error) from error

    def _read_json(self, response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        body = self._read_body(response)
        response.release_conn()
        if response.status != OK:
            raise self._make_error(response.status, body)
        try:
            return dict(json.loads(body))
        except (ValueError, TypeError) as error:
            raise self._make_stranger_error("/status") from error

    def _read_body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        try:
            return response.read()
        except HTTPError as error:
            raise ProtocolError(str(error)) from error
        except MemoryError:  # memory for all of it is taken before the first byte is read
            size = response.headers.get("Content-Length", "too many")
            raise QueryError(
                f"The answer of {self._url} has {size} bytes, more than the memory here: ask for fewer rows, unless "
                "the address is not that of a query service."
            ) from None

    def _make_error(self, status: int, body: bytes) -> AnalyticsError:
        """Return the error of an answer other than 200."""
        if status == NOT_FOUND:
            return QueryError(
                f"There is no query service at {self._url}: its address is the receiver's CLC_QUERY_LISTEN, and is "
                "another one than that to which notifications are posted."
            )
        if status == UNAUTHORIZED:
            return TokenError(describe_token(self._settings))
        try:
            answer = json.loads(body)
            code, detail = str(answer["error"]), str(answer["detail"])
        except (ValueError, KeyError, TypeError):
            return QueryError(f"The query service answered with status {status} and no reason; is the address right?")
        return CODES.get(code, QueryError)(detail)

    def _make_stranger_error(self, path: str) -> QueryError:
        return QueryError(f"The server at {self._url}{path} is not a receiver; is the address right?")

    def _read(self, response: urllib3.BaseHTTPResponse) -> pa.Table:
        whole = False
        try:
            if response.status != OK:
                error = self._make_error(response.status, self._read_body(response))
                whole = True
                raise error
            body = self._read_body(response)
            whole = True
            table = pa.ipc.open_stream(body).read_all()
        except pa.ArrowInvalid as error:  # a whole answer, else its length would be wrong
            raise self._make_stranger_error("/query") from error
        except OSError as error:
            raise ProtocolError(f"The answer ended early: {error}") from error
        else:
            if not body.endswith(END_OF_STREAM):
                raise ProtocolError("The answer ended early, between two batches.")
            return table
        finally:
            if whole:
                response.release_conn()
            else:
                response.close()  # hanging up ends the query at the other end

    def close(self) -> None:
        """Let go of the connections."""
        for pool in (self._pool, *(own.pool for own in self._own)):
            pool.clear()
