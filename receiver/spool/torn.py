"""Finds commits in a segment's WAL that SQLite ignores: it reads up to the first bad frame, without an error.

The format is SQLite's own (https://www.sqlite.org/fileformat2.html#walformat). A writer killed in the middle of a
commit leaves frames behind that were never acknowledged; those are no damage, as nothing follows them.
"""

import struct
from pathlib import Path

_HEADER = 32
_FRAME_HEADER = 24
_INDEX_MAX_FRAME = 16
_MAGIC_LITTLE_ENDIAN = 0x377F0682
_MAGIC_BIG_ENDIAN = 0x377F0683


def find_unreadable_commits(segment: Path) -> str | None:
    """Describe the part of a segment's WAL that is lost, or that SQLite would delete; None if it is whole.

    Args:
        segment: its file, which nobody has open.

    Raises:
        OSError: one of its files can't be read now.
    """
    wal = _read(segment.with_name(segment.name + "-wal"))
    index = _read(segment.with_name(segment.name + "-shm"))
    (expected,) = struct.unpack_from("=I", index, _INDEX_MAX_FRAME) if len(index) > _INDEX_MAX_FRAME + 4 else (0,)
    if not wal:
        return f"its WAL is missing, with {expected} frames" if expected else None
    if not segment.stat().st_size:
        return "its main file is empty, and the WAL beside it is not"  # SQLite would delete that
    try:
        good, follows = _commits(wal)
    except ValueError:
        return "the head of its WAL is damaged"
    if follows:
        return f"its WAL is damaged after frame {good}, and a commit follows there"
    return f"its WAL ends after frame {good} of {expected}" if good < expected else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _commits(wal: bytes) -> tuple[int, bool]:
    """Count the frames up to the last commit that SQLite sees, and tell whether it ignores a later commit.

    Raises:
        ValueError: the WAL's head is damaged.
    """
    if len(wal) < _HEADER:
        raise ValueError("too short")
    magic, _, page_size = struct.unpack_from(">III", wal)
    order = ">" if magic == _MAGIC_BIG_ENDIAN else "<"
    sums = _checksum(wal[:24], order, (0, 0))
    if magic not in (_MAGIC_LITTLE_ENDIAN, _MAGIC_BIG_ENDIAN) or sums != struct.unpack_from(">II", wal, 24):
        raise ValueError("checksum")
    good = 0
    whole = True
    size = _FRAME_HEADER + page_size
    for number, offset in enumerate(range(_HEADER, len(wal) - size + 1, size), start=1):
        head = wal[offset : offset + _FRAME_HEADER]
        of_this_run = head[8:16] == wal[16:24]  # others are left over from before the WAL was begun anew
        sums = _checksum(head[:8] + wal[offset + _FRAME_HEADER : offset + size], order, sums) if whole else sums
        whole = whole and of_this_run and sums == struct.unpack_from(">II", head, 16)
        is_commit = head[4:8] != b"\0\0\0\0"
        if whole and is_commit:
            good = number
        elif of_this_run and is_commit:
            return good, True
    return good, False


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
