"""The backups of a data directory: their names, their order, and the note `backup.json` on the last one."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FILE = "backup.json"
_LATE_CLOCK = timedelta(days=1)
_DIRECTORY, _SUFFIX, _NAME = "backups", ".duckdb", "clc-%Y%m%dT%H%M%S%fZ"


def backups_in(data_dir: Path) -> Path:
    """Name the directory of backups."""
    return data_dir / _DIRECTORY


def name_backup(made_at: datetime) -> str:
    """Return the name of the file of a backup that is made now, in UTC."""
    return f"{made_at:{_NAME}}{_SUFFIX}"


def read_made_at(file: Path) -> datetime | None:
    """Read the time in the name of a backup; None where the store has not named it."""
    try:
        return datetime.strptime(file.name, _NAME + _SUFFIX).replace(tzinfo=UTC)
    except ValueError:
        return None


def list_backups(data_dir: Path) -> list[Path]:
    """List the backups in the data directory, newest first, also those that an operator has put there."""
    return order_backups(backups_in(data_dir).glob(f"**/*{_SUFFIX}"))


def list_own_backups(data_dir: Path) -> list[Path]:
    """List the backups that the store has made and named, newest first."""
    return order_backups(file for file in backups_in(data_dir).glob(f"*{_SUFFIX}") if read_made_at(file))


def order_backups(files: Iterable[Path]) -> list[Path]:
    """Order backups, newest first, by the time in their names; those that a wrong clock has named come last.

    Only where there is none the time of the last change counts: an old backup that is copied back has a new one.
    """
    latest = latest_credible()

    def rank(file: Path) -> tuple[bool, datetime, str]:
        at = read_made_at(file) or _read_changed_at(file)
        return at <= latest, at, file.name

    return sorted(files, key=rank, reverse=True)


def latest_credible() -> datetime:
    """Return the latest time that a backup may have: a name beyond it was given while the clock was wrong.

    It is a day from now, because the clock may be late, as that of some machines is when they have just started.
    """
    return datetime.now(UTC) + _LATE_CLOCK


def _read_changed_at(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)


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
    note = json.loads(content)
    if not isinstance(note, dict):
        raise ValueError(FILE)  # noqa: TRY004 - as what is no JSON at all
    for name in ("made_at", "failed_at"):
        if name in note and datetime.fromisoformat(str(note[name])).tzinfo is None:
            raise ValueError(name)
    return note


def note_path(data_dir: Path) -> Path:
    """Return the note's path."""
    return data_dir / FILE
