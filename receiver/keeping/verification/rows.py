"""Checks single rows: the stored notifications in batches of `seq`, and the spool's rows against the store."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from receiver.database.reading import Reader
from receiver.database.rows import make_numbered, select_numbered
from receiver.errors import TooMuchError
from receiver.files import sql_file
from receiver.keeping.verification.invariants import (
    Handed,
    Judge,
    Original,
    Violation,
    check_copy,
    check_handed,
    check_order,
    check_row,
)
from receiver.keeping.verification.tables import ChangesCheck, Extent, first_values_of
from receiver.notification import Notification, NumberedNotification
from receiver.senders import Senders, load_senders
from receiver.senders.keys import Keys
from receiver.settings import Settings
from receiver.spool import KINDS
from receiver.spool.layout import CANNOT_READ
from receiver.spool.looking import SeenRow, SegmentView, damage_of, segment_paths, view
from receiver.spool.owners import list_former_spools

_ROWS_PER_BATCH = 8_192
_ROWS_PER_TASK = 1_024
_SPOOLED_PER_BATCH = 2_000
_NEXT = "SELECT min(seq) - 1 FROM notifications WHERE seq > ?"
_WATERMARK = "SELECT coalesce(max(position), 0) FROM watermarks WHERE segment = ? AND kind = ?"


def check_stored(
    reader: Reader,
    keys: Keys,
    extent: Extent,
    advance: Callable[[int], None],
    senders: Senders | None = None,
    judge: Judge | None = None,
) -> Iterator[Violation]:
    """Check each notification of an extent: by itself, its place in the order, its original, and its changes.

    Args:
        reader: reads the store.
        keys: the public keys that notifications were received under.
        extent: what to check; memory is bounded whatever its size.
        advance: called with the number of rows done since the last call.
        senders: whose notifications they may be; by default all that the program knows.
        judge: judges signatures of senders without a published key.
    """
    known = load_senders() if senders is None else senders
    last = extent.after
    changes = ChangesCheck(reader, extent, known)
    # Checking a signature lets other threads run meanwhile, and so does waiting for the next batch.
    with ThreadPoolExecutor(os.cpu_count()) as workers, ThreadPoolExecutor(1) as ahead:
        batches = _batches(reader, extent)
        coming = ahead.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = ahead.submit(next, batches, None)
            yield from check_order(((stored.seq, stored.row.id) for stored in batch), last)
            last = max(last, *(stored.seq for stored in batch))
            tasks = workers.map(lambda rows: _check_rows(rows, keys, known, judge), _split(batch))
            for violations in tasks:
                yield from violations
            if any(stored.duplicate_of for stored in batch):
                yield from _check_copies(reader, batch)
            yield from changes.check(batch)
            advance(len(batch))
    yield from changes.check_rest()


def _check_rows(rows: list[NumberedNotification], keys: Keys, senders: Senders, judge: Judge | None) -> list[Violation]:
    return [
        violation for stored in rows for violation in check_row(stored, keys, senders.get(stored.row.sender), judge)
    ]


def _split(batch: list[NumberedNotification]) -> Iterator[list[NumberedNotification]]:
    return (batch[start : start + _ROWS_PER_TASK] for start in range(0, len(batch), _ROWS_PER_TASK))


def _batches(reader: Reader, extent: Extent) -> Iterator[list[NumberedNotification]]:
    query = select_numbered(sql_file(__package__, "notifications.sql"))
    first = first_values_of(reader)
    low, size = extent.after, _ROWS_PER_BATCH
    while low < extent.last:
        high = min(low + size, extent.last)
        try:
            rows = reader.rows(query, [low, high, *first])
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


def check_spooled(reader: Reader, directory: Path) -> Iterator[Violation]:
    """Check each row of a spool, while listener and store may be at work on it."""
    try:
        paths = segment_paths(directory)
    except OSError as error:
        yield Violation("spool", None, None, f"The spool {directory} can't be listed ({error.strerror}).")
        return
    for path in paths:
        try:
            with view(path) as segment:
                for kind in KINDS.values():
                    yield from _check_segment(reader, segment, kind)
            damage = damage_of(path)
        except (*CANNOT_READ, OSError, ValueError) as error:
            damage = f"it can't be read ({error})"
        # A segment that is gone was appended whole meanwhile.
        if damage and path.exists():
            yield Violation("spool", None, None, f"The segment {path} is damaged: {damage}.")


def check_former(reader: Reader, settings: Settings) -> Iterator[Violation]:
    """Name the spools that were used before and still have rows, and check those rows."""
    for former in list_former_spools(settings):
        then = former.trouble or "still has rows: `clc-receiver serve` takes them"
        yield Violation("spool", None, None, f"The former spool {former.directory} {then}.")
        if former.trouble is None:
            yield from check_spooled(reader, former.directory)


def _check_segment(reader: Reader, segment: SegmentView, kind: str) -> Iterator[Violation]:
    position = 0
    while True:
        before = _watermark(reader, segment, kind)
        rows = segment.read(kind, position, _SPOOLED_PER_BATCH)
        if not rows:
            return
        for row in rows:
            if row.damage:
                where = f"In the segment {segment.name} {kind} {row.position} is damaged"
                yield Violation("spool", row.id, None, f"{where}: {row.damage}.")
        stored = _read_stored(reader, rows)
        after = _watermark(reader, segment, kind)
        # Refused notifications have a byte budget, so an appended one may be gone again.
        passed = before if kind == KINDS[Notification] else 0
        yield from check_handed(
            Handed(row.id, row.position, passed, after, sha256(row.body).hexdigest(), stored.get(str(row.id)))
            for row in rows
        )
        position = rows[-1].position


def _watermark(reader: Reader, segment: SegmentView, kind: str) -> int:
    return int(reader.rows(_WATERMARK, [segment.name, kind])[0][0])


def _read_stored(reader: Reader, rows: list[SeenRow]) -> dict[str, str]:
    ids = [str(row.id) for row in rows]
    return dict(reader.rows(sql_file(__package__, "stored_of.sql"), [ids, ids]))
