"""Keeps the findings of all time: the rules read everything once, and then only what new notifications can change."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from analytics.client.client import Client
from analytics.client.keeping import KeptAnswer
from analytics.findings.doubts import mark_doubted
from analytics.findings.finding import Finding
from analytics.findings.order import sort_findings
from analytics.findings.rule_files import RuleProblem, RuleSet, load_rules
from analytics.findings.running import find
from analytics.queries import query
from analytics.settings import Settings, read_settings
from analytics.times import EPOCH

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""A sender's clock may be fast, so findings may lie ahead."""
PLAY = timedelta(minutes=10)
"""A finding may lie this long before the notification that completes it; the shipped rules need 5 min."""
WHOLE_SECONDS = 600.0
"""The rules read everything again after this time, for the user's own rules that need more play."""


class FindingsSnapshot(NamedTuple):
    """The findings of all time, the worst first, then the newest; and the problems of rules.

    They come from everything that the store held at the moment `upto`, in UTC.
    """

    findings: list[Finding]
    problems: list[RuleProblem]
    upto: datetime


class _LastNotification(NamedTuple):
    """A store's last notification; `id` is None where it has none."""

    seq: int
    id: str | None


class _Look(NamedTuple):
    """The last run of the rules: its findings, rules, settings and last notification."""

    snapshot: FindingsSnapshot
    rules: RuleSet
    settings: Settings
    last: _LastNotification
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
            self._look_through(rules, settings)
            return
        upto = datetime.now(UTC)
        last, after_id, first_at = self._news(before.last.seq)
        # A store without our last notification is another one, or lost its latest.
        if after_id != before.last.id or time.monotonic() - before.whole_at > WHOLE_SECONDS:
            self._look_through(rules, settings)
        elif first_at is None:
            self._last_look = before._replace(snapshot=before.snapshot._replace(upto=upto))
        else:
            since = max(first_at - PLAY, EPOCH)
            results = find(self._client, since, FOREVER, rules=rules, settings=settings)
            older = [finding for finding in before.snapshot.findings if finding.found_at < since]
            snapshot = FindingsSnapshot(_order([*older, *results.findings]), list(results.problems), upto)
            self._last_look = before._replace(snapshot=snapshot, last=last)

    def _look_through(self, rules: RuleSet, settings: Settings) -> None:
        """Run the rules over everything."""
        begun, upto = time.monotonic(), datetime.now(UTC)
        last, *_ = self._news(0)
        results = find(self._client, EPOCH, FOREVER, rules=rules, settings=settings)
        snapshot = FindingsSnapshot(_order(results.findings), list(results.problems), upto)
        self._last_look = _Look(snapshot, rules, settings, last, begun)

    def _news(self, after: int) -> tuple[_LastNotification, str | None, datetime | None]:
        """Return the last notification, the id of number `after`, and the time of the first event after it."""
        [row] = self._client.sql(*query("happened_since", {"seen": after})).to_pylist()
        return _LastNotification(row["last_seq"], row["last_id"]), row["after_id"], row["first_at"]


def _order(findings: Sequence[Finding]) -> list[Finding]:
    return sort_findings(mark_doubted(findings))
