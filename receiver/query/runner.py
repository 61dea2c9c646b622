"""Run queries: few at a time, each bounded in time and rows, and none reported as done that was interrupted.

Each query runs in a thread of its own, in a read-only transaction on its own cursor. Its rows go, as one Arrow IPC
stream, into a temporary file of which the first 64 MiB stay in memory: so memory stays bounded, and an error that comes
late can still be told with its status. DuckDB can't interrupt a single call of a function (`list_sum(range(300000000))`
works on for a minute), so the client is answered when its time is over, and the slot is free when the thread is.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, cast

import duckdb
import pyarrow as pa
from prometheus_client import CollectorRegistry

from receiver.query.allowed import Allowed
from receiver.query.errors import QueryError
from receiver.query.metrics import QueryMetrics

if TYPE_CHECKING:
    from io import IOBase

IN_MEMORY_BYTES: Final = 64 * 1024 * 1024
BATCH_ROWS: Final = 8192
INTERRUPT_AGAIN_SECONDS: Final = 0.05

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryLimits:
    """What one query may take, and how many may run and wait at a time.

    `max_bytes` bounds an answer's file, since the disk that it would fill may be the spool's.
    """

    timeout_seconds: float
    max_rows: int
    concurrent: int = 4
    waiting: int = 16
    max_bytes: int = 4 * 1024**3


@dataclass(frozen=True)
class Query:
    """One query with its own limits: its time, waiting included, in seconds, its most rows and its most bytes."""

    sql: str
    parameters: list[Any] | dict[str, Any] | None
    timeout_seconds: float
    max_rows: int
    max_bytes: int


class Interruption:
    """Ends one query from another thread, for a reason that its thread then reports."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take the cursor that the query runs on."""
        self._cursor = cursor
        self._lock = threading.Lock()
        self._reason: QueryError | None = None
        self._over = False

    def interrupt(self, reason: QueryError) -> None:
        """Interrupt the query unless it is over; the first reason counts.

        An interrupt that comes between two statements is lost, so call it again until the query's thread has ended.
        """
        with self._lock:
            if not self._over:
                self._reason = self._reason or reason
                self._cursor.interrupt()

    @property
    def over(self) -> bool:
        """Whether the query has ended."""
        return self._over

    @property
    def reason(self) -> QueryError | None:
        """The reason of the first interrupt, or None."""
        return self._reason

    def end(self) -> None:
        """Let no interrupt come any more.

        Raises:
            QueryError: The reason, if one came before: what was read since may be incomplete.

        """
        with self._lock:
            self._over = True
            if self._reason is not None:
                raise self._reason


def execute(cursor: duckdb.DuckDBPyConnection, query: Query, allowed: Allowed, interruption: Interruption) -> IO[bytes]:
    """Run a query to its end and return its Arrow IPC stream in a file, to be read from its start and closed.

    Raises:
        QueryError: The query was refused, failed or was interrupted.

    """
    with contextlib.closing(cursor), _told_as_query_error(interruption), contextlib.ExitStack() as on_failure:
        file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
        on_failure.callback(file.close)
        try:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            sql = allowed.statement(cursor, query.sql)
            with _rows(cursor, sql, query.parameters) as reader:
                _write(reader, file, query)
        finally:
            interruption.end()
        file.seek(0)
        on_failure.pop_all()
        return file


def _rows(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | dict[str, Any] | None
) -> pa.RecordBatchReader:
    reader: pa.RecordBatchReader = cursor.sql(sql, params=parameters).to_arrow_reader(BATCH_ROWS)
    return reader


def _write(reader: pa.RecordBatchReader, file: IO[bytes], query: Query) -> None:
    rows = 0
    with pa.ipc.new_stream(cast("IOBase", file), reader.schema) as stream:
        for batch in reader:
            rows += batch.num_rows
            if rows > query.max_rows:
                raise QueryError(
                    "too_many_rows",
                    f"The answer has more than {query.max_rows} rows: aggregate, filter or add a LIMIT.",
                )
            if file.tell() + batch.nbytes > query.max_bytes:
                raise QueryError(
                    "too_large", f"The answer is larger than {query.max_bytes} bytes: ask for fewer columns or rows."
                )
            stream.write_batch(batch)


@contextlib.contextmanager
def _told_as_query_error(interruption: Interruption) -> Iterator[None]:
    """Turn whatever a query raises into what its client is told.

    An error while rows are fetched comes through Arrow as an OSError with DuckDB's text and without its class.
    """
    try:
        yield
    except QueryError:
        raise
    except Exception as error:
        if interruption.reason is not None:
            raise interruption.reason from error
        text = str(error)
        by_arrow = isinstance(error, pa.ArrowException) or (isinstance(error, OSError) and error.errno is None)
        own = isinstance(error, (duckdb.InternalException, duckdb.FatalException, duckdb.InterruptException))
        internal = text.startswith(("INTERNAL Error", "FATAL Error", "INTERRUPT Error"))
        if (isinstance(error, duckdb.Error) or by_arrow) and not own and not internal:
            raise QueryError("sql_error", text) from error
        _log.exception("a query failed inside the store")
        detail = text.splitlines()[0] if text else type(error).__name__
        raise QueryError("internal_error", f"The store could not run the query: {detail}") from error


class QueryRunner:
    """Runs queries on cursors of one connection, a few at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: QueryLimits, registry: CollectorRegistry) -> None:
        """Check the connection and learn its functions.

        Raises:
            StoreError: The connection's settings leave queries too much.

        """
        cursor = connection.cursor()
        with contextlib.closing(cursor):
            self._allowed = Allowed(cursor)
        self._connection = connection
        self.limits = limits
        self.metrics = QueryMetrics(registry)
        self._slots = asyncio.Semaphore(limits.concurrent)
        self._threads = ThreadPoolExecutor(limits.concurrent, thread_name_prefix="query")
        self._interruptions: set[Interruption] = set()
        self._insisting: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._stopping = False

    async def run(self, query: Query) -> IO[bytes]:
        """Return the query's Arrow IPC stream in a file, to be closed by the caller. Cancel it to interrupt the query.

        Raises:
            QueryError: The query was refused, failed or took too long.

        """
        outcome = "gone"
        try:
            async with asyncio.timeout(query.timeout_seconds):
                await self._take_slot()
                answer = await self._execute(query)
            outcome = "ok"
        except TimeoutError:
            outcome = "timeout"
            raise _too_slow(query) from None
        except QueryError as error:
            outcome = error.code
            raise
        else:
            return answer
        finally:
            self.metrics.finished.labels(outcome).inc()

    def stop(self) -> None:
        """Interrupt what runs, refuse what comes, and leave without waiting for threads."""
        self._stopping = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        threading.Thread(target=_stop_all, args=[list(self._interruptions)], name="stop queries", daemon=True).start()

    async def _take_slot(self) -> None:
        if self._slots.locked() and self._waiting >= self.limits.waiting:
            raise QueryError(
                "busy", f"{self.limits.concurrent} queries run and {self._waiting} wait already: ask again in a moment."
            )
        self._waiting += 1
        self.metrics.waiting.set(self._waiting)
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
            self.metrics.waiting.set(self._waiting)

    async def _execute(self, query: Query) -> IO[bytes]:
        """Run a query in a thread; the slot is held until that thread has ended, whoever still waits for it."""
        started = time.monotonic()
        try:
            cursor = self._cursor()
        except QueryError:
            self._slots.release()
            raise
        interruption = Interruption(cursor)
        self._interruptions.add(interruption)
        self.metrics.running.inc()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, execute, cursor, query, self._allowed, interruption)

        def ended(_: asyncio.Future[IO[bytes]]) -> None:
            self._interruptions.discard(interruption)
            self.metrics.running.dec()
            self.metrics.seconds.observe(time.monotonic() - started)
            self._slots.release()

        future.add_done_callback(ended)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            task = asyncio.create_task(_insist(future, interruption, _too_slow(query)))
            self._insisting.add(task)
            task.add_done_callback(self._insisting.discard)
            raise

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._stopping:
            raise _stopping()
        try:
            return self._connection.cursor()
        except duckdb.Error as error:
            _log.exception("the store gives no cursor")
            raise QueryError("internal_error", f"The store can't be used: {error}") from error


async def _insist(future: asyncio.Future[IO[bytes]], interruption: Interruption, reason: QueryError) -> None:
    """Interrupt a query until its thread has ended, and drop the answer that it may have made."""
    while not future.done():
        interruption.interrupt(reason)
        await asyncio.wait({future}, timeout=INTERRUPT_AGAIN_SECONDS)
    if not future.cancelled() and future.exception() is None:
        future.result().close()


def _stop_all(interruptions: list[Interruption]) -> None:
    """Interrupt queries until they have ended."""
    while left := [interruption for interruption in interruptions if not interruption.over]:
        for interruption in left:
            interruption.interrupt(_stopping())
        time.sleep(INTERRUPT_AGAIN_SECONDS)


def _too_slow(query: Query) -> QueryError:
    return QueryError(
        "timeout", f"The query took longer than {query.timeout_seconds:g} s: ask for less, or allow more time."
    )


def _stopping() -> QueryError:
    return QueryError("stopping", "The store is stopping: ask again when it is back.")
