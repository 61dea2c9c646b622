"""Asks the store from another process: reads its tables, and gives it a command and follows its progress.

Tables are read by the query service while `serve` runs, else from the file.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import urllib3

from receiver.data_directory.access import control_token, find_query_address, find_running_serve, read_query_token
from receiver.database.replacing import finish_offline
from receiver.errors import StoreError, TooMuchError
from receiver.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

Parameters = list[Any] | dict[str, Any]
Rows = list[tuple[Any, ...]]
_SECONDS = 120.0
_PATIENCE_SECONDS = 15.0
_STATUS_SECONDS = 10.0
_TRY_AGAIN = {429, 503}
_OUT_OF_MEMORY = "Out of Memory Error"
"""How DuckDB's sentence begins if the query needs more memory than the store gives."""
_COMMAND_SECONDS = 3600.0


class Reader(Protocol):
    """Runs one SELECT and gives all its rows."""

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query.

        Raises:
            StoreError: it can't be answered.
            TooMuchError: its answer is too large, or it needs more memory than there is.
        """


@contextlib.contextmanager
def open_reader(settings: Settings) -> Iterator[Reader]:
    """Read the store of a data directory, whether `serve` is using it or not.

    Raises:
        StoreError: neither a running store nor a database file can be read.
    """
    running = find_running_serve(settings.data_dir)
    if running is not None:
        yield ServiceReader(find_query_address(settings.data_dir, running), read_query_token(settings))
        return
    finish_offline(settings)
    with contextlib.closing(FileReader(settings.database)) as reader:
        yield reader


class FileReader:
    """Reads a database file that no process writes."""

    def __init__(self, path: Path) -> None:
        self._reading: set[duckdb.DuckDBPyConnection] = set()
        if not path.exists():
            raise StoreError(f"There is no database {path}: set CLC_DATA_DIR to the directory that `serve` uses.")
        try:
            self._connection = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
            self._connection.execute("SET GLOBAL TimeZone = 'UTC'").fetchall()
        except (duckdb.Error, OSError) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(f"No `clc-receiver serve` is running, and {path} can't be opened: {reason}") from None

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query; see `Reader`."""
        cursor = None
        try:
            with self._connection.cursor() as cursor:  # of its own, as several threads may read
                self._reading.add(cursor)
                return cursor.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            kind = TooMuchError if isinstance(error, duckdb.OutOfMemoryException) else StoreError
            raise kind(f"The database can't be read: {str(error).splitlines()[0]}") from None
        finally:
            if cursor:
                self._reading.discard(cursor)

    def close(self) -> None:
        """Close the file, and end the queries that other threads still run: after Ctrl-C, for example."""
        while True:
            try:
                self._connection.close()
            except duckdb.ResourceInUseException:
                for cursor in tuple(self._reading):
                    cursor.interrupt()
                time.sleep(0.01)
            else:
                return


class ServiceReader:
    """Asks a running store's query service."""

    def __init__(self, address: str, token: str) -> None:
        self._url = f"http://{address}/query"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(retries=False, timeout=_SECONDS)

    def read_rows(self, sql: str, parameters: Parameters) -> Rows:
        """Run a query; if the store is busy or restarting, retry for some seconds; see `Reader`."""
        return list(zip(*(column.to_pylist() for column in self.read_table(sql, parameters).columns), strict=True))

    def read_table(self, sql: str, parameters: Parameters) -> "pa.Table":
        """Run a query and return its rows as Arrow; else as `read_rows`."""
        body = json.dumps({"sql": sql, "parameters": parameters})
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                response = self._pool.request("POST", self._url, body=body, headers=self._headers)
            except urllib3.exceptions.HTTPError as error:
                if time.monotonic() > deadline:
                    raise StoreError(f"The store at {self._url} does not answer ({error}): try again.") from None
            else:
                if response.status not in _TRY_AGAIN or time.monotonic() > deadline:
                    return _read_table(response)
            time.sleep(0.2)


def _read_table(response: urllib3.BaseHTTPResponse) -> "pa.Table":
    if response.status == 200:  # noqa: PLR2004 - HTTP
        import pyarrow.ipc  # noqa: PLC0415 - half a second that only this one needs

        return pyarrow.ipc.open_stream(response.data).read_all()
    try:
        detail = json.loads(response.data)["detail"]
    except (ValueError, KeyError):
        detail = f"status {response.status}"
    is_too_much = response.status == 413 or detail.startswith(_OUT_OF_MEMORY)  # noqa: PLR2004 - HTTP
    kind = TooMuchError if is_too_much else StoreError
    raise kind(f"The store does not answer a query: {detail}")


def ask_status(address: str, token: str) -> dict[str, Any]:
    """Ask a running store for its status, the answer of `GET /status`.

    Raises:
        StoreError: it does not answer.
    """
    url = f"http://{address}/status"
    try:
        response = urllib3.request(
            "GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=_STATUS_SECONDS, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise StoreError(f"The store at {url} does not answer ({error}).") from None
    if response.status != 200:  # noqa: PLR2004 - HTTP
        raise StoreError(f"The store at {url} answers {response.status}.")
    status: dict[str, Any] = json.loads(response.data)
    return status


def ask_store(settings: Settings, command: str, why: str) -> Iterator[dict[str, Any]]:
    """Give a command, and return the store's messages: its progress, and at last its end.

    Args:
        settings: where the data directory is.
        command: `backup` or `rebuild`.
        why: completes the error for a `serve` that does not run: "start it, since …".

    Raises:
        StoreError: nothing runs, or it does not answer.
    """
    running = find_running_serve(settings.data_dir)
    if running is None:
        raise StoreError(f"No `clc-receiver serve` is using {settings.data_dir}: start it, since {why}.")
    address = find_query_address(settings.data_dir, running)
    try:
        response = urllib3.request(
            "POST",
            f"http://{address}/{command}",
            headers={"Authorization": f"Bearer {control_token(settings)}", "Content-Type": "application/json"},
            timeout=_COMMAND_SECONDS,
            retries=False,
            preload_content=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise _make_no_answer_error(address, error) from None
    return _parse_lines(response, address)


def _parse_lines(response: urllib3.BaseHTTPResponse, address: str) -> Iterator[dict[str, Any]]:
    try:
        yield from map(json.loads, response)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise _make_no_answer_error(address, error) from None


def _make_no_answer_error(address: str, error: Exception) -> StoreError:
    return StoreError(f"The store at {address} does not answer ({error}): try again.")
