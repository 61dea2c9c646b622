"""The longest time of a query."""

import math

from analytics.errors import QueryError

LONGEST_QUERY_SECONDS = 3600.0
"""The query service ends a query earlier; this only ends a lost wait."""


def bound_timeout(seconds: float | None) -> float | None:
    """Return the time that a query may take, at most the longest; threads and sockets can't wait for ever longer.

    Raises:
        QueryError: it is no number.
    """
    if seconds is None:
        return None
    if math.isnan(seconds):
        raise QueryError("The timeout is no number: give seconds.")
    return min(seconds, LONGEST_QUERY_SECONDS)
