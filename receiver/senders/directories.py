"""Lists the directories that settings name: one that can't be read is no empty one."""

import os
from pathlib import Path

from receiver.errors import SettingsError


def list_names(directory: Path, variable: str) -> list[str]:
    """Return the names in the directory of a setting, sorted.

    Raises:
        SettingsError: it is no directory, or can't be read.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
        is_open = os.access(directory, os.X_OK)
    except (FileNotFoundError, NotADirectoryError):
        raise SettingsError(f"{variable} is {str(directory)!r}: it must be a directory.") from None
    except OSError as error:
        raise SettingsError(f"{variable} is {str(directory)!r}: it can't be read ({error.strerror}).") from None
    if not is_open:
        raise SettingsError(f"{variable} is {str(directory)!r}: its files can't be read (Permission denied).")
    return names
