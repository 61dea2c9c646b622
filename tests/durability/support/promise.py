"""Whether the promise was kept: what was acknowledged, what is kept, and what the invariants say of both."""

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.keeping.verification.invariants import Violation, check_order
from receiver.notification import Notification
from receiver.spool import Segment

_STORED = "SELECT seq, id::VARCHAR AS id, sha256(payload) AS sha256 FROM notifications ORDER BY seq"
_WATERMARKS = "SELECT segment, position FROM watermarks WHERE kind = 'notifications'"


class Kept(NamedTuple):
    """A notification as the receiver keeps it; `seq` is None while it waits in the spool."""

    id: UUID
    sha256: str
    seq: int | None = None


def check_acknowledged(acknowledged: Mapping[UUID, str], kept: Iterable[Kept]) -> Iterator[Violation]:
    """Check that every notification that got a 200 is kept once, byte for byte.

    Args:
        acknowledged: the SHA-256 of each body, in hexadecimal, by the id that the answer gave.
        kept: all rows of the store, and the spool's that the store has not appended.
    """
    seen: set[UUID] = set()
    for row in kept:
        if row.id in seen:
            yield Violation("doubled", row.id, row.seq, "It is kept more than once.")
        elif row.id in acknowledged and row.sha256 != acknowledged[row.id]:
            yield Violation("altered", row.id, row.seq, "Its body is not the one that was acknowledged.")
        seen.add(row.id)
    for missing in acknowledged.keys() - seen:
        yield Violation("lost", missing, None, "It was acknowledged and is in neither store nor spool.")


def acknowledged(*reports: Path) -> dict[UUID, str]:
    """Read what got a 200, from the reports of `simulate --report`: the bodies' SHA-256 by id."""
    lines = (json.loads(line) for report in reports for line in report.read_text().splitlines())
    return {UUID(line["id"]): line["sha256"] for line in lines if line["status"] == 200}


def stored_in(database: Path) -> list[Kept]:
    """Read a database file that nobody is writing."""
    with duckdb.connect(str(database), read_only=True) as store:
        return [Kept(UUID(name), digest, seq) for seq, name, digest in store.execute(_STORED).fetchall()]


def stored_by(receiver) -> list[Kept]:
    """Ask a running receiver."""
    return [Kept(UUID(row["id"]), row["sha256"], row["seq"]) for row in receiver.sql(_STORED)]


def waiting_in(spool: Path, watermarks: dict[str, int]) -> Iterator[Kept]:
    """Read the notifications that a spool holds beyond the watermarks of its segments."""
    for path in sorted(spool.glob("*.sqlite")):
        segment = Segment(path)
        for row in segment.read("notifications", watermarks.get(path.stem, 0), 1_000_000):
            assert isinstance(row.row, Notification)
            yield Kept(row.row.id, sha256(row.row.payload).hexdigest())
        segment.close()


def kept_in(data_dir: Path) -> list[Kept]:
    """Read database and spool of a data directory that no `serve` is using."""
    database = data_dir / "clc.duckdb"
    with duckdb.connect(str(database), read_only=True) as store:
        watermarks = dict(store.execute(_WATERMARKS).fetchall())
    return [*stored_in(database), *waiting_in(data_dir / "spool", watermarks)]


def broken(promised: dict[UUID, str], kept: list[Kept]) -> list[Violation]:
    """List what is not as promised: each acknowledged id kept once with its bytes, and `seq` growing."""
    order = check_order((row.seq, row.id) for row in kept if row.seq is not None)
    return [*check_acknowledged(promised, kept), *order]
