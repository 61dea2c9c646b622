"""Checks the spool's rows against the store: each waits or is stored, with the same bytes."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from receiver.database.reading import Reader
from receiver.keeping.invariants import Handed, Violation, check_handed
from receiver.notification import Notification
from receiver.program import sql_file
from receiver.settings import Settings
from receiver.spool import KINDS
from receiver.spool.layout import CANNOT_READ
from receiver.spool.looking import SeenRow, SegmentView, damage_of, segment_paths, view
from receiver.spool.owners import list_former_spools

_ROWS_PER_BATCH = 2_000
_WATERMARK = "SELECT coalesce(max(position), 0) FROM watermarks WHERE segment = ? AND kind = ?"


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
        rows = segment.read(kind, position, _ROWS_PER_BATCH)
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
