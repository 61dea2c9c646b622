"""Keeps the findings of all time: the rules read everything once, and then only what new notifications can change."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from analytics.client.client import Client
from analytics.client.completeness import ask_dropped
from analytics.client.keeping import KeptAnswer
from analytics.findings.doubts import mark_doubted
from analytics.findings.finding import Finding, sort_findings
from analytics.findings.merging import merge_all
from analytics.findings.rule_files import Rule, RuleProblem, RuleSet, load_rules
from analytics.findings.running import RuleResults, find
from analytics.queries import make_query
from analytics.settings import Settings, read_settings
from analytics.times import EPOCH

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""A sender's clock may be fast, so findings may lie ahead."""
PLAY = timedelta(minutes=10)
"""A finding may lie this long before the notification that completes it; the shipped rules need 5 min.

One that grows with later notifications says until when, see `Finding.open_until`.
"""
PAUSE = 10
"""A rule that failed is tried again after this many times as long as it took: one that can't run costs little."""
WHOLE_SECONDS = 600.0
"""The rules read everything again after this time, for the user's own rules that need more play."""


class FindingsSnapshot(NamedTuple):
    """The findings of all time, the worst first, then the newest; and the problems of rules.

    They come from everything that the store held at the moment `upto`, in UTC. A rule that has a problem may lack the
    latest of its findings; those that it had made before are there.
    """

    findings: list[Finding]
    problems: list[RuleProblem]
    upto: datetime


class _Extent(NamedTuple):
    """A store's last notification, whose `id` is None where it has none, and since when it has all; None for ever."""

    seq: int
    id: str | None
    complete_since: datetime | None


class _Known(NamedTuple):
    """A rule's findings; where it failed, the problem, since when findings may lack, and when it is tried again."""

    findings: list[Finding]
    problem: RuleProblem | None = None
    lacks_since: datetime = FOREVER
    again_at: float = 0.0


class _Look(NamedTuple):
    """The last run of the rules: its findings, of all and by the rule's name, rules, settings, and extent."""

    snapshot: FindingsSnapshot
    known: dict[str, _Known]
    rules: RuleSet
    settings: Settings
    last: _Extent
    whole_at: float


class KeptFindings(KeptAnswer[FindingsSnapshot]):
    """Computes the findings of all time in its own thread: millions of notifications take seconds.

    Args:
        client: asks the store.
    """

    def __init__(self, client: Client) -> None:
        super().__init__("findings")
        self._client = client
        self._last_look: _Look | None = None

    @property
    def snapshot(self) -> FindingsSnapshot | None:
        """The findings that were computed last, however long ago; None before the first time."""
        look = self._last_look
        return look.snapshot if look else None

    def _look(self) -> None:
        settings = read_settings()
        rules = load_rules(settings.rules)
        before = self._last_look
        if before is None or (before.rules, before.settings) != (rules, settings):
            self._look_through(rules, settings, {})
            return
        upto = datetime.now(UTC)
        last, after_id, first_at = self._read_news(before.last.seq)
        # A store without our last notification is another one, or lost its latest.
        if after_id != before.last.id:
            self._look_through(rules, settings, {})
        elif last.complete_since != before.last.complete_since:
            self._look_through(rules, settings, _keep_since(before.known, last.complete_since or EPOCH))
        elif time.monotonic() - before.whole_at > WHOLE_SECONDS:
            self._look_through(rules, settings, before.known)
        else:
            since = max(first_at, EPOCH + PLAY) - PLAY if first_at else FOREVER
            known = _reopen(before.known, first_at) if first_at else before.known
            self._last_look = self._run(before._replace(last=last, known=known), since, upto)

    def _look_through(self, rules: RuleSet, settings: Settings, known: dict[str, _Known]) -> None:
        """Run the rules over everything; `known` is what a rule that fails still has."""
        begun, upto = time.monotonic(), datetime.now(UTC)
        last, *_ = self._read_news(0)
        kept = {rule.name: known.get(rule.name, _Known([])) for rule in rules.rules}
        known = {name: _Known(each.findings) for name, each in kept.items()}
        look = _Look(FindingsSnapshot([], rules.problems, upto), known, rules, settings, last, begun)
        self._last_look = self._run(look, EPOCH, upto)

    def _run(self, look: _Look, since: datetime, upto: datetime) -> _Look:
        """Run the rules over all events since a moment; those that failed before, also over what they missed."""
        begun = time.monotonic()
        known = {name: each._replace(lacks_since=min(since, each.lacks_since)) for name, each in look.known.items()}
        due = {name: each for name, each in known.items() if each.lacks_since < FOREVER and each.again_at <= begun}
        for start in {each.lacks_since for each in due.values()}:
            rules = [rule for rule in look.rules.rules if rule.name in due and due[rule.name].lacks_since == start]
            results = find(self._client, start, FOREVER, rules=RuleSet(rules, []), settings=look.settings)
            again_at = time.monotonic() + PAUSE * (time.monotonic() - begun)
            known |= {rule.name: _add(known[rule.name], rule, results, again_at) for rule in rules}
        snapshot = look.snapshot._replace(upto=upto)
        if due:
            marked = mark_doubted([finding for each in known.values() for finding in each.findings])
            findings = sort_findings(merge_all(marked, look.rules.rules, look.settings.time_zone))
            problems = [each.problem for each in known.values() if each.problem]
            snapshot = FindingsSnapshot(findings, [*look.rules.problems, *problems], upto)
        return look._replace(snapshot=snapshot, known=known)

    def _read_news(self, after: int) -> tuple[_Extent, str | None, datetime | None]:
        """Return the store's extent, the id of number `after`, and the time of the first event after it."""
        rows = ask_dropped(lambda **given: self._client.sql(*make_query("happened_since", {"seen": after, **given})))
        [row] = rows.to_pylist()
        extent = _Extent(row["last_seq"], row["last_id"], row.get("complete_since"))
        return extent, row["after_id"], row["first_at"]


def _reopen(known: dict[str, _Known], first_at: datetime) -> dict[str, _Known]:
    """Return what is known of rules, without the findings from the first that an event at this moment may change."""
    return {name: each._replace(lacks_since=min(_list_open(each, first_at))) for name, each in known.items()}


def _list_open(known: _Known, at: datetime) -> Iterator[datetime]:
    yield known.lacks_since
    yield from (each.found_at for each in known.findings if each.open_until and each.open_until >= at)


def _keep_since(known: dict[str, _Known], since: datetime) -> dict[str, _Known]:
    """Return what is known of rules without findings from before a moment: their notifications were dropped."""
    return {
        name: each._replace(findings=[finding for finding in each.findings if finding.found_at >= since])
        for name, each in known.items()
    }


def _add(known: _Known, rule: Rule, results: RuleResults, again_at: float) -> _Known:
    """Return what is known of a rule after a run since the moment from which it lacked findings."""
    for problem in results.problems:
        if problem.file == rule.file:
            return known._replace(problem=problem, again_at=again_at)
    older = [finding for finding in known.findings if finding.found_at < known.lacks_since]
    new = [finding for finding in results.findings if finding.rule == rule.name]
    return _Known([*older, *new])
