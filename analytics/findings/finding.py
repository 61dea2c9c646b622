"""A finding: something that a rule found, its id, and the order of findings.

They are in order with the worst first, then the newest, so much can be told from a list without a look at each.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from analytics.findings.rule_files import SEVERITIES, Severity
from analytics.times import to_microseconds

RANKS = {severity: rank for rank, severity in enumerate(SEVERITIES)}


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
        stored_after: the receipt of the latest notification that was stored before its own, or before one that a rule
            looks at for these, in UTC, where that is later than their receipt, see `add_stored_after`.
        open_until: the moment up to which a later event may change it, in UTC; None where none does.
        other_accounts: the accounts that it is about besides `account_alias`, of the same sender.
        parts: the findings that it was merged from, in order of time; none where it is as its rule made it.
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
    open_until: datetime | None = None
    other_accounts: Sequence[str] = ()
    parts: Sequence["Finding"] = ()

    def list_parts(self) -> Sequence["Finding"]:
        """Return the findings that it was merged from; itself where it is as its rule made it."""
        return self.parts or (self,)

    def list_accounts(self) -> list[str]:
        """Return all accounts that it is about; none where its rule names none."""
        return [*([self.account_alias] if self.account_alias else []), *self.other_accounts]

    def list_told(self) -> dict[str, Any]:
        """Return what files have of it, by name: with the number and the last time of what it was merged from."""
        parts = self.list_parts()
        told = {name: value for name, value in self._asdict().items() if name not in {"open_until", "parts"}}
        return told | {"count": len(parts), "last_at": parts[-1].found_at}


def make_finding_id(rule: str, notification_id: str) -> str:
    """Return the id of a rule's finding whose first notification has this id."""
    return sha256(f"{rule}{notification_id}".encode()).hexdigest()


def make_id_begin(microseconds: int) -> str:
    """Return the begin of the ids of a time, which is in microseconds since 1970.

    An id of version 7 begins with its time (RFC 9562). Comparing the texts is quicker than parsing each id.
    """
    return f"{max(microseconds // 1000, 0) >> 16:08x}"


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first, then the newest."""
    newest_first = sorted(findings, key=lambda finding: finding.found_at, reverse=True)
    return sorted(newest_first, key=_rank)


def select_between(findings: Sequence[Finding], begin: datetime, end: datetime) -> list[Finding]:
    """Return the findings of a time, in the same order.

    Args:
        findings: in the order of `sort_findings`; there may be some hundred thousand of them.
        begin: the begin of the time.
        end: its end, which is not a part of it.
    """
    selected: list[Finding] = []
    for severity in SEVERITIES:
        first, last = _find_block(findings, severity)
        newest = bisect_right(findings, -to_microseconds(end), first, last, key=_measure_age)
        oldest = bisect_right(findings, -to_microseconds(begin), newest, last, key=_measure_age)
        selected += findings[newest:oldest]
    return selected


def count_severities(findings: Sequence[Finding]) -> dict[Severity, int]:
    """Return the number of findings of each severity; they are in the order of `sort_findings`."""
    blocks = {severity: _find_block(findings, severity) for severity in SEVERITIES}
    return {severity: last - first for severity, (first, last) in blocks.items()}


def _find_block(findings: Sequence[Finding], severity: Severity) -> tuple[int, int]:
    """Return where the findings of a severity begin and end."""
    rank = RANKS[severity]
    return bisect_left(findings, rank, key=_rank), bisect_right(findings, rank, key=_rank)


def _rank(finding: Finding) -> int:
    return RANKS[finding.severity]


def _measure_age(finding: Finding) -> int:
    return -to_microseconds(finding.found_at)
