"""Secrets in the data directory that let other processes of this machine talk to the store."""

import contextlib
import re
import secrets
from pathlib import Path

from receiver.data_directory.incidents import put_aside
from receiver.errors import DataDirectoryError
from receiver.files import write_new
from receiver.settings import Settings

QUERY, CONTROL = "query.token", "control.token"

# Any token that a user may have written by hand, but not the rest of a file that was cut.
_USABLE = re.compile(r"[!-~]{16,}")


def query_token(settings: Settings) -> str:
    """Return the query service's bearer token: the setting, else one generated once into `query.token`.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    return settings.query_token or _load_or_make(settings.data_dir, QUERY)


def control_token(settings: Settings) -> str:
    """Return the token for commands to a running store (`backup`); the readers' token does not allow them.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    return _load_or_make(settings.data_dir, CONTROL)


def _load_or_make(data_dir: Path, name: str) -> str:
    path = data_dir / name
    try:
        token = _read(path)
        if token is None:
            if path.exists():
                put_aside(data_dir, [path], "holds no token (is it empty or damaged?): another is made.")
            with contextlib.suppress(FileExistsError):  # another process was first; then its token counts
                write_new(path, secrets.token_urlsafe(32) + "\n")
            token = _read(path)
    except OSError as error:
        raise DataDirectoryError(
            f"The token {path} can't be read or made ({error.strerror}): run this as the user who runs `serve`."
        ) from None
    if token is None:
        raise DataDirectoryError(f"The token {path} does not stay as it was written: is the disk in order?")
    return token


def _read(path: Path) -> str | None:
    try:
        text = path.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return text if _USABLE.fullmatch(text) else None
