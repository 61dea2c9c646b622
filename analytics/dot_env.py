"""Reads the variables of a file `.env`."""

import re
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from analytics.errors import SettingsError

_NEXT_SETTING = re.compile(r"[\r\n]\s*(export\s+)?CLC_\w+\s*=", re.IGNORECASE)
"""A setting on a later line of another's value."""


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
