"""What the shipper did, as metrics; where no store serves them, listeners read it from `CLC_DATA_DIR/shipped.json`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from receiver.files import write_whole

_FILE = "shipped.json"


class Shipped(NamedTuple):
    """What a shipper did since its process began.

    `rows` went into the shared spool in `batches`, which took `seconds`, and `failures` attempts to use it failed.
    """

    rows: int = 0
    batches: int = 0
    seconds: float = 0.0
    failures: int = 0


class ShipperMetrics(Collector):
    """Collects it.

    Args:
        read: returns it; None while it is not known.
    """

    def __init__(self, read: Callable[[], Shipped | None]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        shipped = self._read()
        if shipped is None:
            return
        yield CounterMetricFamily("clc_shipper_rows", "Rows put into the shared spool.", shipped.rows)
        yield SummaryMetricFamily(
            "clc_shipper_batch_seconds", "Time to put a batch of rows there.", shipped.batches, shipped.seconds
        )
        yield CounterMetricFamily("clc_shipper_failures", "Failed attempts to use the shared spool.", shipped.failures)


def write_shipped(data_dir: Path, shipped: Shipped) -> None:
    """Replace the file.

    Raises:
        OSError: it can't be written.
    """
    write_whole(data_dir / _FILE, json.dumps(shipped._asdict()), synced=False)


def read_shipped(data_dir: Path) -> Shipped | None:
    """Read the file; None where there is none."""
    try:
        return Shipped(**json.loads((data_dir / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
