"""The order of findings, the worst first, then the newest, and what can be told from it without a look at each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime

from analytics.findings.finding import Finding
from analytics.findings.rule_files import SEVERITIES, Severity
from analytics.times import microseconds

RANKS = {severity: rank for rank, severity in enumerate(SEVERITIES)}


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
        newest = bisect_right(findings, -microseconds(end), first, last, key=_age)
        oldest = bisect_right(findings, -microseconds(begin), newest, last, key=_age)
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


def _age(finding: Finding) -> int:
    return -microseconds(finding.found_at)
