"""Compares blocks of a DuckDB file with their checksums, as a process of its own, which reads their numbers (JSON).

DuckDB checks a block when it reads it from the disk: seldom a block that lies in its memory, never a block that no
query needs. Opening and closing the file in the store's own process would release DuckDB's lock on it.

The format is DuckDB's own (`single_file_block_manager.cpp` and `checksum.cpp` of its source): three headers of 4,096
bytes, then blocks of one size, each with a checksum of eight bytes and its content.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

_HEADERS_BYTES = 3 * 4096
_SEED = np.uint64(5381)
_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_BLOCKS_PER_STEP = 16


def is_block_whole(block: bytes, size: int) -> bool:
    """Tell whether a block is there and its checksum fits its content."""
    if len(block) < size:
        return False
    words = np.frombuffer(block, "<u8")
    return bool(words[0] == _SEED ^ np.bitwise_xor.reduce(words[1:] * _FACTOR))


def read_blocks(path: Path, size: int, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of a file with their numbers; of those beyond its end, what is there.

    The blocks are read from the disk, if the system drops its cache of the file.
    """
    with path.open("rb", buffering=0) as file:
        for number in numbers:
            at = _HEADERS_BYTES + number * size
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), at, size, os.POSIX_FADV_DONTNEED)
            yield number, os.pread(file.fileno(), size, at)


def find_damaged_blocks(path: Path, size: int, numbers: Iterable[int], bytes_per_second: float) -> Iterator[int]:
    """Yield the numbers of damaged and missing blocks, also of those that are not in use."""
    began = time.monotonic()
    for done, (number, block) in enumerate(read_blocks(path, size, numbers), start=1):
        if not is_block_whole(block, size):
            yield number
        if done % _BLOCKS_PER_STEP == 0:
            print(json.dumps({"read": done}), flush=True)  # noqa: T201 - the process that started this one reads it
            ahead = done * size / bytes_per_second - (time.monotonic() - began) if bytes_per_second else 0
            time.sleep(max(ahead, 0))


def _main() -> None:
    file, size, bytes_per_second = sys.argv[1:]
    numbers = json.load(sys.stdin)
    try:
        damaged = list(find_damaged_blocks(Path(file), int(size), numbers, float(bytes_per_second)))
    except OSError as error:
        sys.exit(str(error))
    print(json.dumps({"damaged": damaged}))  # noqa: T201


if __name__ == "__main__":
    _main()
