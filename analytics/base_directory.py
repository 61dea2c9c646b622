"""Finds the directory that has `.env` and relative settings, and reads that file.

A kernel starts in the directory of its notebook, so the directory may be one above.
"""

import os
import re
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from analytics.errors import SettingsError

ENV_FILE = ".env"
TOKEN_FILE = "query.token"  # noqa: S105 - the name of a file
WORKING_DIRECTORY = Path()
_NEXT_SETTING = re.compile(r"[\r\n]\s*(export\s+)?CLC_\w+\s*=", re.IGNORECASE)
"""A setting on a later line of another's value."""


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


def read_dot_env(file: Path) -> dict[str, str | None]:
    """Return the variables of a file; none where there is no such file.

    Raises:
        SettingsError: it can't be read, or a line of it can't.
    """
    try:
        if not (file.is_file() or file.is_fifo()):
            return {}
        return _parse(file, file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{file.absolute()} can't be read: line {line} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(
            f"{file.absolute()} can't be read ({error.strerror}); let this user read it, or remove it."
        ) from None


def _parse(file: Path, text: str) -> dict[str, str | None]:
    """Return the variables of a file's text.

    Raises:
        SettingsError: a line can't be read; without it the settings would be others than those that were written.
    """
    for binding in parse_stream(StringIO(text)):
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error:
            raise _make_line_error(file, line, "it must be NAME=VALUE, with a closing quote for each opening one")
        if binding.key and binding.key.upper().startswith("CLC_") and binding.value is None:
            raise _make_line_error(file, line, "it has no =")
        if binding.value and _NEXT_SETTING.search(written.lstrip()):
            raise _make_line_error(file, line, "its closing quote is missing")
    return dotenv_values(stream=StringIO(text))


def _make_line_error(file: Path, line: int, why: str) -> SettingsError:
    return SettingsError(f"{file.absolute()} can't be used: line {line} can't be read, {why}.")
