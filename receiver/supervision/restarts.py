"""How often the supervisor started each process again, for `/metrics`."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.supervision.state import read_state


class Restarts(Collector):
    """Tells `clc_restarts_total` by process, from what the supervisor of a data directory keeps there."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def collect(self) -> Iterator[Metric]:
        """Read the present counts."""
        family = CounterMetricFamily(
            "clc_restarts", "How often `serve` started a process again after it had ended.", labels=["process"]
        )
        state = read_state(self._data_dir)
        for name, process in state.processes.items() if state else ():
            family.add_metric([name], process.restarts)
        yield family
