"""The rows that were being appended when the store's process died: perhaps it died of one of them."""

import contextlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from receiver.database.faults import is_damage
from receiver.files import write_whole
from receiver.spool import SpooledRow

FILE = "stumbled.json"

Places = set[tuple[str, str, int]]

# A task before, such as a backup's checkpoint, made the database unusable; or a block of it can't be read.
_NO_FAULT_OF_ROWS = re.compile("previous fatal error|Corrupt database file")


def note_stumble(data_dir: Path, error: Exception, rows: Iterable[SpooledRow]) -> None:
    """Note the rows that were being appended, if the process may die of one of them."""
    if _NO_FAULT_OF_ROWS.search(str(error)) or not is_damage(error):
        return
    places = [(row.segment, row.kind, row.position) for row in rows]
    with contextlib.suppress(OSError):
        write_whole(data_dir / FILE, json.dumps(places))


def read_stumble(data_dir: Path) -> Places:
    """Read the places of the rows that the last store was appending when it died."""
    try:
        return {
            (segment, kind, int(position)) for segment, kind, position in json.loads((data_dir / FILE).read_bytes())
        }
    except (OSError, ValueError, TypeError):
        return set()


def forget_stumble(data_dir: Path) -> None:
    """Delete the note.

    Raises:
        OSError: it can't be deleted.
    """
    (data_dir / FILE).unlink(missing_ok=True)
