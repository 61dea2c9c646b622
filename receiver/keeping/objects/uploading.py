"""Uploads one backup, in a process of its own: it can be killed at any moment, and the store's process goes on.

`python -m receiver.keeping.objects.uploading FILE` prints JSON lines: while it runs `{"moved": bytes, "of": bytes}`,
and at last `{"manifest": …, "removed": [name, …], "staying": number, "not_removed": sentence or null}`, or
`{"error": sentence}`.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from receiver.data_directory.node import read_machine_name, read_node_id
from receiver.errors import ObjectsError
from receiver.keeping.backup_file import read_info
from receiver.keeping.objects.place import Place, Pruned, make_ending, name_in_storage
from receiver.processes.helper import print_line, run_helper
from receiver.settings import Settings

_TELL_SECONDS = 0.2


class _Progress:
    """Prints how much is done, and ends this process when its parent has ended: another upload may run by then."""

    def __init__(self, size: int) -> None:
        self._size, self._moved, self._next_at = size, 0, 0.0
        self._parent = os.getppid()

    def advance(self, count: int) -> None:
        if os.getppid() != self._parent:
            sys.exit(1)
        self._moved += count
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + _TELL_SECONDS
            print_line({"moved": self._moved, "of": self._size})


def upload(file: Path, settings: Settings) -> dict[str, Any]:
    """Upload a backup, delete what is too old, and return the last line to print.

    Raises:
        ReceiverError: it failed.
        duckdb.Error, OSError: the backup can't be read.
    """
    place, node = Place(str(settings.objects)), read_node_id(settings.data_dir)
    info = read_info(file)
    made = (info.made_at.isoformat(), read_machine_name(), info.notifications, info.last_seq)
    progress = _Progress(2 * file.stat().st_size)
    manifest = place.put(file, name_in_storage(file, read_machine_name(), node), made, progress.advance)
    try:
        pruned, trouble = place.prune(make_ending(node), settings.backup_keep, manifest.name), None
    except ObjectsError as error:  # the credentials may not delete; that is no harm to the backup
        pruned, trouble = Pruned([], 0), str(error)
    return {"manifest": manifest._asdict(), **pruned._asdict(), "not_removed": trouble}


def main() -> None:
    """Upload the backup of the command line."""
    run_helper("upload", partial(upload, Path(sys.argv[1])))


if __name__ == "__main__":
    main()
