"""`CLC_DATA_DIR/lake.json`: when all finished months were in the lake last, and since when and why writing fails."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "lake.json"
_TIMES = ("complete_at", "looked_at", "failing_since")


def read_lake_note(data_dir: Path, url: str | None) -> dict[str, Any]:
    """Read `complete_at`, the `newest` month and how many `months`; `failing_since` and the `error`; `waits_for`.

    `looked_at` is when it was found out that the lake waits. `not_dropped` says why old months stay in the database.

    Args:
        data_dir: where the note is.
        url: the present setting; a note of another place does not count.
    """
    try:
        note = json.loads((data_dir / FILE).read_bytes())
        return note if _is_whole(note) and note.get("url") == url else {}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _is_whole(note: dict[str, Any]) -> bool:
    times = [datetime.fromisoformat(note[name]) for name in _TIMES if name in note]
    return all(time.tzinfo for time in times) and ("complete_at" not in note or {"months", "newest"} <= note.keys())
