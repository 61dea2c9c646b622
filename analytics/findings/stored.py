"""Tells which findings could not be known when their notifications were received: these were stored later.

A notification of another machine, or of an archive, may be stored after later ones. A look in between does not have its
finding.
"""

from collections.abc import Sequence
from datetime import datetime

from analytics import queries
from analytics.client.client import Client
from analytics.errors import BusyError, QueryError
from analytics.findings.finding import Finding

_AT_ONCE = 20_000


def date_stored(findings: Sequence[Finding], client: Client) -> list[Finding]:
    """Return findings with the moment after which the last of their notifications was stored, where that tells more.

    Raises:
        BusyError: the query service already runs as many queries as it allows.
    """
    latest = _read_latest([each for finding in findings for each in finding.notification_ids], client)
    if not latest:
        return list(findings)
    return [
        finding._replace(stored_after=max(moments))
        if (moments := [latest[each] for each in finding.notification_ids if each in latest])
        else finding
        for finding in findings
    ]


def _read_latest(ids: Sequence[str], client: Client) -> dict[str, datetime]:
    """Return the receipt of the latest notification that was stored before each of these, where it is later."""
    latest: dict[str, datetime] = {}
    for first in range(0, len(ids), _AT_ONCE):
        try:
            rows = client.sql(*queries.query("stored_after", {"ids": ids[first : first + _AT_ONCE]})).to_pylist()
        except BusyError:
            raise
        except QueryError:  # without it findings are known when they were received
            return latest
        latest |= {row["id"]: row["latest"] for row in rows}
    return latest
