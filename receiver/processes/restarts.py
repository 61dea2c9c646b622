"""How often the supervisor started each process again, and when it saw each work last, for `/metrics`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.processes.state import read_state


class Restarts(Collector):
    """Tells of each process what the supervisor of a data directory keeps there."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def collect(self) -> Iterator[Metric]:
        """Read the present counts and times."""
        family = CounterMetricFamily(
            "clc_restarts", "How often `serve` started a process again after it had ended.", labels=["process"]
        )
        beats = GaugeMetricFamily(
            "clc_last_beat_timestamp_seconds", "When `serve` last saw a process work.", labels=["process"]
        )
        state = read_state(self._data_dir)
        for name, process in state.processes.items() if state else ():
            family.add_metric([name], process.restarts)
            if process.last_beat:
                beats.add_metric([name], datetime.fromisoformat(process.last_beat).timestamp())
        yield from (family, beats)
