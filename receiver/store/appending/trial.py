"""Tries whether the store takes a row that is known to be storable, before another row is blamed."""

from datetime import UTC, datetime
from uuid import UUID

import duckdb

from receiver.database.faults import NEEDS_NEW_PROCESS, NotOneRowError
from receiver.database.opening import run
from receiver.database.rows import NumberedNotification, insert_notifications, insert_rejections
from receiver.logs import describe
from receiver.notification import Notification, Rejection
from receiver.store.appending.exactly_once import roll_back

_ID = UUID(int=0)
_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
_ACCEPTED = Notification(
    id=_ID,
    received_at=_MOMENT,
    event_type="User.Updated",
    category="User",
    action="Updated",
    account_alias="ACME",
    entity_id="KIM@ACME.EXAMPLE",
    actor=None,
    occurred_at=_MOMENT,
    signature_status="missing",
    signature=None,
    source_ip=None,
    payload=b'{"accountAlias":"ACME","userName":"kim@acme.example"}',
    key_fingerprint=None,
)
_REFUSED = Rejection(_ID, _MOMENT, "not_json", "/webhooks/User.Updated", None, "{}", b"no json")


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
