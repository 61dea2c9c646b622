"""Tells which findings could not be known when their notifications were received: these were stored later.

A notification of another machine, or of an archive, may be stored after later ones. A look in between does not have its
finding.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from analytics import queries
from analytics.client.client import Client
from analytics.errors import BusyError, QueryError
from analytics.findings.finding import Finding

NONE_KNOWN: Mapping[str, Finding] = MappingProxyType({})
_MOST_IDS = 20_000
"""How many ids a query can be asked about: the query service takes a request of a megabyte."""

_log = logging.getLogger(__name__)


def date_stored(
    findings: Sequence[Finding], client: Client, known: Mapping[str, Finding] = NONE_KNOWN
) -> list[Finding]:
    """Return findings with the moment after which the last of their notifications was stored, where that tells more.

    Args:
        findings: those of rules.
        client: asks the store.
        known: what this returned before, by id. It stays so, because a notification keeps its place.

    Raises:
        BusyError: the query service already runs as many queries as it allows.
    """
    new = [each for each in findings if not _is_same(each, known.get(each.id))]
    latest = _read_latest([identity for each in new for identity in each.notification_ids], client)
    return [_date(each, known.get(each.id), latest) for each in findings]


def _is_same(finding: Finding, before: Finding | None) -> bool:
    return before is not None and before.notification_ids == finding.notification_ids


def _date(finding: Finding, before: Finding | None, latest: Mapping[str, datetime]) -> Finding:
    stored_after = before.stored_after if before and _is_same(finding, before) else _find_last(finding, latest)
    # Nearly all stay as they are: making them anew would take a sixth of the time of all rules.
    return finding if stored_after is None else finding._replace(stored_after=stored_after)


def _find_last(finding: Finding, latest: Mapping[str, datetime]) -> datetime | None:
    return max([latest[each] for each in finding.notification_ids if each in latest], default=None)


def _read_latest(ids: Sequence[str], client: Client) -> dict[str, datetime]:
    """Return the receipt of the latest notification that was stored before each of these, where it is later."""
    if len(ids) > _MOST_IDS:
        # It fails where millions were stored late: the service allows no such answer.
        try:
            return _ask(client, "all_stored_after", [])
        except BusyError:
            raise
        except QueryError as error:
            _log.info("notifications that were stored late are asked for in parts: %s", error)
    latest: dict[str, datetime] = {}
    for first in range(0, len(ids), _MOST_IDS):
        try:
            latest |= _ask(client, "stored_after", ids[first : first + _MOST_IDS])
        except BusyError:
            raise
        except QueryError:  # without it findings are known when they were received
            return latest
    return latest


def _ask(client: Client, name: str, ids: Sequence[str]) -> dict[str, datetime]:
    rows = client.sql(*queries.query(name, {"ids": ids})).to_pylist()
    return {row["id"]: row["latest"] for row in rows}
