"""The store's status, for the dashboard and `clc-receiver status`, and its metrics, for Prometheus."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.database.opening import run
from receiver.database.reading import Rows
from receiver.errors import StoreError
from receiver.keeping.care import LIMITS, Appending, SharedSpool, Status, WalWatch, gather, judge
from receiver.processes.state import Restarts
from receiver.settings import Settings
from receiver.store.appending.condition import Condition
from receiver.store.loop import AppendLoop
from receiver.store.query.answers import QueryError
from receiver.store.query.service import ServiceHandler

_REFRESH_SECONDS = 2.0

_log = logging.getLogger(__name__)


class StatusKeeper:
    """Gathers the status from time to time, in a thread, so that no client waits for it or delays others.

    Args:
        settings: where things lie.
        connection: the store; the keeper takes a cursor of its own.
        condition: returns the condition of appending; without it that is not known.
        shared: returns the condition of the shared spool, if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        connection: duckdb.DuckDBPyConnection,
        condition: Callable[[], Condition] | None = None,
        shared: Callable[[], SharedSpool] | None = None,
    ) -> None:
        self._settings = settings
        self._condition = condition
        self._shared = shared
        self._cursor = connection.cursor()
        self._wal = WalWatch()
        self._lock = threading.Lock()
        self.latest: Status | None = None
        self.count_overdue: Callable[[], int] = lambda: 0
        """Counts the queries that run on after their time."""

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query; see `receiver.database.reading.Reader`."""
        try:
            return run(self._cursor, sql, parameters)
        except duckdb.Error as error:
            raise StoreError(str(error).splitlines()[0]) from None

    def refresh(self) -> Status:
        """Gather the status now."""
        with self._lock:
            appending = Appending(*self._condition()) if self._condition else None
            overdue = self.count_overdue()
            shared = self._shared() if self._shared else None
            facts = gather(self._settings, self, wal=self._wal, overdue=overdue, appending=appending, shared=shared)
            self.latest = judge(facts)
            return self.latest

    def finish(self) -> None:
        """Wait for a status that is being gathered: DuckDB closes no connection whose cursor runs a query."""
        with self._lock:
            pass

    async def keep_fresh(self) -> None:
        """Gather the status every two seconds, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
            except Exception:  # noqa: BLE001 - logged, and tried again; an old status must not stand for a new one
                self.latest = None
                _log.exception("the status could not be found out")
            await asyncio.sleep(_REFRESH_SECONDS)


class StatusHandler(ServiceHandler):
    """`GET /status`: the receiver's status, as JSON, to holders of the query token.

    `at`: ISO time; `state`: the worst of all, `ok`, `amber` or `red`; `serving`: whether `serve` runs.
    `figures`: a list of `{name, label, value, text, state}`: `value` is a number in the unit that the name ends in, an
    ISO time where it ends in `_at`, a text, or null where it is not known; `text` is it in words.
    `limits`: by name of a figure, `{amber, red, falling}`: from where on it is amber or red, downwards if `falling`; of
    `backup_at`, its age in multiples of CLC_BACKUP_EVERY.
    `refusals`: `{reason, kept, last_hour}`, or null where the store can't be read. `silences`: `{process, since, until,
    why}`, or null where nothing is known of `serve`. `recoveries`: `{at, what, moved_to, missing}`, oldest first.
    `processes`: `{name, state, pid, restarts, last_exit, last_exit_at, failure, started_at, version}`. `machines`
    sharing the spool: `{id, name, this, version, role, does, state, seen_at, rows_behind, seconds_behind,
    clock_ahead_seconds, text}`.
    """

    def initialize(self, keeper: StatusKeeper) -> None:
        """Take what gathers the status."""
        self._keeper = keeper

    async def get(self) -> None:
        """Gather the status and answer."""
        try:
            status = await asyncio.to_thread(self._keeper.refresh)
        except OSError as error:
            raise QueryError("internal_error", f"The status can't be found out: {error}.") from None
        self.finish(status.as_json())


class StatusMetrics(Collector):
    """The latest status as metrics for Prometheus."""

    _GAUGES = (
        ("clc_store_lag_seconds", "lag_seconds", "Age of the oldest row that is spooled and not stored."),
        ("clc_spool_rows", "spool_rows", "Rows that are spooled and not stored."),
        ("clc_spool_bytes", "spool_bytes", "Bytes of all segments of the spool."),
        ("clc_spool_segments_unreadable", "segments_unreadable", "Segments of the spool that can't be read now."),
        ("clc_store_notifications", "notifications", "Notifications stored."),
        ("clc_store_database_bytes", "database_bytes", "Bytes of the database file."),
        ("clc_store_wal_bytes", "wal_bytes", "Bytes of DuckDB's WAL: what no checkpoint holds yet."),
        ("clc_store_last_checkpoint_timestamp_seconds", "checkpointed_at", "When the last checkpoint was."),
        ("clc_store_last_backup_timestamp_seconds", "backup_at", "When the last backup was made that checked out."),
        ("clc_store_last_upload_timestamp_seconds", "uploaded_at", "When a backup came into object storage last."),
        ("clc_store_kept_aside_rows", "rows_set_aside", "Rows that DuckDB refused, now in `rejected`."),
        ("clc_store_changes_missing_rows", "changes_missing", "Notifications whose changes could not be derived."),
        ("clc_recoveries_last_week", "recoveries_last_week", "Recoveries from damaged files in the last seven days."),
    )
    _JUDGED = frozenset({*LIMITS, "append_error", "serving", "store", "query_listen"})
    _STATES = ("ok", "amber", "red")

    def __init__(self, keeper: StatusKeeper) -> None:
        self._keeper = keeper

    def collect(self) -> Iterator[Metric]:
        """Yield the latest figures; unknown ones are left out."""
        status = self._keeper.latest
        for metric, name, text in self._GAUGES:
            value = _parse_number(status.find_value(name)) if status else None
            gauge = GaugeMetricFamily(metric, text)
            if value is not None:
                gauge.add_metric([], value)
            yield gauge
        free = GaugeMetricFamily("clc_disk_free_bytes", "Bytes left on the disk of data or spool.", labels=["disk"])
        state = GaugeMetricFamily(
            "clc_status", "State of a figure of `clc-receiver status`: 0 ok, 1 amber, 2 red.", labels=["figure"]
        )
        info = InfoMetricFamily("clc_receiver", "Version and public key.")
        if status:
            for disk in ("data", "spool"):
                if (left := _parse_number(status.find_value(f"{disk}_free_bytes"))) is not None:
                    free.add_metric([disk], left)
            for figure in status.figures:
                if figure.name in self._JUDGED or figure.state != "ok":
                    state.add_metric([figure.name], self._STATES.index(figure.state))
            keys = ("version", "key_fingerprint")
            info.add_metric([], {key: str(status.find_value(key)) for key in keys})
        yield from (free, state, info)


class _AppenderMetrics(Collector):
    def __init__(self, loop: AppendLoop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        figures = self._loop.read_figures()
        yield CounterMetricFamily("clc_store_appended_rows", "Rows moved from the spool.", figures["appended"])
        yield CounterMetricFamily(
            "clc_store_set_aside_rows", "Rows that DuckDB refused, kept in `rejected`.", figures["set_aside"]
        )
        yield CounterMetricFamily(
            "clc_store_failed_tasks",
            "Failures of tasks beside appending; each is tried again.",
            figures["tasks_failed"],
        )


def make_store_metrics(loop: AppendLoop, data_dir: Path) -> CollectorRegistry:
    """Make the store's registry."""
    registry = CollectorRegistry()
    registry.register(_AppenderMetrics(loop))
    registry.register(Restarts(data_dir))
    return registry


def _parse_number(value: object) -> float | None:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(value).timestamp()
        return None
    return float(value) if isinstance(value, (int, float)) else None
