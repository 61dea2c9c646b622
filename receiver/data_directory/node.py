"""This machine among those that share a spool: its id, made once in the data directory, its name, role and runs."""

import contextlib
import os
import socket
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from receiver.data_directory.made_once import read_or_make
from receiver.files import write_whole

FILE, RUNS_FILE = "node.id", "node.runs"
ALL_PARTS, LISTENER, STORE = "all", "listener", "store"
"""The roles of a machine: it runs all parts of `serve`, or with `--only` those of the listener or of the store."""
_RUNS_KEPT = 10
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_BOOT_BYTES = 8


def read_node_id(data_dir: Path) -> UUID:
    """Return the id of the machine that uses a data directory; it is made at the first call, and synced.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    title = f"The id of this machine, {data_dir / FILE},"
    return read_or_make(data_dir, FILE, "id", title, UUID, lambda: str(uuid4()))


def begin_run(data_dir: Path) -> tuple[UUID, ...]:
    """Begin a run of what speaks for this machine, and return the latest runs, of which it is the last.

    A copy of the data directory does not hear of runs that begin here later, nor this one of those there.
    """
    path = data_dir / RUNS_FILE
    runs = (*_read_runs(path)[1 - _RUNS_KEPT :], UUID(bytes=_read_boot() + os.urandom(16 - _BOOT_BYTES)))
    with contextlib.suppress(OSError):  # the next run is then believed a minute after this one has ended
        write_whole(path, "".join(f"{run}\n" for run in runs))
    return runs


def are_of_one_boot(run: UUID, other: UUID) -> bool:
    """Tell whether the machine was not booted between two runs, so that one has ended before the other began."""
    return run.bytes[:_BOOT_BYTES] == other.bytes[:_BOOT_BYTES]


def has_listener(role: str) -> bool:
    """Tell whether a machine of a role takes notifications."""
    return role != STORE


def has_store(role: str) -> bool:
    """Tell whether a machine of a role has a store."""
    return role != LISTENER


def read_machine_name() -> str:
    """Return the name of this machine, as others know it."""
    return socket.gethostname() or "unnamed"


def _read_boot() -> bytes:
    """Return what stands for the latest boot of this machine; the same always, where the system does not tell."""
    try:
        boot = _BOOT.read_bytes()
    except OSError:
        boot = b""
    return sha256(boot).digest()[:_BOOT_BYTES]


def _read_runs(path: Path) -> list[UUID]:
    try:
        return [UUID(line) for line in path.read_bytes().decode("ascii", "replace").split()]
    except (OSError, ValueError):
        return []
