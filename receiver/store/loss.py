"""Notices that a database has lost notifications: it holds fewer than the note says that it held before."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import duckdb

from receiver.data_directory.incidents import Incident, report, set_aside
from receiver.database.appended import Appended, read_appended, write_appended
from receiver.database.extent import count_notifications, read_dropped, read_watermarks
from receiver.database.opening import run
from receiver.settings import Settings
from receiver.spool import Positions
from receiver.spool.owners import describe_doubt, list_former_spools, open_spool

_KIND = "notifications"
_TRIES = 3


def read_extent(connection: duckdb.DuckDBPyConnection) -> Appended:
    """Read how far a database has come."""
    read = partial(run, connection)
    stored, dropped = count_notifications(read), read_dropped(read)
    last_seq, ever = max(stored.last_seq, dropped.last_seq), stored.notifications + dropped.notifications
    return Appended(last_seq, ever, read_watermarks(read))


def notice_loss(settings: Settings, connection: duckdb.DuckDBPyConnection, kept: Sequence[Path]) -> list[Incident]:
    """Report that the database, which opened without an error, holds less than before.

    Args:
        settings: where the note and the spool lie.
        connection: the opened database.
        kept: copies of its WAL from before it was opened, which are put aside then.
    """
    before, now = read_appended(settings.data_dir), read_extent(connection)
    is_behind = bool(before.list_ahead(now.positions))
    missing = describe_loss(settings, now) if before.notifications > now.notifications else None
    if not (is_behind or missing):
        return []
    what = (
        f"{settings.database.name} opened at seq {now.seq} without an error, but {before.seq} had been appended: its "
        "WAL is missing or ends early, or another file is in its place. The spool fills in what it still holds."
    )
    incident = report(settings.data_dir, what, moved_to=set_aside(kept, settings.data_dir), missing=missing)
    # Report it only once: from now on this is the database's state.
    note = before._replace(notifications=now.notifications, positions=now.positions)
    with contextlib.suppress(OSError):
        write_appended(settings.data_dir, note)
    return [incident]


def describe_loss_of_gone(settings: Settings, backup: Path) -> str | None:
    """Describe the notifications of a database which is gone that neither the spool nor a backup holds; None if none.

    Args:
        settings: where the database was; the note of how far the store came tells what it had.
        backup: takes its place; it was checked.
    """
    if not read_appended(settings.data_dir).seq:
        return None
    with duckdb.connect(str(backup), read_only=True) as connection:
        return describe_loss(settings, read_extent(connection))


def describe_loss(settings: Settings, now: Appended | None) -> str | None:
    """Describe the notifications that neither the spool nor a database holds; None if there are none.

    Args:
        settings: where the note and the spool lie.
        now: how far the database has come; None without one.
    """
    before, now = read_appended(settings.data_dir), now or Appended(0, 0, {})
    is_shared = settings.shared_spool is not None
    doubt = None if is_shared else describe_doubt(list_former_spools(settings))
    if not before.seq:
        return _doubt("All notifications that were stored, except those that the spool still holds", doubt)
    ends = _read_ends_in_shared_spool(before) if is_shared else _read_ends(settings)
    again = _count_up_to(before.positions, ends) - _count_up_to(now.positions, ends)
    missing = before.notifications - now.notifications - again
    if missing <= 0:
        return None
    which = f"with seq {now.seq + 1} to {before.seq}" if now.seq < before.seq else f"with a seq below {now.seq}"
    lost = _doubt(f"About {missing} notifications {which}, which neither the spool holds nor a backup", doubt)
    return f"{lost} Restore a later backup, or recover them from what was moved."


def _doubt(lost: str, doubt: str | None) -> str:
    """End a sentence on what is lost, with what is not known."""
    if doubt is None:
        return f"{lost}."
    return f"{lost}, and {doubt}. Once that spool has brought them, run `clc-receiver accept-loss`."


def _count_up_to(positions: Positions, ends: Mapping[str, int | None]) -> int:
    """Count the notifications up to these positions that the spool holds."""
    return sum(min(end or 0, positions.get((segment, _KIND), 0)) for segment, end in ends.items())


def _read_ends_in_shared_spool(before: Appended) -> dict[str, int | None]:
    """Return how far the shared spool goes at least: the note names its segments alone.

    It keeps what a database's file did not hold at a checkpoint; of an older file, the reader says what is deleted.
    """
    return {segment: at for (segment, kind), at in before.positions.items() if kind == _KIND}


def _read_ends(settings: Settings) -> dict[str, int | None]:
    """Return the position of the last notification in each segment; None where it can't be read.

    An error of the moment must not make notifications look lost, so a failing read is tried again.
    """
    for _ in range(_TRIES):
        ends = _try_to_read_ends(settings)
        if None not in ends.values():
            break
    return ends


def _try_to_read_ends(settings: Settings) -> dict[str, int | None]:
    with contextlib.closing(open_spool(settings)) as reader:
        return {segment.name: segment.find_last_position(_KIND) for segment in reader.list_segments()}
