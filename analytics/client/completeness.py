"""Since when a store has all notifications: it may have dropped months that are in the lake.

A store of an older version, and the lake, have no table that says so.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from analytics import queries
from analytics.client.client import Client
from analytics.errors import QueryError

T = TypeVar("T")
TABLE = "dropped"


def ask_dropped(ask: Callable[..., T]) -> T:
    """Ask with the parameter `drops`, by which a query reads the table; without it where the store has no such table.

    Raises:
        QueryError: the query fails for another reason.
    """
    try:
        return ask(drops=True)
    except QueryError as error:
        if not is_about_table(error):
            raise
    return ask()


def is_about_table(error: QueryError) -> bool:
    """Say whether a query failed because the store has no table of what it dropped."""
    return TABLE in str(error)


def find_complete_since(client: Client) -> datetime | None:
    """Return the moment since which a store has all notifications, in UTC; None where it has dropped none.

    Raises:
        AnalyticsError: it does not answer, is busy, or the query fails for another reason than a missing table.
    """
    try:
        [row] = client.sql(*queries.make_query("complete_since", {})).to_pylist()
    except QueryError as error:
        if not is_about_table(error):
            raise
        return None
    moment: datetime | None = row["complete_since"]
    return moment
