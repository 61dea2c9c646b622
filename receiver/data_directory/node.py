"""This machine among those that share a spool: its id, made once in the data directory, its name, and its role."""

import contextlib
import socket
from pathlib import Path
from uuid import UUID, uuid4

from receiver.data_directory.incidents import put_aside
from receiver.errors import DataDirectoryError
from receiver.files import write_new

FILE = "node.id"
ALL_PARTS, LISTENER, STORE = "all", "listener", "store"
"""The roles of a machine: it runs all parts of `serve`, or with `--only` those of the listener or of the store."""


def read_node_id(data_dir: Path) -> UUID:
    """Return the id of the machine that uses a data directory; it is made at the first call, and synced.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    path = data_dir / FILE
    try:
        node = _read(path)
        if node is None:
            if path.exists():
                put_aside(data_dir, [path], "holds no id (is it empty or damaged?): another is made.")
            with contextlib.suppress(FileExistsError):  # another process was first; then its id counts
                write_new(path, f"{uuid4()}\n")
            node = _read(path)
    except OSError as error:
        raise DataDirectoryError(
            f"The id of this machine, {path}, can't be read or made ({error.strerror}): run this as the user who runs "
            "`serve`."
        ) from None
    if node is None:
        raise DataDirectoryError(
            f"The id of this machine, {path}, does not stay as it was written: is the disk in order?"
        )
    return node


def has_listener(role: str) -> bool:
    """Tell whether a machine of a role takes notifications."""
    return role != STORE


def has_store(role: str) -> bool:
    """Tell whether a machine of a role has a store."""
    return role != LISTENER


def read_machine_name() -> str:
    """Return the name of this machine, as others know it."""
    return socket.gethostname() or "unnamed"


def _read(path: Path) -> UUID | None:
    try:
        return UUID(path.read_bytes().decode("ascii", "replace").strip())
    except (FileNotFoundError, ValueError):
        return None
