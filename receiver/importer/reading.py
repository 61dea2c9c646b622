"""Opens archives, and notices at once a file that is another thing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from receiver.errors import ArchiveError

STANDARD_INPUT = Path("-")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KINDS = {
    "is compressed with gzip: unpack it, for example `gzip -dc FILE | clc-receiver import -`": (0, b"\x1f\x8b"),
    "is compressed with zstd: unpack it, for example `zstd -dc FILE | clc-receiver import -`": (0, b"\x28\xb5\x2f\xfd"),
    "is a ZIP archive: unpack it": (0, b"PK\x03\x04"),
    "is a DuckDB database: `clc-receiver restore` puts a backup in place": (8, b"DUCK"),
    "is a Parquet file: `clc-analytics export -o FILE.jsonl` writes an archive": (0, b"PAR1"),
    "is an SQLite database": (0, b"SQLite format 3\0"),
}
"""What another file is and what to do, by the bytes at a place of its beginning."""


@contextmanager
def open_archive(path: Path) -> Iterator[BinaryIO]:
    """Open an archive behind its byte-order mark, or standard input where the path is `-`.

    Raises:
        ArchiveError: it can't be opened, or is no archive.
    """
    try:
        file = sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb")
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    with file:
        if isinstance(file, BufferedReader):
            _look_at_beginning(file, path)
        yield file


def name_archive(path: Path) -> str:
    """Return the name of an archive for messages."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def _look_at_beginning(file: BufferedReader, path: Path) -> None:
    try:
        begin = file.peek(16)
        if begin.startswith(_BYTE_ORDER_MARK):
            file.read(len(_BYTE_ORDER_MARK))
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    for what, (place, magic) in _KINDS.items():
        if begin[place:].startswith(magic):
            raise ArchiveError(f"{name_archive(path)} {what}. An archive has a JSON object a line.")
