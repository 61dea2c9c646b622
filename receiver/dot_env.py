"""Reads the variables of a file `.env`."""

from pathlib import Path

from dotenv import dotenv_values

from receiver.errors import SettingsError


def read_dot_env(env_file: str | None) -> dict[str, str | None]:
    """Return the variables of a file; none where none is given, or there is no such file.

    Raises:
        SettingsError: it can't be read.
    """
    if env_file is None:
        return {}
    file = Path(env_file)
    try:
        return dotenv_values(file)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{file.absolute()} can't be read: line {line} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(
            f"{file.absolute()} can't be read ({error.strerror}); let this user read it, or remove it."
        ) from None
