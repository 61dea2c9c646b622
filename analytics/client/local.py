"""Asks a DuckDB file that no process is writing, with the protections of the query service."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import duckdb
import pyarrow as pa

from analytics.client.arrow_types import cast_to_text
from analytics.client.cancelling import Cancellation
from analytics.client.keeping import begin
from analytics.errors import (
    LocationError,
    NoStatusError,
    NotAQueryError,
    QueryError,
    QueryTimeoutError,
    TooManyBytesError,
    TooManyRowsError,
)
from analytics.settings import sign
from analytics.words.advice import describe_error, describe_opening_error

BATCH_ROWS = 65_536
INTERRUPT_AGAIN_SECONDS = 0.05
Options = dict[str, bool | int | float | str | list[str]]
PROTECTION: Options = {
    "python_enable_replacements": False, "enable_external_access": False, "lock_configuration": True,
}  # fmt: skip
"""The settings by which queries can't reach files, network or settings; the last one locks all."""
STORE = "store"
"""The name under which a file is attached."""
_MAGIC, _MAGIC_PLACE = b"DUCK", 8
"""The bytes of each DuckDB file after its first checksum. Source: DuckDB's `MainHeader`."""
READABLE = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def open_file(path: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file for reading; its queries can't reach files, network or settings.

    Raises:
        LocationError: there is no such file, it can't be read, it is no DuckDB file, or another process is writing it.
    """
    check_readable(path)
    if "?" in os.path.realpath(path):
        raise LocationError(
            f"{path} can't be opened: DuckDB opens no path with a question mark, not even behind a link."
        )
    if not is_duckdb(path):  # DuckDB would look for another program's file in it
        raise LocationError(f"{path} is no DuckDB file.")
    whole = str(Path(path).absolute()).replace("'", "''")  # DuckDB takes `name:` at its begin for an extension
    # A connection to the file would share its database with all others of this process, also when it was replaced.
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH '{whole}' AS {STORE} (READ_ONLY)")
    except duckdb.Error as error:
        connection.close()
        raise LocationError(f"{path} {describe_opening_error(path, error)}") from error
    return set_up(connection)


def check_readable(path: str) -> None:
    """Check that a path is a file that this user may read.

    Raises:
        LocationError: it is not.
    """
    try:
        is_file, is_readable = Path(path).is_file(), os.access(path, os.R_OK)
    except PermissionError:  # a directory above it can't be entered, so nothing tells what it is
        is_file, is_readable = True, False
    if not is_file:
        raise LocationError(f"{path!r} is no file; a location is an http(s) URL or the path of a DuckDB file.")
    if not is_readable:
        raise LocationError(
            f"{path} can't be read (permission denied); run this as a user who may read it, such as its owner."
        )


def is_duckdb(path: str) -> bool:
    """Say whether a file begins as those of DuckDB do."""
    with Path(path).open("rb") as file:
        return file.read(_MAGIC_PLACE + len(_MAGIC))[_MAGIC_PLACE:] == _MAGIC


def set_up(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Set the time zone to UTC for every cursor of a database, then lock its settings, and return the connection.

    `connect` takes no time zone, and DuckDB's default is the machine's.
    """
    for name, value in {"TimeZone": "UTC", **PROTECTION}.items():
        connection.execute(f"SET GLOBAL {name} = '{value}'")
    return connection


class DuckDBSource:
    """A DuckDB file, opened in this process."""

    def __init__(self, location: str) -> None:
        """Open the file.

        Raises:
            LocationError: it can't be opened.
        """
        self._location = location
        self._path = Path(location).absolute()
        self._lock = Lock()
        self._reading: set[duckdb.DuckDBPyConnection] = set()
        self._is_closed = False
        self._signature = self._sign()
        self._connection = self._open(location)

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
        try:
            cursor = self._open_cursor()
        except duckdb.Error as error:  # the client was closed meanwhile
            raise QueryError(str(error)) from error
        worker = ThreadPoolExecutor(1)
        running: list[Future[pa.Table]] = []
        try:
            check_one_select(cursor, query)
            # DuckDB runs a query to its end whatever signals come; in another thread it can be interrupted.
            running.append(begin(worker, read_rows, cursor, query, parameters, max_rows, max_bytes))
            if cancellation:
                cancellation.set_end(lambda: Thread(target=interrupt, args=(cursor, running[0])).start())
            return running[0].result(timeout)
        except TimeoutError as error:
            raise QueryTimeoutError(f"The query took longer than {timeout:g} s and was ended.") from error
        # An error while rows are read comes through Arrow.
        except (duckdb.Error, pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise QueryError(describe_error(error)) from error
        finally:
            for future in running:
                interrupt(cursor, future)
            worker.shutdown()
            self._end_reading(cursor)
            if cancellation:
                cancellation.check()

    def _open(self, path: str) -> duckdb.DuckDBPyConnection:
        return open_file(path)

    def _sign(self) -> tuple[int, ...] | None:
        """Return what tells this file from another one that gets its name; None if there is none now."""
        return sign(self._path)

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            signature = self._sign()
            if signature not in (None, self._signature) and not self._is_closed:
                # Queries of the file that was replaced go on; their cursors keep it open.
                self._connection, self._signature = self._open(str(self._path)), signature
            cursor = self._connection.cursor()
            self._reading.add(cursor)
        self._prepare(cursor)
        return cursor

    def _prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make the tables known to a cursor."""
        cursor.execute(f"USE {STORE}")

    def _end_reading(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.close()
        with self._lock:
            self._reading.discard(cursor)

    def status(self) -> dict[str, Any]:
        """Raise an error: no file can report a receiver's status."""
        raise NoStatusError(
            f"{self._location!r} is no running receiver, and only that tells how it is; "
            "run `clc-receiver status` for a data directory, or read from a query service."
        )

    def probe(self, seconds: float) -> None:
        """Return at once: an open file always answers."""

    def close(self) -> None:
        """Close the file, and end the queries that other threads still run."""
        self._is_closed = True
        while True:
            try:
                self._connection.close()
            except duckdb.ResourceInUseException:
                for cursor in tuple(self._reading):
                    cursor.interrupt()
                time.sleep(0.01)
            else:
                return


def interrupt(cursor: duckdb.DuckDBPyConnection, running: "Future[pa.Table]") -> None:
    """Interrupt a query until it has ended, because an interrupt between two statements is lost."""
    while not running.done():
        cursor.interrupt()
        wait([running], INTERRUPT_AGAIN_SECONDS)


def check_one_select(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse what is not exactly one SELECT, or an EXPLAIN of one.

    Raises:
        NotAQueryError: it is anything else.
    """
    statements = cursor.extract_statements(query)
    if len(statements) != 1:
        raise NotAQueryError(
            f"This is {len(statements)} statements; send exactly one SELECT (a PIVOT needs its IN list to be one)."
        )
    if statements[0].type not in READABLE:
        raise NotAQueryError(
            f"This is a statement of type {statements[0].type.name}; "
            "only SELECT, SHOW, DESCRIBE, SUMMARIZE and EXPLAIN run here."
        )


def read_rows(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None,
    max_rows: int | None,
    max_bytes: int | None = None,
) -> pa.Table:
    """Run a query and read its rows, no more than allowed.

    Raises:
        TooManyRowsError: there are more.
        TooManyBytesError: they take more bytes.
    """
    relation = cast_to_text(cursor.sql(query, params=parameters))
    batches, rows, size = [], 0, 0
    # An error that somebody keeps has the reader, which would keep the file open.
    with relation.to_arrow_reader(BATCH_ROWS) as reader:
        for batch in reader:
            rows += batch.num_rows
            size += batch.nbytes
            if max_rows is not None and rows > max_rows:
                raise TooManyRowsError(f"The answer has more than {max_rows:,} rows: add a LIMIT, or group.")
            if max_bytes is not None and size > max_bytes:
                raise TooManyBytesError(f"The answer has more than {max_bytes:,} bytes: ask for fewer columns or rows.")
            batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)
