"""Rows made by hand for tests of the spool and the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.notification import Notification, Rejection, new_id

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def notification(number: int = 0, **changed: Any) -> Notification:
    """Make a user's update; `number` sets it apart."""
    moment = changed.pop("received_at", NOON + timedelta(seconds=number))
    row = Notification(
        id=new_id(moment),
        received_at=moment,
        event_type="User.Updated",
        category="User",
        action="Updated",
        account_alias="ACME",
        entity_id=f"USER{number}@ACME.EXAMPLE",
        actor=None,
        occurred_at=moment,
        signature_status="valid",
        signature=b"\x00\x01signature",
        source_ip="192.0.2.7",
        payload=b'{"userName": "user%d@acme.example",  "n": 1.50}' % number,
        key_fingerprint="5e" * 32,
    )
    return row._replace(**changed)


def rejection(number: int = 0, **changed: Any) -> Rejection:
    """Make a refusal; `number` sets it apart."""
    moment = NOON + timedelta(seconds=number)
    row = Rejection(
        id=new_id(moment),
        received_at=moment,
        reason="not_json",
        path="/webhooks/User.Updated",
        source_ip="192.0.2.7",
        headers='{"Host": "receiver.example"}',
        body=b"\xff\xfe no json",
    )
    return row._replace(**changed)
