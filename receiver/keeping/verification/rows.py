"""Checks single rows: the stored notifications in batches of `seq`, and the spool's rows against the store."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from receiver.database.extent import read_dropped, read_watermark
from receiver.database.reading import Reader
from receiver.database.rows import make_numbered, select_numbered
from receiver.deriving.derived import Cause
from receiver.errors import TooMuchError
from receiver.files import read_sql_file
from receiver.keeping.verification.checkers.changes import (
    Scope,
    StoredChange,
    check_derived,
    check_orphans,
    read_changes,
    read_missing,
)
from receiver.keeping.verification.checkers.parts import Checked, Part, Pending
from receiver.keeping.verification.checkers.workers import Checker
from receiver.keeping.verification.invariants import (
    Handed,
    Original,
    Violation,
    check_copy,
    check_handed,
    check_order,
)
from receiver.keeping.verification.tables import Extent, read_first_values
from receiver.notification import Notification, NumberedNotification
from receiver.senders.judge import Unjudged
from receiver.settings import Settings
from receiver.spool import KINDS
from receiver.spool.layout import CANNOT_READ
from receiver.spool.looking import SeenRow, SegmentView, find_damage, list_segment_paths, view
from receiver.spool.owners import list_former_spools

_ROWS_PER_BATCH = 8_192
_AHEAD = 2
"""How many batches are begun beyond the one whose results are awaited, so that no checker waits for another."""
_SPOOLED_PER_BATCH = 2_000
_NEXT = "SELECT min(seq) - 1 FROM notifications WHERE seq > ?"
_seq_of = itemgetter(Cause._fields.index("seq"))


class _Batch(NamedTuple):
    """Notifications in order of `seq`: as they were read, as they are, and their changes."""

    rows: list[tuple[Any, ...]]
    notifications: list[NumberedNotification]
    changes: list[StoredChange]


class Tally:
    """Counts the signatures of senders without a published key."""

    def __init__(self) -> None:
        self.judged = Counter[str]()
        """How many were judged, by sender."""
        self.unjudged = Counter[Unjudged]()
        """How many could not be, by the reason."""

    def add(self, checked: Checked) -> None:
        """Add the counts of a part."""
        self.judged += checked.judged
        self.unjudged += checked.unjudged


def check_stored(
    reader: Reader,
    scope: Scope | None,
    extent: Extent,
    checkers: Sequence[Checker],
    advance: Callable[[int], None],
    tally: Tally,
) -> Iterator[Violation]:
    """Check each notification of an extent: by itself, its place in the order, its original, and its changes.

    Args:
        reader: reads the store.
        scope: see `Means`.
        extent: what to check; memory is bounded whatever its size.
        checkers: share the work.
        advance: called with the number of rows done since the last call.
        tally: counts signatures.
    """  # fmt: skip
    last = extent.after
    missing = read_missing(reader)
    begun: deque[tuple[_Batch, list[Pending]]] = deque()
    for batch in chain(_read_ahead(_read_batches(reader, extent, with_changes=scope is not None)), [None] * _AHEAD):
        if batch:
            begun.append((batch, _begin(batch, checkers)))
        if begun and (batch is None or len(begun) > _AHEAD):
            done, parts = begun.popleft()
            yield from check_order(((stored.seq, stored.row.id) for stored in done.notifications), last)
            last = max(last, *(stored.seq for stored in done.notifications))
            yield from _end(reader, done, parts, tally)
            advance(len(done.rows))
    if scope:
        yield from check_orphans(reader)
    rest = [pending() for pending in [checker.finish() for checker in checkers]]
    for checked in rest:
        tally.add(checked)
        missing = checked.missing | missing
    yield from check_derived(missing)
    yield from _in_order(checked.changes for checked in rest)


def _read_ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """Yield batches; the next one is read meanwhile."""
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = ahead.submit(next, batches, None)
            yield batch


def _begin(batch: _Batch, checkers: Sequence[Checker]) -> list[Pending]:
    """Begin to check a batch, each entity with a checker of its own."""
    if len(checkers) == 1:
        return [checkers[0].check(Part(batch.rows, batch.changes))]
    parts = [Part([], []) for _ in checkers]
    part_of: dict[int, Part] = {}
    for read, (seq, row, _) in zip(batch.rows, batch.notifications, strict=True):
        owner = seq if row.entity_id is None else hash((row.sender, row.category, row.entity_id))
        part_of[seq] = parts[owner % len(parts)]
        part_of[seq].rows.append(read)
    for change in batch.changes:
        if part := part_of.get(_seq_of(change)):
            part.changes.append(change)
    return [checker.check(part) for checker, part in zip(checkers, parts, strict=True) if part.rows]


def _end(reader: Reader, batch: _Batch, parts: list[Pending], tally: Tally) -> Iterator[Violation]:
    """Wait for the parts of a batch, and yield what they found in order of `seq`."""
    checked = [pending() for pending in parts]
    for each in checked:
        tally.add(each)
    yield from _in_order(each.violations for each in checked)
    if any(stored.duplicate_of for stored in batch.notifications):
        yield from _check_copies(reader, batch.notifications)
    yield from _in_order(each.changes for each in checked)


def _in_order(found: Iterable[list[Violation]]) -> list[Violation]:
    return sorted(chain.from_iterable(found), key=lambda violation: violation.seq or 0)


def _read_batches(reader: Reader, extent: Extent, *, with_changes: bool) -> Iterator[_Batch]:
    query = select_numbered(read_sql_file(__package__, "notifications.sql"))
    first = read_first_values(reader)
    low, size = extent.after, _ROWS_PER_BATCH
    while low < extent.last:
        high = min(low + size, extent.last)
        try:
            rows = reader.read_rows(query, [low, high, *first])
        except TooMuchError:
            if size == 1:
                raise
            size //= 2
            continue
        if rows:
            yield _Batch(
                rows, list(map(make_numbered, rows)), read_changes(reader, low + 1, high) if with_changes else []
            )
            low = high
        else:
            ((before_next,),) = reader.read_rows(_NEXT, [low])
            # The store may have dropped the last ones meanwhile.
            low = extent.last if before_next is None else before_next


def _check_copies(reader: Reader, batch: list[NumberedNotification]) -> Iterator[Violation]:
    copies = {stored.seq: stored for stored in batch if stored.duplicate_of}
    low, high = min(copies) - 1, max(copies)
    for seq, *original in reader.read_rows(read_sql_file(__package__, "originals.sql"), [low, high]):
        if seq in copies:
            yield from check_copy(copies[seq], Original._make(original))


def check_spooled(reader: Reader, directory: Path) -> Iterator[Violation]:
    """Check each row of a spool, while listener and store may be at work on it."""
    try:
        paths = list_segment_paths(directory)
    except OSError as error:
        yield Violation("spool", None, None, f"The spool {directory} can't be listed ({error.strerror}).")
        return
    for path in paths:
        try:
            with view(path) as segment:
                for kind in KINDS.values():
                    yield from _check_segment(reader, segment, kind)
            damage = find_damage(path)
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
        before = read_watermark(reader.read_rows, segment.name, kind)
        rows = segment.read(kind, position, _SPOOLED_PER_BATCH)
        if not rows:
            return
        for row in rows:
            if row.damage:
                where = f"In the segment {segment.name} {kind} {row.position} is damaged"
                yield Violation("spool", row.id, None, f"{where}: {row.damage}.")
        stored = _read_stored(reader, rows)
        after = read_watermark(reader.read_rows, segment.name, kind)
        dropped = read_dropped(reader.read_rows)  # once more for each batch: old months may be dropped meanwhile
        # Refused notifications have a byte budget, so an appended one may be gone again.
        passed = before if kind == KINDS[Notification] else 0
        yield from check_handed(
            Handed(
                row.id,
                row.position,
                passed if row.received_at >= dropped.before else 0,
                after,
                sha256(row.body).hexdigest(),
                stored.get(str(row.id)),
            )
            for row in rows
        )
        position = rows[-1].position


def _read_stored(reader: Reader, rows: list[SeenRow]) -> dict[str, str]:
    ids = [str(row.id) for row in rows]
    return dict(reader.read_rows(read_sql_file(__package__, "stored_of.sql"), [ids, ids]))
