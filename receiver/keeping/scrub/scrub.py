"""A scrub: reads every block of the database file from the disk, and names the damaged rows."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from receiver.database.reading import Reader
from receiver.errors import StoreError
from receiver.files import write_whole
from receiver.keeping.scrub.places import DamagedRows, find_rows

FILE = "scrub.json"
_BLOCK_SIZE = "SELECT block_size, total_blocks FROM pragma_database_size()"


def scrub(
    reader: Reader,
    database: Path,
    *,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
    bytes_per_second: float = 0.0,
) -> list[DamagedRows]:
    """Compare every block with its checksum, and list the rows in damaged ones.

    Args:
        reader: reads the store.
        database: its file; the backups lie in `backups` beside it.
        advance: called with the number of blocks read, and of all.
        bytes_per_second: how fast the file is read; 0 for as fast as the disk gives it.

    Raises:
        StoreError: the store or the file can't be read.
    """
    size, total = reader.rows(_BLOCK_SIZE, [])[0]
    suspects = _find_damaged_blocks(database, size, None, bytes_per_second, lambda done: advance(done, total))
    # A checkpoint writes into blocks that are not in use, and such a block may be read half written: a block counts as
    # damaged only if it is in use and fails a second time.
    in_use = _blocks_of(find_rows(reader, suspects, database.parent / "backups")) if suspects else []
    damaged = _find_damaged_blocks(database, size, in_use, 0.0, lambda _done: None) if in_use else []
    return find_rows(reader, damaged, database.parent / "backups") if damaged else []


def _blocks_of(damaged: list[DamagedRows]) -> list[int]:
    return sorted({number for each in damaged for number in each.blocks})


def _find_damaged_blocks(
    database: Path, size: int, numbers: list[int] | None, bytes_per_second: float, advance: Callable[[int], None]
) -> list[int]:
    command = [sys.executable, "-m", "receiver.keeping.scrub.blocks", str(database), "--block-size", str(size)]
    command += ["--bytes-per-second", str(bytes_per_second)]
    if numbers is not None:
        command += ["--blocks", ",".join(map(str, numbers))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        for line in process.stdout or ():
            message = json.loads(line)
            if "damaged" in message:
                return list(message["damaged"])
            advance(message["read"])
        why = (process.stderr.read() if process.stderr else "").strip().splitlines()
    raise StoreError(f"{database} can't be read block by block: {why[-1] if why else 'the reading process ended'}")


class ScrubNote(NamedTuple):
    """The time at which the last scrub ended, and a sentence for each damage."""

    at: datetime
    damages: list[str]


def read_scrub_note(data_dir: Path) -> ScrubNote | None:
    """Read the note; None if there is none, or it is damaged."""
    try:
        note = json.loads((data_dir / FILE).read_bytes())
        at, damages = datetime.fromisoformat(note["at"]), [str(damage) for damage in note["damages"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return ScrubNote(at, damages) if at.tzinfo else None


def write_scrub_note(data_dir: Path, damaged: list[DamagedRows]) -> None:
    """Note that a scrub has ended.

    Raises:
        OSError: it can't be written.
    """
    note = {"at": datetime.now(UTC).isoformat(), "damages": [str(each) for each in damaged]}
    write_whole(data_dir / FILE, json.dumps(note, indent=1))
