"""`CLC_DATA_DIR/sent.json`: how many notifications of each segment the shared spool holds, for listeners that wait.

The shipper writes it, in whichever process it runs, and each listener looks at it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from receiver.files import write_whole
from receiver.notification import Notification
from receiver.spool.layout import KINDS
from receiver.spool.looking import segment_paths

_FILE = "sent.json"


class Place(NamedTuple):
    """The place of a notification in the spool."""

    segment: str
    position: int


class SentNote:
    """Writes the file.

    Args:
        data_dir: where it lies.
        spool_directory: the segments that it tells of.
    """

    def __init__(self, data_dir: Path, spool_directory: Path) -> None:
        self._path = data_dir / _FILE
        self._spool_directory = spool_directory

    def write(self, positions: Mapping[tuple[str, str], int]) -> None:
        """Replace the file.

        Args:
            positions: how many rows of each segment and kind the shared spool holds, those of other machines too.

        Raises:
            OSError: it can't be written.
        """
        names = (path.stem for path in segment_paths(self._spool_directory))
        places = ((name, positions.get((name, KINDS[Notification]), 0)) for name in names)
        write_whole(self._path, json.dumps(dict(places)), synced=False)


class SentReader:
    """Reads the file again when it was replaced.

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
