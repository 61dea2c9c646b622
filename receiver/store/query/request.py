"""Checks a request: its origin, its token, and its body; and reads its parameters.

A browser is kept out in three ways, so that no page can ask in its user's name: a request with a foreign `Origin` or
`Sec-Fetch-Site` is refused (`cross_site`); a body must be `application/json`, which no form can send without asking
first, and no answer ever allows it (no CORS header); and `Host` must be an address, a name of this machine's loopback
or a name that was configured (`wrong_host`): a page that rebinds its own name to this address has that name in `Host`,
never an address. Only `/healthz`, which says nothing, is open to all.
"""

import hmac
import ipaddress
import json
import math
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from receiver.store.query.answers import QueryError
from receiver.store.query.execution import Query
from receiver.store.query.guard import is_deeper
from receiver.store.query.runner import QueryLimits

EXPECTED: Final = (
    'send {"sql": text, "parameters": list or object, "typed": boolean, "timeout": seconds, "max_rows": number, '
    '"max_bytes": number}; only sql is needed.'
)

DEEPEST: Final = 100
"""How many levels of lists and objects a body may have; parameters begin at the second."""

_KEYS: Final = frozenset({"sql", "parameters", "typed", "timeout", "max_rows", "max_bytes"})

_READERS: Final[dict[str, tuple[type, Callable[[Any], Any]]]] = {
    "BLOB": (str, bytes.fromhex),
    "DATE": (str, date.fromisoformat),
    "DECIMAL": (str, Decimal),
    "DOUBLE": (str, float),
    "INTERVAL": (int, lambda microseconds: timedelta(microseconds=microseconds)),
    "TIME": (str, time_of_day.fromisoformat),
    "TIMESTAMP": (str, datetime.fromisoformat),
    "UUID": (str, UUID),
}
"""The JSON type of each type's value, and what reads it. `STRUCT` has an object of values."""


def is_cross_site(headers: Mapping[str, str], host: str) -> bool:
    """Tell whether a browser sent the request for a page of another site than `Host`."""
    origin = headers.get("Origin")
    if origin is not None and _find_place(origin) != host.lower():
        return True
    return headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin")


def _find_place(origin: str) -> str | None:
    """Return the host and port of an `Origin`; None where it is malformed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def is_own_host(host: str, hosts: Collection[str]) -> bool:
    """Tell whether `Host` is an address, a loopback name or one of `hosts`, with or without a port."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in hosts or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def require_json(headers: Mapping[str, str]) -> None:
    """Check that the body calls itself JSON.

    Raises:
        QueryError: `unsupported_media_type`.
    """
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise QueryError("unsupported_media_type", "The body must be JSON: send Content-Type: application/json.")


def parse_query(body: bytes, limits: QueryLimits) -> Query:
    """Read a request's body; its limits only lower those of the service.

    Raises:
        QueryError: `bad_request`, saying what is wrong and what is expected.
    """
    try:
        request = json.loads(body.decode(), parse_constant=_refuse_constant)
        json.dumps(request, ensure_ascii=False).encode()  # a lone surrogate can't be told to DuckDB
    except (ValueError, RecursionError) as error:
        raise QueryError("bad_request", f"The body is no JSON ({error}): {EXPECTED}") from None
    if is_deeper(request, DEEPEST):  # Python's and DuckDB's limits on recursion would be met somewhere
        raise _make_bad_request_error(f"The body is nested deeper than {DEEPEST} levels")
    if not isinstance(request, dict):
        raise _make_bad_request_error("The body is no JSON object")
    if unknown := sorted(request.keys() - _KEYS):
        raise _make_bad_request_error(f"The body has unknown keys ({', '.join(unknown)})")
    sql, parameters = request.get("sql"), request.get("parameters")
    if not isinstance(sql, str) or "\0" in sql:
        raise _make_bad_request_error("sql is no text, or has a NUL in it")
    if parameters is not None and not isinstance(parameters, (list, dict)):
        raise _make_bad_request_error("parameters are neither a list nor an object")
    typed = request.get("typed", False)
    if not isinstance(typed, bool):
        raise _make_bad_request_error("typed is no boolean")
    return Query(
        sql,
        _read_all(parameters) if typed and parameters else parameters,
        _choose_limit("timeout", request.get("timeout"), limits.timeout_seconds),
        math.ceil(_choose_limit("max_rows", request.get("max_rows"), limits.max_rows)),
        math.ceil(_choose_limit("max_bytes", request.get("max_bytes"), limits.max_bytes)),
    )


def _read_all(parameters: list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
    try:
        if isinstance(parameters, dict):
            return {name: _read_typed(value) for name, value in parameters.items()}
        return [_read_typed(value) for value in parameters]
    except ValueError as error:
        raise _make_bad_request_error(f"The parameters can't be read, because {error}") from None


def _read_typed(value: Any) -> Any:
    """Return one parameter, in which each object of JSON is a pair of a type and a value.

    So a request can have types that JSON lacks: `{"type": "DECIMAL", "value": "1.25"}`.

    Raises:
        ValueError: an object is no such pair.
    """
    if isinstance(value, list):
        return [_read_typed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"type", "value"}:
        raise ValueError('a typed parameter is no {"type": name, "value": value}')
    name, content = value["type"], value["value"]
    if name == "STRUCT" and isinstance(content, dict):
        return {key: _read_typed(item) for key, item in content.items()}
    if not isinstance(name, str) or name not in _READERS:
        raise ValueError(f"a typed parameter has none of the types {', '.join([*_READERS, 'STRUCT'])}")
    kind, read = _READERS[name]
    try:
        if type(content) is kind:
            return read(content)
    except (ValueError, ArithmeticError):
        pass
    raise ValueError(f"the value of a typed parameter is no {name}")


def _choose_limit(name: str, value: object, limit: float) -> float:
    if value is None:
        return limit
    # JSON has integers that no float can hold, so they are only compared.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        raise _make_bad_request_error(f"{name} must be a number above 0")
    return min(value, limit)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _make_bad_request_error(what: str) -> QueryError:
    return QueryError("bad_request", f"{what}: {EXPECTED}")


def carries(headers: Mapping[str, str], *tokens: bytes) -> bool:
    """Tell whether a request's headers carry one of the tokens as their bearer token."""
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    sent = rest.strip().encode()
    return scheme.lower() == "bearer" and any(hmac.compare_digest(sent, token) for token in tokens)
