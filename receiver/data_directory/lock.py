"""The data directory, and the lock that keeps two `serve` out of one."""

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import IO, NamedTuple

from receiver.data_directory.permissions import keep_private
from receiver.errors import DataDirectoryError
from receiver.files import make_directory
from receiver.settings import Settings

_LOCK = "serve.lock"
# Overwritten in place and never cut, so that `serve` starts again on a disk that has filled up since.
_LOCK_BYTES = 512


class Running(NamedTuple):
    """A `serve` at work: its process id, and the addresses it really listens on."""

    pid: int
    listen: str
    query_listen: str


def prepare(settings: Settings) -> None:
    """Make the data and spool directories, keep them to their owner, and check that they can be written.

    Raises:
        DataDirectoryError: one of them can't be.
    """
    for directory, variable in ((settings.data_dir, "CLC_DATA_DIR"), (settings.spool_directory, "CLC_SPOOL_DIR")):
        try:
            make_directory(directory)
            probe = directory / f".{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise DataDirectoryError(
                f"The directory {directory} can't be written ({error.strerror}): "
                f"make it writable or set {variable} to another."
            ) from None
    keep_private(settings)


def take(data_dir: Path) -> IO[str]:
    """Lock the data directory for `serve`, until the returned file is closed.

    Raises:
        DataDirectoryError: another `serve` has it.
    """
    path = data_dir / _LOCK
    path.touch()
    file = path.open("r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = _parse(file.read())
        file.close()
        process = f" (process {holder.pid})" if holder else ""
        raise DataDirectoryError(
            f"Another `clc-receiver serve`{process} is using {data_dir}: stop it, or set CLC_DATA_DIR to another "
            "directory."
        ) from None
    return file


def announce(lock: IO[str], running: Running) -> None:
    """Write the holder and its addresses into the lock file.

    Raises:
        DataDirectoryError: there is no room for it, and never was.
    """
    try:
        _write(lock, json.dumps(running._asdict()))
    except OSError as error:
        raise DataDirectoryError(
            f"{_LOCK} can't be written into the data directory ({error.strerror}): make room, or set CLC_DATA_DIR to "
            "another directory."
        ) from None


def read_last_holder(lock: IO[str]) -> Running | None:
    """Return the `serve` that had the data directory before, if it did not end in order."""
    lock.seek(0)
    return _parse(lock.read())


def leave(lock: IO[str]) -> None:
    """Note that `serve` ends in order."""
    with contextlib.suppress(OSError):
        _write(lock, "")


def find_running_serve(data_dir: Path) -> Running | None:
    """Find the `serve` that uses a data directory."""
    try:
        with (data_dir / _LOCK).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _parse(file.read())
    except OSError:
        pass
    return None


def _write(lock: IO[str], text: str) -> None:
    os.pwrite(lock.fileno(), text.encode().ljust(_LOCK_BYTES), 0)


def _parse(text: str) -> Running | None:
    try:
        return Running(**json.loads(text))
    except (ValueError, TypeError):
        return None
