"""`CLC_DATA_DIR/lake.json`: when all finished months were in the lake last, and since when and why writing fails."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "lake.json"


def read_lake_note(data_dir: Path, url: str | None) -> dict[str, Any]:
    """Read `complete_at`, the newest `month` and how many `months`; `failing_since` and the `error`; `waits_for`.

    `not_dropped` says why old months stay in the database.

    Args:
        data_dir: where the note is.
        url: the present setting; a note of another place does not count.
    """
    try:
        note = json.loads((data_dir / FILE).read_bytes())
        for name in {"complete_at", "failing_since"} & note.keys():
            datetime.fromisoformat(note[name])
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return note if note.get("url") == url else {}
