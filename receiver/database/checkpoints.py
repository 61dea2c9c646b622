"""Makes checkpoints that a kill or a power cut can't tear.

A checkpoint writes rows into free blocks of the file. But its metadata (where the rows of each table lie) goes into the
blocks that hold the metadata of the checkpoint before, too. If the process dies in the middle of such a write, the
block's checksum is wrong, and DuckDB opens nothing of the file. So before each checkpoint these blocks are copied to a
file beside the database. The file's headers are written last: where they are still those of the copy, the checkpoint
did not come to its end, and before the database is opened the blocks are written back. Its WAL then holds the rest.

Source: DuckDB 2.0's `MetadataManager` and `SingleFileBlockManager`; `PRAGMA metadata_info` lists the blocks.
"""

import contextlib
import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import duckdb

from receiver.database.open_file import find_descriptor, find_path
from receiver.errors import StoreError
from receiver.files import open_whole
from receiver.logs import describe

_HEADERS = 3 * 4096
"""The bytes at the begin of the file: its main header, and the headers of the last two checkpoints."""
_BLOCKS = """
SELECT block_id, block_size
FROM pragma_metadata_info(), pragma_database_size()
WHERE database_name = current_database()
ORDER BY block_id
"""
_PLACE = struct.Struct("<QQ")
"""Where in the file a copied block belongs, and its bytes; then these follow."""

_log = logging.getLogger(__name__)


def checkpoint(connection: duckdb.DuckDBPyConnection) -> None:
    """Write all that is committed to the database's file, so that a kill at any moment leaves a file that opens.

    Raises:
        duckdb.TransactionException: there was no checkpoint; trying again later may help.
        duckdb.Error: there was none, and the database can be used by a new process only.
    """
    path = find_path(connection)
    if path:
        try:
            _copy_metadata(connection, path)
        except (OSError, StoreError, duckdb.OutOfMemoryException) as error:
            raise duckdb.TransactionException(
                f"what a checkpoint overwrites can't be copied to {name_copy(path)} first: {describe(error)}"
            ) from None
    connection.execute("CHECKPOINT").fetchall()
    if path:
        with contextlib.suppress(OSError):  # the headers tell that it is of no use any more
            name_copy(path).unlink()


def undo_interrupted(database: Path) -> None:
    """Write the metadata of before an interrupted checkpoint back, if there was one, while no process has the database.

    Raises:
        StoreError: another process has it.
        OSError: it can't be read or written.
    """
    copy = name_copy(database)
    for unfinished in copy.parent.glob(f".{copy.name}.*"):
        unfinished.unlink()
    if not copy.exists():
        return
    if database.exists():
        _write_back(copy, database)
    copy.unlink()  # so that it never meets another database


def name_copy(database: Path) -> Path:
    """Name the file that holds what a checkpoint overwrites."""
    whole = Path(os.path.realpath(database))
    return whole.with_name(f"{whole.name}.undo")


def _copy_metadata(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    descriptor = find_descriptor(path)
    end = os.fstat(descriptor).st_size
    blocks = connection.execute(_BLOCKS).fetchall()
    with open_whole(name_copy(path)) as copy:
        copy.write(os.pread(descriptor, _HEADERS, 0))
        for number, size in blocks:
            place = _HEADERS + number * size
            if place + size <= end:  # others were not written yet
                copy.write(_PLACE.pack(place, size) + os.pread(descriptor, size, place))


def _write_back(copy: Path, database: Path) -> None:
    with database.open("r+b") as file, copy.open("rb") as copied:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise StoreError(f"{database} can't be opened: another process has it.") from None
        if file.read(_HEADERS) == copied.read(_HEADERS):
            for place, block in _read_blocks(copied):
                file.seek(place)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            _log.warning(
                "a checkpoint of %s was interrupted, and is undone: its WAL holds what it was to write", database
            )


def _read_blocks(copied: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    while head := copied.read(_PLACE.size):
        place, size = _PLACE.unpack(head)
        yield place, copied.read(size)
