"""The limits of a query: its time, its rows and its bytes."""

import math
import numbers
from typing import cast

from analytics.errors import QueryError

LONGEST_QUERY_SECONDS = 3600.0
"""The query service ends a query earlier; this only ends a lost wait."""
MOST = 2**53
"""The most rows or bytes; more than there are."""


def bound_timeout(seconds: float | None) -> float | None:
    """Return the time that a query may take, at most the longest; threads and sockets can't wait for ever longer.

    Raises:
        QueryError: it is no number above 0.
    """
    return (
        None if seconds is None else float(min(_check("timeout", seconds, "number of seconds"), LONGEST_QUERY_SECONDS))
    )


def bound_count(name: str, count: float | None) -> int | None:
    """Return the most rows or bytes of an answer as a whole number.

    Raises:
        QueryError: it is no number above 0.
    """
    return None if count is None else math.ceil(min(_check(name, count, "number"), MOST))


def _check(name: str, value: object, kind: str) -> float:
    # NaN is above nothing.
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not cast("float", value) > 0:
        raise QueryError(f"{name} is {value!r}, but must be a {kind} above 0.")
    return cast("float", value)
