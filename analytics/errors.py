"""Errors of the reading side.

AnalyticsError           the user can put it right; its text is one sentence that says how
├── SettingsError        a setting has a value that is not allowed
├── LocationError        a location has no known form, or can't be opened
├── NotRunningError      no query service answers at the location
│   └── SilentError      it takes connections, but does not answer in time
├── NoStatusError        a location has no receiver that could report its status
├── TokenError           the query service does not accept the token, or there is none to send
├── QueryError           a query failed
│   ├── NotAQueryError   it is not exactly one SELECT
│   ├── TooManyRowsError its answer has more rows than allowed
│   ├── TooManyBytesError its answer has more bytes than allowed
│   ├── BusyError        the query service already runs as many queries as it allows
│   ├── CancelledError   the caller cancelled it
│   └── QueryTimeoutError it took longer than allowed
└── OutputError          an answer can't be written to its destination
"""


class AnalyticsError(Exception):
    """Something went wrong that the user can put right."""


class SettingsError(AnalyticsError):
    """Raised when a setting has a value that is not allowed."""


class LocationError(AnalyticsError):
    """Raised when a location has no known form, or can't be opened."""


class NotRunningError(AnalyticsError):
    """Raised when no query service answers at the location."""


class SilentError(NotRunningError):
    """Raised when the query service takes connections, but does not answer in time."""


class NoStatusError(AnalyticsError):
    """Raised when a location has no receiver that could report its status."""


class TokenError(AnalyticsError):
    """Raised when the query service does not accept the token, or there is none to send."""


class QueryError(AnalyticsError):
    """Raised when a query failed; its text carries DuckDB's own message."""


class NotAQueryError(QueryError):
    """Raised when a query is not exactly one SELECT."""


class TooManyRowsError(QueryError):
    """Raised when an answer has more rows than allowed."""


class TooManyBytesError(QueryError):
    """Raised when a query's answer has more bytes than allowed."""


class BusyError(QueryError):
    """Raised when the query service already runs as many queries as it allows."""


class CancelledError(QueryError):
    """Raised when the caller cancelled a query."""


class QueryTimeoutError(QueryError):
    """Raised when a query took longer than allowed."""


class OutputError(AnalyticsError):
    """Raised when an answer can't be written to its destination."""
