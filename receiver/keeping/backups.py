"""The backups of a data directory: their names and their order."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.errors import UndecidedError

_LATE_CLOCK = timedelta(days=1)
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""This program was written later, so a clock that shows an earlier time is not set."""
_OF_THE_SYSTEM = "lost+found"
"""Lies at the top of a disk, and root alone may list it."""
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
    """List the backups in the data directory, newest first, also those that an operator has put there.

    Hidden files, and those in hidden directories, are none: programs leave them when they are killed.

    Raises:
        UndecidedError: they can't be listed.
    """
    return order_backups(_list_files(data_dir, is_deep=True))


def list_own_backups(data_dir: Path) -> list[Path]:
    """List the backups that the store has made and named, newest first.

    Raises:
        UndecidedError: they can't be listed.
    """
    return order_backups(file for file in _list_files(data_dir, is_deep=False) if read_made_at(file))


def _list_files(data_dir: Path, *, is_deep: bool) -> Iterator[Path]:
    directory = backups_in(data_dir)

    def fail(error: OSError) -> None:
        # One of the directories in it may go meanwhile; but a link to a disk that is not mounted is no lack of backups.
        if not isinstance(error, FileNotFoundError) or Path(error.filename).is_symlink():
            raise UndecidedError(
                f"It can't be told which backups there are, because {error.filename} can't be listed "
                f"({error.strerror}): nothing was moved or deleted."
            ) from None

    for parent, inner, names in os.walk(directory, onerror=fail):
        inner[:] = [name for name in inner if is_deep and not name.startswith(".") and name != _OF_THE_SYSTEM]
        yield from (Path(parent, name) for name in names if name.endswith(_SUFFIX) and not name.startswith("."))


def order_backups(files: Iterable[Path]) -> list[Path]:
    """Order backups, newest first, by the time in their names; those that a wrong clock has named come last.

    While the clock is not set, each name seems to lie in the future, so names alone tell. The time of the last change
    counts where there is no name: an old backup that is copied back has a new one.
    """
    latest = find_latest_credible()

    def rank(file: Path) -> tuple[bool, datetime, str]:
        at = read_made_at(file) or _read_changed_at(file)
        return at <= latest, at, file.name

    return sorted(files, key=rank, reverse=True)


def find_latest_credible() -> datetime:
    """Return the latest time that a backup may have: a name beyond it was given while the clock was wrong.

    It is a day from now, because the clock of a machine that has just started may be slow. Until the clock is set,
    every time is credible.
    """
    return datetime.now(UTC) + _LATE_CLOCK if is_clock_set() else datetime.max.replace(tzinfo=UTC)


def is_clock_set() -> bool:
    """Tell whether the machine's clock is set: one without a battery begins in 1970, until the network sets it."""
    return datetime.now(UTC) >= _WRITTEN


def _read_changed_at(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)
