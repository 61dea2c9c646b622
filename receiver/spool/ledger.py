"""The ledger of a writer: which of its segments got rows, so that none of them vanishes unnoticed.

It is the content of the writer's lock file: a line when a segment is about to get its first rows, and one with the
numbers of its rows when it gets no more. The store adds one when it finds damaged rows in a segment, and deletes the
file just before it deletes the last segment with rows. So where the file is there and that segment is not, somebody
else took it away.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from receiver.spool import layout
from receiver.spool.layout import Watermarks


class Ledger(NamedTuple):
    """The last segment with rows, None without one; and the numbers of rows, by kind, of those that get no more.

    `damaged` says of segments which rows of theirs are not as they were written.
    """

    last: Path | None
    complete: dict[Path, dict[str, int]]
    damaged: dict[Path, str]

    def list_vanished(self, watermarks: Watermarks) -> list[Path]:
        """List the segments that are not there though the store does not hold all their rows.

        Args:
            watermarks: how many rows of each segment and kind the store holds.
        """
        complete = {
            path
            for path, rows in self.complete.items()
            if all(watermarks.get((path.stem, kind), 0) >= count for kind, count in rows.items())
        }
        begun = {*self.complete, *([self.last] if self.last else [])}
        return [path for path in sorted(begun - complete) if not path.exists()]


def note_begin(segment: Path) -> None:
    """Note, synced to disk, that a segment is about to get its first rows.

    Raises:
        OSError: it could not be noted.
    """
    _write_line(segment, {})


def note_end(segment: Path, rows: Mapping[str, int]) -> None:
    """Note, synced to disk, how many rows of each kind the store must take from a segment that gets no more.

    Raises:
        OSError: it could not be noted.
    """
    _write_line(segment, {"rows": rows})


def note_damage(segment: Path, what: str) -> None:
    """Note, synced to disk, that rows of a segment are damaged, so that it is kept also by a store that starts later.

    Raises:
        OSError: it could not be noted.
    """
    _write_line(segment, {"damage": what})


def read_ledger(lock: Path) -> Ledger:
    """Read a writer's ledger; it is empty if there is no file, or none with lines, as an older program leaves it.

    Raises:
        OSError: the file can't be read.
    """
    last, complete, damaged = None, {}, {}
    for line in lock.read_bytes().splitlines() if lock.exists() else []:
        try:
            note = json.loads(line)
        except ValueError:  # it is empty, or was cut short
            continue
        path = lock.with_name(note["segment"])
        if "rows" in note:
            complete[path] = note["rows"]
        elif "damage" in note:
            damaged[path] = note["damage"]
        else:
            last = path
    return Ledger(last, complete, damaged)


def _write_line(segment: Path, note: dict[str, Any]) -> None:
    # Never made anew: a lock file without its writer would stay for ever.
    lock = layout.name_lock(segment.parent, layout.name_writer(segment))
    with os.fdopen(os.open(lock, os.O_WRONLY | os.O_APPEND), "ab") as file:
        # On a line of its own, also behind the rest of one that a full disk cut short; empty lines count for nothing.
        file.write(b"\n" + json.dumps({"segment": segment.name, **note}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
