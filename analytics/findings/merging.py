"""Merges findings that an auditor reads as one: of one rule, about one actor or entity, within an hour.

A rule's header may say that its findings are everyday work. Then those of low severity are one finding a day, and one
of medium severity becomes low where such findings are frequent, unless its actor did the same several times.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analytics.client.client import Client
from analytics.findings.doubts import add_stored_after
from analytics.findings.finding import Finding
from analytics.findings.rule_files import Rule, RuleSet
from analytics.findings.running import RuleResults, find
from analytics.settings import Settings
from analytics.text import shorten
from analytics.times import EPOCH

MINUTE, HOUR, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=7)
LOOK_BACK = WEEK + timedelta(hours=25)
"""A finding is merged with others of its day, of which one has 25 hours; the week before decides its severity."""
FREQUENT = 10
"""Findings of a rule in a week; those about one actor or entity within an hour count once."""
SEVERAL = 4
MOST_NAMED = 3


def find_merged(client: Client, since: datetime, until: datetime, rules: RuleSet, settings: Settings) -> RuleResults:
    """Run rules as `find` does, and return the merged findings of which a part lies between two moments.

    Raises:
        AnalyticsError: as of `find`.
    """
    results = find(client, max(since, EPOCH + LOOK_BACK) - LOOK_BACK, until, rules=rules, settings=settings)
    merged = merge_all(results.findings, rules.rules, settings.time_zone)
    wanted = [each for each in merged if each.list_parts()[-1].found_at >= since]
    return results._replace(findings=add_stored_after(wanted, client))


def merge_all(findings: Iterable[Finding], rules: Iterable[Rule], time_zone: str) -> list[Finding]:
    """Return the findings of rules merged, in order of time; the days are those of a time zone."""
    everyday, zone = {rule.name: rule.everyday for rule in rules}, ZoneInfo(time_zone)
    merged: list[list[Finding]] = []
    days: dict[object, list[Finding]] = {}
    begins: dict[str, list[datetime]] = {}
    for group in _group_by_hour(findings):
        first, reason = group[0], everyday.get(group[0].rule)
        is_low = first.severity == "low"
        if first.severity == "medium":
            before = begins.setdefault(first.rule, [])
            frequent = len(before) - bisect_left(before, first.found_at - WEEK) >= FREQUENT
            is_low = frequent and len(group) < SEVERAL
            before.append(first.found_at)
        if reason and is_low:
            for each in group:
                key = each.rule, each.sender, each.found_at.astimezone(zone).date()
                days.setdefault(key, []).append(each._replace(severity="low", reason=reason))
        else:
            merged.append(group)
    merged += (sorted(day, key=_find_place) for day in days.values())
    return sorted(map(merge, merged), key=_find_place)


def _find_place(finding: Finding) -> tuple[datetime, str]:
    return finding.found_at, finding.notification_ids[0]


def _group_by_hour(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings in groups of an hour at most, each of one rule and about one actor or else one entity."""
    groups: list[list[Finding]] = []
    latest: dict[object, list[Finding]] = {}
    for each in sorted(findings, key=_find_place):
        about = each.actor.upper() if each.actor else (each.category, each.entity_id or each.id)
        key = each.rule, each.severity, each.sender, about
        if key not in latest or each.found_at - latest[key][0].found_at > HOUR:
            latest[key] = []
            groups.append(latest[key])
        latest[key].append(each)
    return groups


def merge(parts: Sequence[Finding]) -> Finding:
    """Return findings in order of time as one; its id and its time are those of the first."""
    if len(parts) == 1:
        return parts[0]

    def find_common(name: str) -> Any:
        values = {getattr(part, name) for part in parts}
        return values.pop() if len(values) == 1 else None

    accounts = list(dict.fromkeys(alias for part in parts for alias in part.list_accounts()))
    return parts[0]._replace(
        category=find_common("category"),
        entity_id=find_common("entity_id"),
        account_alias=next(iter(accounts), None),
        actor=find_common("actor"),
        other_accounts=accounts[1:],
        sentence=_describe(parts),
        notification_ids=list(dict.fromkeys(each for part in parts for each in part.notification_ids)),
        doubted=list(dict.fromkeys(each for part in parts for each in part.doubted)),
        stored_after=max((part.stored_after for part in parts if part.stored_after), default=None),
        parts=parts,
    )


def _describe(parts: Sequence[Finding]) -> str:
    """Return how often findings were made, and in which time; the first one's sentence, and the other entities."""
    first, length = parts[0], parts[-1].found_at - parts[0].found_at
    span = f"{length // HOUR} h" if length > 2 * HOUR else f"{max(-(-length // MINUTE), 1)} min"
    others = dict.fromkeys(part.entity_id for part in parts if part.entity_id != first.entity_id)
    if not others:
        return f"{len(parts):,} times within {span}: {first.sentence}"
    names = [shorten(name or "") for name in [*others][:MOST_NAMED]]
    more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
    sentence = first.sentence.rstrip(".")
    return f"{len(parts):,} times within {span}, first: {sentence}; then {', '.join(names)}{more}."


def narrow(finding: Finding, keep: Callable[[Finding], bool]) -> Finding | None:
    """Return a finding of only those parts that are to be kept, with its id and time; None without any."""
    kept = [part for part in finding.list_parts() if keep(part)]
    if not kept or len(kept) == len(finding.list_parts()):
        return finding if kept else None
    return merge(kept)._replace(id=finding.id, found_at=finding.found_at)
