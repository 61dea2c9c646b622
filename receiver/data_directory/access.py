"""Access to the data directory: for one `serve` at a time, and by token to the store."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from receiver.data_directory.incidents import report
from receiver.data_directory.made_once import read_or_make
from receiver.data_directory.private import keep_private
from receiver.errors import DataDirectoryError, StoreError
from receiver.files import make_directory
from receiver.settings import Settings

_LOCK = "serve.lock"
# Overwritten in place and never cut, so that `serve` starts again on a disk that has filled up since.
_LOCK_BYTES = 512

_MOVED = (
    "The data directory, or its file serve.lock, was moved, deleted or replaced while in use: serve goes on here. "
    "Backups, and keys and profiles of before, are where it was moved to."
)
_ROOT = 0
"""The user who can read every file."""
_LOOK_SECONDS, _PAUSE_SECONDS = 0.5, 0.01

QUERY_TOKEN, CONTROL_TOKEN = "query.token", "control.token"
# Any token that a user may have written by hand, but not the rest of a file that was cut.
_USABLE = re.compile(r"[!-~]{16,}")


def check_is_used(settings: Settings) -> None:
    """Check that a data directory is one: that a `serve` has run in it, or a backup was restored there.

    Raises:
        DataDirectoryError: it is none.
    """
    if not any(path.exists() for path in (settings.database, settings.data_dir / _LOCK)):
        raise DataDirectoryError(
            f"{settings.data_dir} is no data directory: set CLC_DATA_DIR to the directory that `serve` uses."
        )


class Running(NamedTuple):
    """A `serve` at work: its process id, and the addresses it really listens on; of a part it has not, nothing."""

    pid: int
    listen: str
    query_listen: str


def prepare(settings: Settings, *, has_spool: bool = True) -> None:
    """Make the data and spool directories, keep them to their owner, and check that they can be written.

    Args:
        settings: where they are.
        has_spool: whether there is a spool.

    Raises:
        DataDirectoryError: one of them can't be.
    """
    spools = [(settings.spool_directory, "CLC_SPOOL_DIR")] if has_spool else []
    for directory, variable in ((settings.data_dir, "CLC_DATA_DIR"), *spools):
        try:
            make_directory(directory)
            probe = directory / f".{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise DataDirectoryError(
                f"The directory {directory} can't be written ({error.strerror}): make it writable or set {variable} to "
                "another."
            ) from None
    keep_private(settings)


def check_database(database: Path) -> None:
    """Check that a database is no symbolic link: DuckDB keeps its log beside the file, and nothing looks for it there.

    Raises:
        DataDirectoryError: it is one.
    """
    if database.is_symlink():
        raise DataDirectoryError(
            f"{database} is a symbolic link, which can't be used: put {os.path.realpath(database)} in its place, with "
            "its .wal if there is one. To have the database on another disk, move the whole data directory."
        )


def take(data_dir: Path) -> IO[str]:
    """Lock the data directory for `serve`, until the returned file is closed.

    Raises:
        DataDirectoryError: another process has it, or its lock can't be opened.
    """
    path = data_dir / _LOCK
    try:
        path.touch()
        file = path.open("r+")
    except OSError as error:
        raise DataDirectoryError(
            f"{path}, which keeps two `serve` apart, can't be opened ({error.strerror}): run this as the user who runs "
            "`clc-receiver serve`, or remove it while none runs."
        ) from None
    if not _lock(file):
        holder = read_holder(file)
        file.close()
        which, way = (
            (f"Another `clc-receiver serve` (process {holder.pid})", "stop it")
            if holder
            else ("A `clc-receiver restore` or `join`, or a `serve` that starts,", "wait until it has ended")
        )
        raise DataDirectoryError(f"{which} is using {data_dir}: {way}, or set CLC_DATA_DIR to another directory.")
    return file


def keep(lock: IO[str], data_dir: Path) -> IO[str]:
    """Return the lock of `serve`; a new one where others have moved or deleted the data directory, or its lock.

    Without it no command would find this `serve`, and another one could begin there.

    Raises:
        DataDirectoryError: another `serve` has begun there, or the lock can't be opened.
        OSError: the directory can't be read or made.
    """
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat((data_dir / _LOCK).stat(), os.fstat(lock.fileno())):
            return lock
    make_directory(data_dir)
    fresh = take(data_dir)
    if running := read_holder(lock):
        announce(fresh, running)
    lock.close()
    report(data_dir, _MOVED)
    return fresh


def _lock(file: IO[str]) -> bool:
    """Lock a file, unless another `serve` has it: a command that looks for one holds the lock for a moment, too."""
    ends = time.monotonic() + _LOOK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True


@contextlib.contextmanager
def take_offline(data_dir: Path) -> Iterator[None]:
    """Keep every `serve` out of the data directory for a block; one that was killed before counts as running no more.

    Raises:
        DataDirectoryError: another process has it.
    """
    with take(data_dir) as lock:
        leave(lock)
        yield


def check_user(data_dir: Path) -> None:
    """Check that the `serve` of a data directory can read the files that this process makes there.

    Raises:
        DataDirectoryError: it runs as another user; root may write there all the same. Or its lock can't be read.
    """
    find_running_serve(data_dir)
    try:
        owner, own = (data_dir / _LOCK).stat().st_uid, _read_owner_of_new(data_dir)
    except OSError:
        return
    if owner not in {own, _ROOT}:
        raise DataDirectoryError(
            f"`clc-receiver serve` uses {data_dir} as the user {owner}, who can't read what this user writes there: "
            f"run this as that one, for example by `sudo -E -u '#{owner}' clc-receiver …`; docs/operate.md says how to "
            "do so beside the systemd unit."
        )


def _read_owner_of_new(directory: Path) -> int:
    """Return the owner of a file that this process makes; some file systems give all files to one user."""
    with TemporaryFile(prefix=".clc-", dir=directory) as file:
        return os.fstat(file.fileno()).st_uid


def announce(lock: IO[str], running: Running) -> None:
    """Write the holder and its addresses into the lock file.

    Raises:
        DataDirectoryError: there is no room for it, and never was.
    """
    try:
        _write_holder(lock, json.dumps(running._asdict()))
    except OSError as error:
        raise DataDirectoryError(
            f"{_LOCK} can't be written into the data directory ({error.strerror}): make room, or set CLC_DATA_DIR to "
            "another directory."
        ) from None


def read_holder(lock: IO[str]) -> Running | None:
    """Return the `serve` that has a lock, or had it last and did not end in order; None also if the file is damaged."""
    try:
        return Running(**json.loads(os.pread(lock.fileno(), _LOCK_BYTES, 0)))
    except (ValueError, TypeError):
        return None


def leave(lock: IO[str]) -> None:
    """Note that `serve` ends in order."""
    with contextlib.suppress(OSError):
        _write_holder(lock, "")


def find_running_serve(data_dir: Path) -> Running | None:
    """Find the `serve` that uses a data directory.

    Raises:
        DataDirectoryError: this user may not look into it.
    """
    try:
        with (data_dir / _LOCK).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return read_holder(file)
    except PermissionError:
        raise DataDirectoryError(
            f"{data_dir / _LOCK} can't be read: permission denied. Run this as the user who runs `clc-receiver serve`, "
            "or give that user the files there."
        ) from None
    except OSError:
        pass
    return None


def find_query_address(data_dir: Path, running: Running) -> str:
    """Return the address of a running store.

    Raises:
        StoreError: that `serve` has no store.
    """
    if running.query_listen:
        return running.query_listen
    raise StoreError(
        f"The `serve` of {data_dir} runs with `--only listener` and has no store: do this on a machine with one."
    )


def _write_holder(lock: IO[str], text: str) -> None:
    os.pwrite(lock.fileno(), text.encode().ljust(_LOCK_BYTES), 0)


def read_query_token(settings: Settings) -> str:
    """Return the query service's bearer token: the setting, else one generated once into `query.token`.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    return settings.query_token or _read_or_make_token(settings.data_dir, QUERY_TOKEN)


def control_token(settings: Settings) -> str:
    """Return the token for commands to a running store (`backup`); the readers' token does not allow them.

    Raises:
        DataDirectoryError: it can't be read or made.
    """
    return _read_or_make_token(settings.data_dir, CONTROL_TOKEN)


def _read_or_make_token(data_dir: Path, name: str) -> str:
    title = f"The token {data_dir / name}"
    return read_or_make(data_dir, name, "token", title, _check_token, lambda: secrets.token_urlsafe(32))


def _check_token(text: str) -> str:
    if not _USABLE.fullmatch(text):
        raise ValueError("it is no token")
    return text
