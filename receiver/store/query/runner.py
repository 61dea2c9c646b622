"""Run queries: few at a time, each bounded in time, rows and bytes; an interrupted query is never reported as done.

Each query runs in a thread of its own; see `receiver.store.query.execution`. DuckDB can't interrupt a single call of a
function (`list_sum(range(300000000))` works on for a minute), nor the planning of a query, which may never end. So the
client gets its answer when its time is over, and the slot is free when the thread is. A query that still runs after its
time and `IGNORED_INTERRUPTS` is reported to the owner of the process: only the process's end ends such a query.
Interrupts count, not seconds, because a process that was stopped meanwhile has interrupted nothing.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import duckdb
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from receiver.store.query.answers import QueryAnswer, QueryError, Unsent
from receiver.store.query.execution import Interruption, Query, execute
from receiver.store.query.guard import AllowedStatements

INTERRUPT_AGAIN_SECONDS: Final = 0.05
IGNORED_INTERRUPTS: Final = 100
_OVERDUE_INTERRUPTS: Final = 20

_log: Final = logging.getLogger(__name__)


class QueryMetrics:
    """Queries by outcome, their durations, and how many run and wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self.finished = Counter(
            "clc_queries", "Queries by how they ended: ok, gone or the error's code.", ["outcome"], registry=registry
        )
        self.seconds = Histogram(
            "clc_query_seconds", "Time from a query's start until its rows were read.", registry=registry
        )
        self.running = Gauge("clc_queries_running", "Queries that run now.", registry=registry)
        self.waiting = Gauge("clc_queries_waiting", "Queries that wait for one that runs.", registry=registry)
        self.overdue = Gauge(
            "clc_queries_overdue",
            "Queries that run on after their time, because they can't be interrupted.",
            registry=registry,
        )


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one query, and how many may run and wait at a time.

    `max_bytes` bounds an answer's file, since the disk that it would fill may be the spool's. `unsent` and
    `unsent_bytes` bound all answers together that are being made or not yet read by their clients.
    """

    timeout_seconds: float
    max_rows: int
    concurrent: int = 4
    waiting: int = 16
    max_bytes: int = 4 * 1024**3
    unsent: int = 32
    unsent_bytes: int = 4 * 1024**3


class QueryRunner:
    """Runs queries on cursors of one connection, a few at a time."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        limits: QueryLimits,
        registry: CollectorRegistry,
        on_ignored: Callable[[int], None] | None = None,
    ) -> None:
        """Check the connection and learn its functions.

        Args:
            connection: The store; each query gets a cursor of it.
            limits: Those of each query, and of all.
            registry: For the metrics.
            on_ignored: Called with the number of queries that can't be interrupted.

        Raises:
            StoreError: The connection's settings allow queries too much.
        """
        cursor = connection.cursor()
        with contextlib.closing(cursor):
            self._allowed = AllowedStatements(cursor)
        self._connection = connection
        self.limits = limits
        self.metrics = QueryMetrics(registry)
        self.metrics.overdue.set_function(self.count_overdue)
        self._on_ignored = on_ignored or (lambda _: None)
        self._unsent = Unsent(limits.unsent, limits.unsent_bytes)
        self._slots = asyncio.Semaphore(limits.concurrent)
        self._threads = ThreadPoolExecutor(limits.concurrent, thread_name_prefix="query")
        self._interruptions: set[Interruption] = set()
        self._insisting: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._stopping = False

    async def run(self, query: Query) -> QueryAnswer:
        """Return the query's Arrow IPC stream in a file, which the caller closes. Cancel this to interrupt the query.

        Raises:
            QueryError: The query was refused, failed or took too long.
        """
        outcome = "gone"
        due = asyncio.get_running_loop().time() + query.timeout_seconds
        try:
            async with asyncio.timeout_at(due):
                await self._take_slot()
                answer = await self._execute(query, due)
            outcome = "ok"
        except TimeoutError:
            outcome = "timeout"
            raise _make_timeout_error(query) from None
        except QueryError as error:
            outcome = error.code
            raise
        else:
            return answer
        finally:
            self.metrics.finished.labels(outcome).inc()

    def stop(self) -> None:
        """Interrupt running queries, refuse new ones, and return at once; call it before the connection is closed."""
        self._stopping = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        threading.Thread(target=_stop_all, args=[list(self._interruptions)], name="stop queries", daemon=True).start()

    def count_overdue(self) -> int:
        """Count the queries that run on after their time, because they can't be interrupted."""
        return sum(running.ignored >= _OVERDUE_INTERRUPTS for running in list(self._interruptions))

    @property
    def has_ended(self) -> bool:
        """Whether no query runs."""
        return not self._interruptions

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

    async def _execute(self, query: Query, due: float) -> QueryAnswer:
        """Run a query in a thread, which holds the slot until it has ended."""
        started = time.monotonic()
        try:
            answer = self._unsent.begin()
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(answer.close)
                cursor = self._open_cursor()
                on_failure.pop_all()
        except BaseException:
            self._slots.release()  # a slot that is never released is lost to all later queries
            raise
        interruption = Interruption(cursor)
        self._interruptions.add(interruption)
        self.metrics.running.inc()

        future = asyncio.get_running_loop().run_in_executor(
            self._threads, execute, cursor, query, self._allowed, interruption, answer
        )

        def on_end(_: asyncio.Future[QueryAnswer]) -> None:
            self._interruptions.remove(interruption)
            self.metrics.running.dec()
            self.metrics.seconds.observe(time.monotonic() - started)
            self._slots.release()

        future.add_done_callback(on_end)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            task = asyncio.create_task(self._insist(future, interruption, _make_timeout_error(query), due))
            self._insisting.add(task)
            task.add_done_callback(self._insisting.discard)
            raise

    async def _insist(
        self, future: asyncio.Future[QueryAnswer], interruption: Interruption, reason: QueryError, due: float
    ) -> None:
        """Interrupt a query until its thread has ended, and drop its answer, if it has one."""
        while not future.done():
            interruption.interrupt(reason)
            await asyncio.wait({future}, timeout=INTERRUPT_AGAIN_SECONDS)
            if not future.done() and asyncio.get_running_loop().time() > due:
                interruption.ignored += 1
                if interruption.ignored == IGNORED_INTERRUPTS:
                    self._on_ignored(self.count_overdue())
        if not future.cancelled() and future.exception() is None:
            future.result().close()

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        if self._stopping:
            raise _make_stopping_error()
        try:
            return self._connection.cursor()
        except duckdb.Error as error:
            _log.exception("the store gives no cursor")
            raise QueryError("internal_error", f"The store can't be used: {error}") from error


def _stop_all(interruptions: list[Interruption]) -> None:
    """Interrupt queries until they have ended."""
    while left := [interruption for interruption in interruptions if not interruption.is_over]:
        for interruption in left:
            interruption.interrupt(_make_stopping_error())
        time.sleep(INTERRUPT_AGAIN_SECONDS)


def _make_timeout_error(query: Query) -> QueryError:
    return QueryError(
        "timeout", f"The query took longer than {query.timeout_seconds:g} s: ask for less, or allow more time."
    )


def _make_stopping_error() -> QueryError:
    return QueryError("stopping", "The store is stopping: ask again when it is back.")
