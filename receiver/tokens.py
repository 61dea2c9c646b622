"""Secrets in the data directory that let other processes of this machine talk to the store."""

import os
import secrets
from pathlib import Path

from receiver.settings import Settings

_CONTROL = "control.token"


def query_token(settings: Settings) -> str:
    """Return the query service's bearer token: the setting, else one generated once into `query.token`."""
    return settings.query_token or _kept_in(settings.data_dir / "query.token")


def control_token(settings: Settings) -> str:
    """Return the token for commands to a running store (`backup`), which readers' token does not allow."""
    return _kept_in(settings.data_dir / _CONTROL)


def _kept_in(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    token = secrets.token_urlsafe(32)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(token + "\n")
    try:
        # A link fails if another process was first; then its token counts.
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
    return path.read_text("ascii").strip()
