"""Finds the row at fault: blames it only if a storable row goes in, and remembers a row that ended a store."""

import contextlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import duckdb

from receiver.database.faults import NEEDS_NEW_PROCESS, NotOneRowError
from receiver.database.opening import run
from receiver.database.rows import insert_notifications, insert_rejections
from receiver.files import write_whole
from receiver.logs import describe
from receiver.notification import FIRST_SENDER, Notification, NumberedNotification, Rejection
from receiver.spool import SpooledRow
from receiver.store.appending.exactly_once import roll_back

Places = set[tuple[str, str, int]]
_ID = UUID(int=0)
_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
_ACCEPTED = Notification(
    id=_ID,
    received_at=_MOMENT,
    event_type="Thing.Changed",
    category="Thing",
    action="Changed",
    account_alias="ACME",
    entity_id="THING",
    actor=None,
    occurred_at=_MOMENT,
    signature_status="missing",
    signature=None,
    source_ip=None,
    payload=b'{"thing":1}',
    key_fingerprint=None,
    sender=FIRST_SENDER,
)
_REFUSED = Rejection(
    id=_ID,
    received_at=_MOMENT,
    reason="not_json",
    path="/webhooks/Thing.Changed",
    source_ip=None,
    headers="{}",
    body=b"no json",
    sender=FIRST_SENDER,
)


def check_takes_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert rows that are known to be storable, and undo that.

    Raises:
        NotOneRowError: they can't be inserted, so no row is at fault.
        duckdb.Error: only a new process can go on.
    """
    run(connection, "BEGIN")
    try:
        insert_notifications(connection, [NumberedNotification(0, _ACCEPTED, None)])
        insert_rejections(connection, [_REFUSED])
    except NEEDS_NEW_PROCESS:
        raise
    except Exception as error:
        raise NotOneRowError(
            f"The store takes no row, not even one that is known to be good ({describe(error)})."
        ) from error
    finally:
        roll_back(connection)


def note_stumble(data_dir: Path, rows: Iterable[SpooledRow]) -> None:
    """Note the rows that were being appended."""
    places = [(row.segment, row.kind, row.position) for row in rows]
    with contextlib.suppress(OSError):
        write_whole(_path(data_dir), json.dumps(places))


def read_stumble(data_dir: Path | None) -> Places:
    """Read the places of the rows that the last store was appending when it died."""
    if data_dir is None:
        return set()
    try:
        return {(segment, kind, int(position)) for segment, kind, position in json.loads(_path(data_dir).read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()


def forget_stumble(data_dir: Path) -> None:
    """Delete the note."""
    _path(data_dir).unlink(missing_ok=True)


def _path(data_dir: Path) -> Path:
    return data_dir / "stumbled.json"
