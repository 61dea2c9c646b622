"""What the store counts, in Prometheus' terms; the query service adds its own and serves them all."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.processes.restarts import Restarts
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
