"""The notes on backups and on object storage: what was done last, and since when and why it fails.

They lie in the data directory: `backup.json` is of the last backup, `upload.json` of its copy in object storage, and
`lake.json` of the months there.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver.files import write_whole
from receiver.settings import Settings

BACKUP_NOTE, UPLOAD_NOTE, LAKE_NOTE = "backup.json", "upload.json", "lake.json"
STOPPED = "the store is stopping."
"""The error of a backup that a stop of `serve` interrupted, for an upgrade say: nothing of the machine has failed."""
_TIMES = ("made_at", "failed_at", "uploaded_at", "complete_at", "looked_at", "failing_since")


def read_backup_note(data_dir: Path) -> dict[str, Any]:
    """Read `made_at`, `file`, `bytes`, `notifications` and `last_seq` of the last one; `failed_at` and its `error`."""
    return _read(data_dir / BACKUP_NOTE)


def read_upload_note(data_dir: Path, url: str | None) -> dict[str, Any]:
    """Read `uploaded_at`, `name` and `notifications` of the last one; `failing_since` and the `error`.

    Args:
        data_dir: where the note is.
        url: the present setting; a note of another place does not count.
    """
    return _read_of(data_dir / UPLOAD_NOTE, url)


def read_lake_note(data_dir: Path, url: str | None) -> dict[str, Any]:
    """Read `complete_at`, the `newest` month and how many `months`; `failing_since` and the `error`; `waits_for`.

    `looked_at` is when it was found out that the lake waits. `not_dropped` says why old months stay in the database.

    Args:
        data_dir: where the note is.
        url: the present setting; a note of another place does not count.
    """
    return _read_of(data_dir / LAKE_NOTE, url)


def parse_note(content: bytes) -> dict[str, Any]:
    """Read a note.

    Raises:
        ValueError: it is damaged.
    """
    note = json.loads(content)
    if not isinstance(note, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - as what is no JSON at all
    for name in _TIMES:
        if name in note and datetime.fromisoformat(str(note[name])).tzinfo is None:
            raise ValueError(name)
    if "complete_at" in note and not {"months", "newest"} <= note.keys():
        raise ValueError("it says of no months when they were complete")
    return note


def write_backup_note(data_dir: Path, note: Mapping[str, Any]) -> None:
    """Replace the note of the last backup; on a full or failing disk it stays as it is."""
    with suppress(OSError):
        write_whole(data_dir / BACKUP_NOTE, json.dumps(note))


def note_done(settings: Settings, file: str, done: Mapping[str, Any]) -> None:
    """Note what is in object storage now; on a full or failing disk the note stays as it is.

    Args:
        settings: where the data directory and the object storage are.
        file: `UPLOAD_NOTE` or `LAKE_NOTE`.
        done: the fields, see where they are read.
    """
    with suppress(OSError):
        write_whole(settings.data_dir / file, json.dumps({**done, "url": settings.objects}))


def note_failure(settings: Settings, file: str, failure: str) -> bool:
    """Note a failure beside what was done last, and tell whether it is a new one; see `note_done`."""
    note = _read_of(settings.data_dir / file, settings.objects)
    note_done(settings, file, {"failing_since": datetime.now(UTC).isoformat(), **note, "error": failure})
    return note.get("error") != failure


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_note(path.read_bytes())
    except (OSError, ValueError):
        return {}


def _read_of(path: Path, url: str | None) -> dict[str, Any]:
    note = _read(path)
    return note if note.get("url") == url else {}
