"""Asks what a store has dropped; a store of an older version, and the lake, have no table that says so."""

from collections.abc import Callable
from typing import TypeVar

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
        if TABLE not in str(error):
            raise
    return ask()
