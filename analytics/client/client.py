"""Asks a store for rows: one client for a query service, a DuckDB file and a lake."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from analytics.client.arrow_types import convert_types, make_frame
from analytics.client.cancelling import Cancellation, bound_count, bound_timeout
from analytics.client.lake import LakeSource, is_lake
from analytics.client.local import DuckDBSource
from analytics.client.remote import QueryServiceSource
from analytics.client.typed import check_sql, convert_parameters
from analytics.errors import LocationError, QueryError
from analytics.settings import read_settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

READ_NEWEST_COLUMN = "SELECT delivery_id FROM notifications LIMIT 0"
"""Of a column that came with the newest ones that rules and pages need. They can do without all that came later."""
Parameters = Sequence[Any] | Mapping[str, Any]


class Client:
    """Runs queries at one location. Several threads may use it at once."""

    def __init__(self, source: QueryServiceSource | DuckDBSource, location: str) -> None:
        """Ask `source`, which was made for `location`."""
        self._source = source
        self.location = location

    def sql(
        self,
        query: str,
        parameters: Parameters | None = None,
        *,
        timeout: float | None = None,
        max_rows: int | None = None,
        cancellation: Cancellation | None = None,
        max_bytes: int | None = None,
    ) -> "pa.Table":
        """Run one SELECT and return its rows as an Arrow table; intervals are durations (see `convert_types`).

        Args:
            query: one statement, a SELECT or an EXPLAIN of one.
            parameters: values for `?` as a list, or for `$name` as a mapping. A value of Python, NumPy, pandas or Arrow
                has the type in SQL that DuckDB has for it; collections and columns are lists.
            timeout: the longest time, in seconds, at most an hour; the query service may allow less.
            max_rows: the most rows; the query service may allow fewer.
            cancellation: ends the query from another thread.
            max_bytes: the most bytes of its Arrow data; the query service may allow fewer.

        Raises:
            QueryError: it failed, is not allowed, was cancelled, took too long or has too many rows or bytes.
            NotRunningError: no query service answers.
            TokenError: the query service does not accept the token.
        """
        seconds = bound_timeout(timeout)
        rows, size = bound_count("max_rows", max_rows), bound_count("max_bytes", max_bytes)
        check_sql(query)
        values = convert_parameters(parameters)
        return convert_types(self._source.sql(query, values, seconds, rows, cancellation, size))

    def df(
        self,
        query: str,
        parameters: Parameters | None = None,
        *,
        timeout: float | None = None,
        max_rows: int | None = None,
    ) -> "pd.DataFrame":
        """Run one SELECT and return its rows as a DataFrame; arguments and errors are those of `sql`."""
        return make_frame(self.sql(query, parameters, timeout=timeout, max_rows=max_rows))

    def status(self) -> dict[str, Any]:
        """Return the receiver's status from `GET /status`: its figures with their states and limits.

        Raises:
            NoStatusError: the location is a file or a lake.
            NotRunningError: no query service answers.
            TokenError: the query service does not accept the token.
        """
        return self._source.status()

    def probe(self, seconds: float) -> None:
        """Wait until the location answers; a store that is slow with its queries still answers this at once.

        Args:
            seconds: the longest wait.

        Raises:
            NotRunningError: no query service answers.
            SilentError: it takes connections, but does not answer in time.
        """
        self._source.probe(seconds)

    def check_tables(self) -> None:
        """Make sure that rules, pages and `tail --json` can read the tables, where the location is a file.

        Raises:
            LocationError: they can't.
        """
        if isinstance(self._source, QueryServiceSource | LakeSource):
            return
        try:
            self.sql(READ_NEWEST_COLUMN)
        except QueryError as error:
            raise LocationError(
                f"{self.location} lacks tables or columns that this command reads: an older version wrote it, or "
                "another program. `clc-analytics sql` can read it. If it is a store, copy it as clc.duckdb into a new "
                "directory and run `clc-receiver serve --data-dir` on that: it brings the copy up to date."
            ) from error

    def close(self) -> None:
        """Let go of connections and files."""
        self._source.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()


def connect(location: str | None = None) -> Client:
    """Return a client for a location.

    Args:
        location: the URL of a query service (`http://127.0.0.1:8081`); the path of a DuckDB file that no process is
            writing (such as a backup); or the place of a lake as `CLC_OBJECTS` names it, `s3://BUCKET/PREFIX` or a
            directory. By default the query service of `CLC_QUERY_LISTEN`, which need not run yet.

    Raises:
        LocationError: it is none of these, or can't be opened.
        SettingsError: a setting has a value that is not allowed.
    """
    settings = read_settings()
    location = settings.query_url if location is None else location
    if not location.strip():
        raise LocationError("The location is empty: leave it out for the receiver's, or give a URL, file or directory.")
    if location.startswith(("http://", "https://")):
        if not is_usable_url(location):
            raise LocationError(f"{location!r} is no URL of a query service; one looks like http://127.0.0.1:8081.")
        return Client(QueryServiceSource(location, settings), location)
    if is_lake(location):
        return Client(LakeSource(location), location)
    if "://" in location:
        raise LocationError(
            f"{location!r} can't be opened; a location is an http(s) URL, s3://BUCKET/PREFIX, or the path of a DuckDB "
            "file or of a directory with a lake."
        )
    return Client(DuckDBSource(location), location)


def is_usable_url(url: str) -> bool:
    """Say whether a URL has a host that a name can be, and a port that can be connected to, if any."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
