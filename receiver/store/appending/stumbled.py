"""Remembers which rows a store died of, so that the next one finds the row at fault instead of dying again.

DuckDB's fatal errors leave a database that only a new process can use. The store notes the batch before it ends; its
successor appends that batch row by row; if it dies as well, the note names a single row, and that is set aside.
"""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from receiver.files import write_whole
from receiver.spool import SpooledRow

Places = set[tuple[str, str, int]]


def note_stumble(data_dir: Path, rows: Iterable[SpooledRow]) -> None:
    """Note the rows that were being appended."""
    places = [(row.segment, row.kind, row.position) for row in rows]
    with contextlib.suppress(OSError):
        write_whole(_path(data_dir), json.dumps(places))


def read_stumble(data_dir: Path | None) -> Places:
    """Read the places of the rows that the last store was appending when it died."""
    if data_dir is None:
        return set()
    try:
        return {(segment, kind, int(position)) for segment, kind, position in json.loads(_path(data_dir).read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()


def forget_stumble(data_dir: Path) -> None:
    """Go on as usual."""
    _path(data_dir).unlink(missing_ok=True)


def _path(data_dir: Path) -> Path:
    return data_dir / "stumbled.json"
