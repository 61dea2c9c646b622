"""Checks the stored notifications, in batches of `seq`."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from receiver.database.reading import Reader
from receiver.database.rows import make_numbered, select_numbered
from receiver.errors import TooMuchError
from receiver.keeping.invariants import Original, Violation, check_copy, check_order, check_row
from receiver.keeping.verification.changes import ChangesCheck
from receiver.keeping.verification.whole import Extent
from receiver.notification import NumberedNotification
from receiver.program import sql_file
from receiver.senders.keys import Keys

_ROWS_PER_BATCH = 8_192
_ROWS_PER_TASK = 1_024
_NEXT = "SELECT min(seq) - 1 FROM notifications WHERE seq > ?"


def check_stored(reader: Reader, keys: Keys, extent: Extent, advance: Callable[[int], None]) -> Iterator[Violation]:
    """Check each notification of an extent: by itself, its place in the order, its original, and its changes.

    Args:
        reader: reads the store.
        keys: the public keys that notifications were received under.
        extent: what to check; memory is bounded whatever its size.
        advance: called with the number of rows done since the last call.
    """
    last = extent.after
    changes = ChangesCheck(reader, extent)
    # Checking a signature lets other threads run meanwhile, and so does waiting for the next batch.
    with ThreadPoolExecutor(os.cpu_count()) as workers, ThreadPoolExecutor(1) as ahead:
        batches = _batches(reader, extent)
        coming = ahead.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = ahead.submit(next, batches, None)
            yield from check_order(((stored.seq, stored.row.id) for stored in batch), last)
            last = max(last, *(stored.seq for stored in batch))
            tasks = workers.map(lambda rows: _check_rows(rows, keys), _split(batch))
            for violations in tasks:
                yield from violations
            if any(stored.duplicate_of for stored in batch):
                yield from _check_copies(reader, batch)
            yield from changes.check(batch)
            advance(len(batch))
    yield from changes.check_rest()


def _check_rows(rows: list[NumberedNotification], keys: Keys) -> list[Violation]:
    return [violation for stored in rows for violation in check_row(stored, keys)]


def _split(batch: list[NumberedNotification]) -> Iterator[list[NumberedNotification]]:
    return (batch[start : start + _ROWS_PER_TASK] for start in range(0, len(batch), _ROWS_PER_TASK))


def _batches(reader: Reader, extent: Extent) -> Iterator[list[NumberedNotification]]:
    query = select_numbered(sql_file(__package__, "notifications.sql"))
    low, size = extent.after, _ROWS_PER_BATCH
    while low < extent.last:
        high = min(low + size, extent.last)
        try:
            rows = reader.rows(query, [low, high])
        except TooMuchError:
            if size == 1:
                raise
            size //= 2
            continue
        if rows:
            yield list(map(make_numbered, rows))
        low = high if rows else int(reader.rows(_NEXT, [low])[0][0])


def _check_copies(reader: Reader, batch: list[NumberedNotification]) -> Iterator[Violation]:
    copies = {stored.seq: stored for stored in batch if stored.duplicate_of}
    low, high = min(copies) - 1, max(copies)
    for seq, *original in reader.rows(sql_file(__package__, "originals.sql"), [low, high]):
        if seq in copies:
            yield from check_copy(copies[seq], Original._make(original))
