"""How far the store has come, noted outside DuckDB, to notice a WAL that replays short without an error.

The note is written after each commit and not synced: it may be older than the database, never newer.
"""

import json
from pathlib import Path
from typing import NamedTuple

from receiver.files import write_whole
from receiver.spool.layout import Positions

FILE = "appended.json"


class Appended(NamedTuple):
    """The highest `seq` ever given, how many notifications the store held, and the last position by (segment, kind).

    A notification that it has dropped since then counts, too.
    """

    seq: int
    notifications: int
    positions: Positions

    def list_ahead(self, positions: Positions) -> Positions:
        """List the positions that are beyond the given ones."""
        return {key: at for key, at in self.positions.items() if at > positions.get(key, 0)}


def read_appended(data_dir: Path) -> Appended:
    """Read the note; a missing or damaged note means that nothing was appended.

    Raises:
        OSError: it exists and can't be read now.
    """
    try:
        return parse_appended((data_dir / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return Appended(0, 0, {})


def parse_appended(content: bytes) -> Appended:
    """Read a note.

    Raises:
        ValueError: it is damaged.
    """
    try:
        seq, notifications, positions = json.loads(content)
        return Appended(int(seq), int(notifications), {(segment, kind): int(at) for segment, kind, at in positions})
    except TypeError as error:
        raise ValueError(FILE) from error


def write_appended(data_dir: Path, appended: Appended, *, synced: bool = False) -> None:
    """Replace the note.

    Raises:
        OSError: it can't be written, and the old note stays; it notices less.
    """
    positions = [[segment, kind, at] for (segment, kind), at in appended.positions.items()]
    content = json.dumps([appended.seq, appended.notifications, positions])
    write_whole(data_dir / FILE, content, synced=synced)
