"""Since when a store has all notifications: it may have dropped months that are in the lake."""

from datetime import datetime

from analytics import queries
from analytics.client.client import Client
from analytics.errors import BusyError, QueryError


def find_complete_since(client: Client) -> datetime | None:
    """Return the moment since which a store has all notifications, in UTC; None where it has dropped none.

    Raises:
        AnalyticsError: it does not answer, or is busy.
    """
    try:
        [row] = client.sql(*queries.query("complete_since", {})).to_pylist()
    except BusyError:
        raise
    except QueryError:  # a store of an older version, and the lake, have no table of it
        return None
    moment: datetime | None = row["complete_since"]
    return moment
