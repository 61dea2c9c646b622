"""Tells which notifications behind a finding are doubted: another rule says that they are not what they seem."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from analytics.findings.finding import Finding, finding_id
from analytics.senders import doubting_rules
from analytics.text import plural


def map_doubted(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings that doubt a notification, by its id: the first one behind each, never the original."""
    rules = doubting_rules()
    doubted: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.rule in rules:
            doubted.setdefault(finding.notification_ids[0], []).append(finding)
    return doubted


def mark_doubted(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with their doubted notifications; the findings that doubt them have none."""
    doubted, rules = map_doubted(findings).keys(), doubting_rules()
    return [_mark(each, set() if each.rule in rules else doubted) for each in findings]


def _mark(finding: Finding, doubted: AbstractSet[str]) -> Finding:
    """Return a finding with those of its notifications that are among the doubted; mostly it is the same."""
    if not finding.doubted and doubted.isdisjoint(finding.notification_ids):
        return finding
    return finding._replace(doubted=[one for one in finding.notification_ids if one in doubted])


def describe_doubt(finding: Finding) -> str | None:
    """Return how many of a finding's notifications are doubted, in words; None without one."""
    doubted, number = len(finding.doubted), len(finding.notification_ids)
    if not doubted:
        return None
    if number == 1:
        return "its notification is doubted"
    return f"{doubted:,} of its {plural(number, 'notification')} {'is' if doubted == 1 else 'are'} doubted"


def find_successor(identity: str, findings: Iterable[Finding]) -> Finding | None:
    """Return the finding that has the first notification of one that has changed since; None where none has it."""
    return next(
        (each for each in findings if any(finding_id(each.rule, one) == identity for one in each.notification_ids)),
        None,
    )
