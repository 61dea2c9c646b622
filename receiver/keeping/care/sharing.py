"""The state of the shared spool and its machines; where no store runs, the shipper writes it to `sharing.json`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError

from receiver.data_directory.node import has_store
from receiver.data_directory.times import is_recent
from receiver.files import write_whole
from receiver.spool import Watermarks

if TYPE_CHECKING:
    from receiver.shared_spool import NodeRow, Overview

FILE = "sharing.json"
_FRESH = timedelta(seconds=30)


class Machine(NamedTuple):
    """A machine that shares the spool: how long it was not seen, and how far its store is behind.

    `lacks_rows` says that rows it needs are deleted; `is_holding` that it keeps others from being deleted.
    `clock_ahead_seconds` says how far its clock is ahead of PostgreSQL's, None where that is not known.
    """

    id: str
    name: str
    version: str
    role: str
    unseen_seconds: float
    rows_behind: int
    seconds_behind: float
    lacks_rows: bool
    is_holding: bool
    is_this: bool
    clock_ahead_seconds: float | None = None


class SharedSpool(NamedTuple):
    """Why and since when the shared spool can't be used, and how many of its rows are not stored here.

    `obstacle` is why rows that this store needs are missing in it, or may be. `machines` is empty, and `kept_seconds`,
    the age of its oldest row, None, while they are not known. `has_backup` says whether a backup of any machine holds
    that row.
    """

    failure: str | None
    since: datetime | None
    rows: int
    obstacle: str | None = None
    machines: tuple[Machine, ...] = ()
    kept_seconds: float | None = None
    has_backup: bool = True


class SharingNote(BaseModel):
    """The note of a shipper: what it knows, and how many rows of this machine's segments the shared spool holds.

    `sent` is null as long as that is not known.
    """

    at: datetime
    shared: SharedSpool
    sent: list[tuple[str, str, int]] | None

    @property
    def watermarks(self) -> Watermarks:
        """How many rows of each segment and kind the shared spool holds."""
        return {(segment, kind): position for segment, kind, position in self.sent or ()}

    def read_shared(self, now: datetime) -> SharedSpool | None:
        """Return what the shipper knows; None if it has written nothing for a while, by a clock set back since too."""
        return self.shared if is_recent(self.at, _FRESH, now) else None


def write_sharing_note(data_dir: Path, shared: SharedSpool, sent: Watermarks | None) -> None:
    """Replace the note.

    Raises:
        OSError: it can't be written.
    """
    listed = None if sent is None else [(*place, position) for place, position in sent.items()]
    note = SharingNote(at=datetime.now(UTC), shared=shared, sent=listed)
    write_whole(data_dir / FILE, note.model_dump_json(indent=1), synced=False)


def read_sharing_note(data_dir: Path) -> SharingNote | None:
    """Read the note; None where there is none, or another version wrote it."""
    try:
        return SharingNote.model_validate_json((data_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def add_machines(shared: SharedSpool, overview: "Overview | None", this: UUID) -> SharedSpool:
    """Add the machines that share the spool, as far as they are known; `this` is this one's id."""
    if overview is None:
        return shared
    return shared._replace(
        machines=tuple(_make_machine(node, overview, this) for node in overview.nodes),
        kept_seconds=overview.oldest_seconds,
        has_backup=any(node.backed_up >= overview.oldest for node in overview.nodes),
    )


def _make_machine(node: "NodeRow", overview: "Overview", this: UUID) -> Machine:
    return Machine(
        id=str(node.node),
        name=node.name,
        version=node.version,
        role=node.role,
        unseen_seconds=node.unseen_seconds,
        rows_behind=node.rows_behind,
        seconds_behind=node.seconds_behind,
        lacks_rows=node.lacks_rows,
        is_holding=has_store(node.role) and node.checkpointed < overview.oldest,
        is_this=node.node == this,
        clock_ahead_seconds=node.clock_ahead,
    )
