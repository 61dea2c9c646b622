"""Rows made by hand for tests of the spool and the store."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.notification import FIRST_PROOF, FIRST_SENDER, Notification, Rejection, make_id
from receiver.senders.profile import load_shipped
from receiver.senders.sender import Columns

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def notification(number: int = 0, **changed: Any) -> Notification:
    """Make a user's update; `number` sets it apart."""
    moment = changed.pop("received_at", NOON + timedelta(seconds=number))
    row = Notification(
        id=make_id(moment),
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
        sender=FIRST_SENDER,
        proof=FIRST_PROOF,
        signature_detail=None,
        delivery_id=None,
    )
    return row._replace(**changed)


def notification_of(columns: Columns, received_at: datetime, payload: bytes, **changed: Any) -> Notification:
    """Make a notification of what event and body tell."""
    told = columns._asdict()
    del told["parent_account"]
    row = Notification(
        id=make_id(received_at),
        received_at=received_at,
        **told,
        signature_status="missing",
        signature=None,
        source_ip="192.0.2.7",
        payload=payload,
        key_fingerprint=None,
        sender=FIRST_SENDER,
        proof=FIRST_PROOF,
        signature_detail=None,
        delivery_id=None,
    )
    return row._replace(**changed)


def notification_of_github(number: int, event: str, body: dict[str, Any], **changed: Any) -> Notification:
    """Make a notification of GitHub as its profile reads it; `number` sets it apart."""
    moment = NOON + timedelta(seconds=number)
    columns = load_shipped()["github"].classify(None, {"x-github-event": event}, body, moment)
    github = {"sender": "github", "proof": "shared-secret", "signature_status": "valid", "delivery_id": f"d{number}"}
    return notification_of(columns, moment, json.dumps(body).encode(), **{**github, **changed})


def rejection(number: int = 0, **changed: Any) -> Rejection:
    """Make a refusal; `number` sets it apart."""
    moment = NOON + timedelta(seconds=number)
    row = Rejection(
        id=make_id(moment),
        received_at=moment,
        reason="not_json",
        path="/webhooks/User.Updated",
        source_ip="192.0.2.7",
        headers='{"Host": "receiver.example"}',
        body=b"\xff\xfe no json",
        sender=FIRST_SENDER,
        signature_detail=None,
    )
    return row._replace(**changed)
