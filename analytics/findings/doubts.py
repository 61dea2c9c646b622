"""Tells what the rules can't: which notifications behind a finding are doubted, and which were stored late.

A notification is doubted if another rule says that it is not what it seems. One of another machine, or of an archive,
may be stored after later ones. A look in between does not have its finding.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from analytics import queries
from analytics.client.client import Client
from analytics.errors import BusyError, QueryError
from analytics.findings.finding import Finding, make_finding_id
from analytics.senders import list_doubting_rules
from analytics.text import format_count

_MOST_IDS = 20_000
"""How many ids a query can be asked about: the query service takes a request of a megabyte."""
_log = logging.getLogger(__name__)


def map_doubted(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings that doubt a notification, by its id: the first one behind each, never the original."""
    rules = list_doubting_rules()
    doubted: dict[str, list[Finding]] = {}
    for finding in findings:
        for part in finding.list_parts() if finding.rule in rules else ():
            doubted.setdefault(part.notification_ids[0], []).append(finding)
    return doubted


def mark_doubted(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with their doubted notifications; the findings that doubt them have none."""
    doubted, rules = map_doubted(findings).keys(), list_doubting_rules()
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
    return f"{doubted:,} of its {format_count(number, 'notification')} {'is' if doubted == 1 else 'are'} doubted"


def find_successor(identity: str, findings: Iterable[Finding]) -> Finding | None:
    """Return the finding that has the first notification of one that has changed since; None where none has it."""
    for finding in findings:
        if any(make_finding_id(finding.rule, one) == identity for one in finding.notification_ids):
            return finding
    return None


def add_stored_after(findings: Sequence[Finding], client: Client) -> list[Finding]:
    """Return findings with the moment after which the last of their notifications was stored, where that tells more.

    A rule that looks at an entity's changes of before has all of them only since their notifications are stored, and
    those with which these are compared.

    Raises:
        BusyError: the query service already runs as many queries as it allows.
    """
    latest = _read_latest([identity for each in findings for identity in each.notification_ids], client)
    return [_add_stored_after(each, latest) for each in findings]


def _add_stored_after(finding: Finding, latest: Mapping[str, datetime]) -> Finding:
    stored_after = max([latest[each] for each in finding.notification_ids if each in latest], default=None)
    # Nearly all stay as they are: making them anew would take a sixth of the time of all rules.
    return finding if stored_after is None else finding._replace(stored_after=stored_after)


def split_ids(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ids in parts, each of as many as a query can be asked about."""
    return (ids[first : first + _MOST_IDS] for first in range(0, len(ids), _MOST_IDS))


def _read_latest(ids: Sequence[str], client: Client) -> dict[str, datetime]:
    """Return after which receipt each of these was stored, with all that a rule looks at, where that is later."""
    if len(ids) > _MOST_IDS:
        # It fails where millions were stored late: the service allows no such answer.
        try:
            return _ask(client, "all_stored_after", [])
        except BusyError:
            raise
        except QueryError as error:
            _log.info("notifications that were stored late are asked for in parts: %s", error)
    latest: dict[str, datetime] = {}
    for part in split_ids(ids):
        try:
            latest |= _ask(client, "stored_after", part)
        except BusyError:
            raise
        except QueryError:  # without it findings are known when they were received
            return latest
    return latest


def _ask(client: Client, name: str, ids: Sequence[str]) -> dict[str, datetime]:
    rows = client.sql(*queries.make_query(name, {"ids": ids})).to_pylist()
    return {row["id"]: row["latest"] for row in rows}
