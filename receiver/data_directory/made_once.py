"""Values that are made once and kept in small files of the data directory: tokens, and the id of this machine."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from receiver.data_directory.incidents import put_aside
from receiver.errors import DataDirectoryError
from receiver.files import write_new

_Value = TypeVar("_Value")


def read_or_make(
    data_dir: Path, name: str, noun: str, title: str, parse: Callable[[str], _Value], make: Callable[[], str]
) -> _Value:
    """Return the value in a small file, which is made at the first call, and anew if it is damaged.

    Args:
        data_dir: where the file is.
        name: its name.
        noun: what it holds, to complete "holds no …".
        title: names the file in an error.
        parse: reads its text; raises ValueError where that is no value.
        make: makes the text.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    path = data_dir / name
    try:
        value = _read_value(path, parse)
        if value is None:
            if path.exists():
                put_aside(data_dir, [path], f"holds no {noun} (is it empty or damaged?): another is made.")
            with contextlib.suppress(FileExistsError):  # another process was first; then its value counts
                write_new(path, f"{make()}\n")
            value = _read_value(path, parse)
    except OSError as error:
        raise DataDirectoryError(
            f"{title} can't be read or made ({error.strerror}): run this as the user who runs `serve`."
        ) from None
    if value is None:
        raise DataDirectoryError(f"{title} does not stay as it was written: is the disk in order?")
    return value


def _read_value(path: Path, parse: Callable[[str], _Value]) -> _Value | None:
    try:
        return parse(path.read_bytes().decode("ascii", "replace").strip())
    except (FileNotFoundError, ValueError):
        return None
