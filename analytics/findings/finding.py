"""A finding: something that a rule found, and its id."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from analytics.findings.rule_files import Severity


class Finding(NamedTuple):
    """Something that a rule found.

    Args:
        id: SHA-256, in hex, of the rule's name followed by the first notification's id; so it stays the same.
        rule: the rule's name.
        title: the rule's title.
        severity: `high`, `medium` or `low`.
        found_at: the time of the event that the rule found, in UTC.
        category: the category of the entity.
        entity_id: the entity, in upper case.
        account_alias: the account.
        actor: the user who did it, where the notifications name one.
        sentence: the event in words, cut to 2,000 characters. It may hold text from outside.
        notification_ids: the notifications behind it, in order.
        reason: why it has its severity, in a clause; None where the rule does not say.
        sender: the sender of its notifications; None where the store does not say.
        doubted: those of its notifications that another finding doubts, see `mark_doubted`.
        stored_after: the receipt of the latest notification that was stored before its own, in UTC, where that is later
            than their receipt, see `date_stored`.
    """

    id: str
    rule: str
    title: str
    severity: Severity
    found_at: datetime
    category: str | None
    entity_id: str | None
    account_alias: str | None
    actor: str | None
    sentence: str
    notification_ids: list[str]
    reason: str | None = None
    sender: str | None = None
    doubted: Sequence[str] = ()
    stored_after: datetime | None = None


def finding_id(rule: str, notification_id: str) -> str:
    """Return the id of a rule's finding whose first notification has this id."""
    return sha256(f"{rule}{notification_id}".encode()).hexdigest()
