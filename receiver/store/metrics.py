"""The store's metrics for Prometheus; the query service adds its own and serves them all."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.processes.state import Restarts
from receiver.store.loop import AppendLoop


class _AppenderMetrics(Collector):
    def __init__(self, loop: AppendLoop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        figures = self._loop.figures()
        yield CounterMetricFamily("clc_store_appended_rows", "Rows moved from the spool.", figures["appended"])
        yield CounterMetricFamily(
            "clc_store_set_aside_rows", "Rows that DuckDB refused, kept in `rejected`.", figures["set_aside"]
        )
        yield CounterMetricFamily(
            "clc_store_failed_tasks",
            "Failures of tasks beside appending; each is tried again.",
            figures["tasks_failed"],
        )


def store_metrics(loop: AppendLoop, data_dir: Path) -> CollectorRegistry:
    """Make the store's registry."""
    registry = CollectorRegistry()
    registry.register(_AppenderMetrics(loop))
    registry.register(Restarts(data_dir))
    return registry


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
            "clc_queries_overdue", "Queries that run on after their time, as no interrupt ends them.", registry=registry
        )
