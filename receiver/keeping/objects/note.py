"""`CLC_DATA_DIR/upload.json`: which backup was uploaded last, and since when and why the upload fails."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "upload.json"


def read_upload_note(data_dir: Path, url: str | None) -> dict[str, Any]:
    """Read `uploaded_at`, `name` and `notifications` of the last one; `failing_since` and the `error`.

    Args:
        data_dir: where the note is.
        url: the present setting; a note of another place does not count.
    """
    try:
        note = parse_upload_note((data_dir / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if note.get("url") == url else {}


def parse_upload_note(content: bytes) -> dict[str, Any]:
    """Read a note.

    Raises:
        ValueError: it is damaged.
    """
    note = json.loads(content)
    if not isinstance(note, dict):
        raise ValueError(FILE)  # noqa: TRY004 - as what is no JSON at all
    for name in ("uploaded_at", "failing_since"):
        if name in note and datetime.fromisoformat(str(note[name])).tzinfo is None:
            raise ValueError(name)
    return note
