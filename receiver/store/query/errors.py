"""The error codes of the query service and their HTTP statuses."""

from typing import Final

from receiver.errors import ReceiverError

STATUSES: Final = {
    "bad_request": 400,
    "sql_error": 400,
    "unauthorized": 401,
    "cross_site": 403,
    "not_a_query": 403,
    "refused_for_now": 403,
    "wrong_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "too_many_bytes": 413,
    "too_many_rows": 413,
    "unsupported_media_type": 415,
    "busy": 429,
    "throttled": 429,
    "internal_error": 500,
    "stopping": 503,
    "timeout": 504,
}


class QueryError(ReceiverError):
    """Raised when a query is refused or fails; `code` is one of `STATUSES`, the text is one sentence or DuckDB's own.

    Raises:
        KeyError: `code` is not one of `STATUSES`.

    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the code, its HTTP status and what went wrong."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = STATUSES[code]
