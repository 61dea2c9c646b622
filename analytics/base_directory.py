"""Finds the directory that has `.env` and relative settings.

A kernel starts in the directory of its notebook, so the directory may be one above.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

ENV_FILE = ".env"
TOKEN_FILE = "query.token"  # noqa: S105 - the name of a file
WORKING_DIRECTORY = Path()


def list_directories() -> Iterator[Path]:
    """Yield the working directory and those above it, up to the first that another user owns or anyone may write to.

    A file that another user puts there could send the token to an address of that user's.
    """
    yield WORKING_DIRECTORY
    try:
        for above in Path.cwd().parents:
            status = above.stat()
            if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
                return
            yield above
    except OSError:  # the working directory was removed, or what is above it can't be read
        return


def has_file(path: Path) -> bool:
    """Say whether a path is a file that this user can see."""
    try:
        return path.is_file()
    except OSError:
        return False


def find_base() -> Path:
    """Return the nearest of these directories that has a `.env` or the data directory; else the working directory."""
    data_dir = Path(os.environ.get("CLC_DATA_DIR") or "data")
    # An absolute data directory is in none of them.
    marks = [Path(ENV_FILE)] if data_dir.is_absolute() else [Path(ENV_FILE), data_dir / TOKEN_FILE]
    for directory in list_directories():
        if any(has_file(directory / mark) for mark in marks):
            return directory
    return WORKING_DIRECTORY
