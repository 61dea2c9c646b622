"""How the last backup went, for whoever asks how the receiver is: `CLC_DATA_DIR/backup.json`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "backup.json"


def read_backup_note(data_dir: Path) -> dict[str, Any]:
    """Read `made_at`, `file`, `bytes`, `notifications` and `last_seq` of the last one; `failed_at` and its `error`."""
    try:
        return parse_backup_note(note_path(data_dir).read_bytes())
    except (OSError, ValueError):
        return {}


def parse_backup_note(content: bytes) -> dict[str, Any]:
    """Read a note.

    Raises:
        ValueError: it is damaged.
    """
    noted = json.loads(content)
    if not isinstance(noted, dict):
        raise ValueError(FILE)  # noqa: TRY004 - as what is no JSON at all
    for name in ("made_at", "failed_at"):
        if name in noted and datetime.fromisoformat(str(noted[name])).tzinfo is None:
            raise ValueError(name)
    return noted


def note_path(data_dir: Path) -> Path:
    """Say where the note lies."""
    return data_dir / FILE
