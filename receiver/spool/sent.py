"""What the shipper tells listeners: it writes two files into `CLC_DATA_DIR`, in whichever process it runs.

`sent.json` has how many notifications of each segment the shared spool holds, and each listener that waits looks at it.
`shipped.json` has what the shipper did, as metrics, for listeners where no store serves them.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from receiver.files import write_whole
from receiver.notification import Notification
from receiver.spool.layout import KINDS, Watermarks
from receiver.spool.looking import list_segment_paths

_FILE = "sent.json"
_SHIPPED_FILE = "shipped.json"


class Place(NamedTuple):
    """The place of a notification in the spool."""

    segment: str
    position: int


class SentNote:
    """Writes the file `sent.json`.

    Args:
        data_dir: where it lies.
        spool_directory: the segments that it tells of.
    """

    def __init__(self, data_dir: Path, spool_directory: Path) -> None:
        self._path = data_dir / _FILE
        self._spool_directory = spool_directory

    def write(self, positions: Watermarks) -> None:
        """Replace the file.

        Args:
            positions: how many rows of each segment and kind the shared spool holds, those of other machines too.

        Raises:
            OSError: it can't be written.
        """
        names = (path.stem for path in list_segment_paths(self._spool_directory))
        places = ((name, positions.get((name, KINDS[Notification]), 0)) for name in names)
        write_whole(self._path, json.dumps(dict(places)), synced=False)


class SentReader:
    """Reads the file `sent.json` again when it was replaced.

    Args:
        data_dir: where it lies.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE
        self._seen: tuple[int, int] | None = None
        self._sent: dict[str, int] = {}

    def holds(self, place: Place) -> bool:
        """Tell whether the shared spool holds a notification, by the file as it was at the last `look`."""
        return self._sent.get(place.segment, 0) >= place.position

    def look(self) -> None:
        """Read the file if it is another one; one that can't be read says nothing new."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                seen = (found.st_ino, found.st_mtime_ns)
                if seen != self._seen:
                    self._sent, self._seen = json.load(file), seen
        except (OSError, ValueError):
            return


class Shipped(NamedTuple):
    """What a shipper did since its process began.

    `rows` went into the shared spool in `batches`, which took `seconds`, and `failures` attempts to use it failed.
    """

    rows: int = 0
    batches: int = 0
    seconds: float = 0.0
    failures: int = 0


class ShipperMetrics(Collector):
    """Collects what a shipper did.

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
    """Replace the file `shipped.json`.

    Raises:
        OSError: it can't be written.
    """
    write_whole(data_dir / _SHIPPED_FILE, json.dumps(shipped._asdict()), synced=False)


def read_shipped(data_dir: Path) -> Shipped | None:
    """Read the file `shipped.json`; None where there is none."""
    try:
        return Shipped(**json.loads((data_dir / _SHIPPED_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
