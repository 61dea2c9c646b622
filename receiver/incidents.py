"""Incidents: what was damaged, where it was put, and what is missing since, kept for whoever looks after the machine.

They lie in `CLC_DATA_DIR/recovery.json`, a list, oldest first. Nothing that is damaged is deleted: it is moved into a
directory `aside`.
"""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

_MOST = 1_000

_log = logging.getLogger(__name__)


class Incident(NamedTuple):
    """One incident: when (ISO, UTC), what, the directory that what was there was moved to, and what is missing."""

    at: str
    what: str
    moved_to: str | None
    missing: str | None

    def __str__(self) -> str:
        """Return it as one line."""
        moved = f" What was there is kept in {self.moved_to}." if self.moved_to else ""
        missing = f" MISSING: {self.missing}" if self.missing else ""
        return f"{self.what}{moved}{missing}"


def report(data_dir: Path, what: str, *, moved_to: Path | None = None, missing: str | None = None) -> Incident:
    """Log an incident as an error and add it to those kept; a disk that is full keeps it in the log alone."""
    incident = Incident(datetime.now(UTC).isoformat(), what, str(moved_to) if moved_to else None, missing)
    _log.error("%s", incident)
    with contextlib.suppress(OSError):
        kept = [*incidents(data_dir), incident][-_MOST:]
        write_whole(_path(data_dir), json.dumps([each._asdict() for each in kept], indent=1))
    return incident


def incidents(data_dir: Path) -> list[Incident]:
    """List the incidents, oldest first; a file that is damaged itself lists none."""
    try:
        return [Incident(**each) for each in json.loads(_path(data_dir).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def set_aside(files: Iterable[Path], parent: Path) -> Path:
    """Move files that exist into a new directory `aside/<time>` in `parent`, and return it.

    Raises:
        OSError: one can't be moved.
    """
    directory = _new_directory(parent)
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            file.rename(directory / file.name)
    return directory


def copy_aside(files: Iterable[Path], parent: Path) -> Path:
    """Copy files that exist as `set_aside` moves them.

    Raises:
        OSError: one can't be copied.
    """
    directory = _new_directory(parent)
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(file, directory / file.name)
    return directory


def _new_directory(parent: Path) -> Path:
    directory = parent / "aside" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    directory.mkdir(parents=True)
    return directory


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, so that nobody reads half of it.

    Raises:
        OSError: it can't be written; the file is as before.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, "utf-8")
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _path(data_dir: Path) -> Path:
    return data_dir / "recovery.json"
