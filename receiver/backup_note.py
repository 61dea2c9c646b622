"""How the last backup went, for whoever asks how the receiver is: `CLC_DATA_DIR/backup.json`."""

import json
from pathlib import Path
from typing import Any


def read_backup_note(data_dir: Path) -> dict[str, Any]:
    """Read `made_at`, `file`, `bytes`, `notifications` and `last_seq` of the last one; `failed_at` and its `error`."""
    try:
        noted: dict[str, Any] = json.loads(note_path(data_dir).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return noted


def note_path(data_dir: Path) -> Path:
    """Say where the note lies."""
    return data_dir / "backup.json"
