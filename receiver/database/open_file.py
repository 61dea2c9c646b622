"""The file of the database that is open. Others may delete it, move it, or put another in its place while it is used.

It is whole all the same, and everything is written into it, until the process ends: then it is gone, without an error.
So the store writes it to its place again before that.
"""

import os
from pathlib import Path

import duckdb

from receiver.data_directory.incidents import report, set_aside
from receiver.errors import StoreError
from receiver.files import find_lack_of_room, open_whole
from receiver.logs import describe

_PATH = "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
_DESCRIPTORS = "/dev/fd"
_BYTES_PER_STEP = 8 * 1024 * 1024
_GONE = "The database file was deleted, moved or replaced"


class OpenFile:
    """The file of an open database; a database in memory has none, and is always in place."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._path = find_path(connection)
        self._identity = _find_identity(self._path) if self._path else None

    def is_in_place(self) -> bool:
        """Tell whether the file at the path is the one that is open; one that can't be looked at may be."""
        try:
            return self._path is None or _find_identity(self._path) == self._identity
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def put_back(self, data_dir: Path) -> None:
        """Write what is open to its place again, put another file there aside, and report it.

        Nothing may be written into the database meanwhile, nor after it: only a new process opens that file.

        Args:
            data_dir: where the incident and the other file go.

        Raises:
            StoreError: it can't be written.
        """
        try:
            self._connection.execute("CHECKPOINT")  # of a file that no process opens again
            moved_to = self._write(data_dir)
        except (OSError, StoreError, duckdb.TransactionException) as error:
            raise StoreError(f"{_GONE}, and can't be written anew: {describe(error)}") from None
        report(data_dir, f"{_GONE} while in use: the store wrote it anew, with all that it held.", moved_to=moved_to)

    def _write(self, data_dir: Path) -> Path | None:
        if not (self._path and self._identity):
            return None
        path, descriptor = self._path, _find_descriptor(self._identity)
        size = os.fstat(descriptor).st_size
        if lack := find_lack_of_room(path.parent, size):
            raise StoreError(lack)
        with open_whole(path) as file:
            while piece := os.pread(descriptor, _BYTES_PER_STEP, file.tell()):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            return set_aside([path, path.with_name(f"{path.name}.wal")], data_dir)


def find_path(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """Return the path of a database's file; None for a database in memory."""
    (path,) = connection.execute(_PATH).fetchone() or (None,)
    return Path(path).resolve() if path else None


def find_descriptor(path: Path) -> int:
    """Find DuckDB's own descriptor of a file: the locks of a file go when any other descriptor of it is closed.

    Raises:
        OSError: the file can't be looked at.
        StoreError: this process has not opened it.
    """
    return _find_descriptor(_find_identity(path))


def _find_descriptor(identity: tuple[int, int]) -> int:
    for each in Path(_DESCRIPTORS).iterdir():
        try:
            status = os.fstat(int(each.name))
        except OSError:  # the one with which they are listed
            continue
        if (status.st_dev, status.st_ino) == identity:
            return int(each.name)
    raise StoreError("no descriptor of it is open in this process")


def _find_identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
