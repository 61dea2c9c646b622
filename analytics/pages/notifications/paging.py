"""Pages of the list of notifications, at any depth: the notification before or after a page identifies it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from analytics.pages.shared.store import ask

PAGE_ROWS = 50


class ListPage(NamedTuple):
    """Rows of the list, newest first, and their position in the whole list (counted from 0).

    `fresh` is the number of newer notifications that the list does not show.
    """

    rows: pd.DataFrame
    position: int
    total: int
    fresh: int

    @property
    def number(self) -> int:
        """Return the page's number, from 1."""
        return self.position // PAGE_ROWS + 1

    @property
    def pages(self) -> int:
        """Return the number of pages."""
        return max(-(-self.total // PAGE_ROWS), 1)


def rows_before(before: int | None, values: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of the page before a notification (by `seq`), or of the newest page."""
    return ask("newest_notifications", before=before, page_rows=PAGE_ROWS, **values)


def find_first(rows: pd.DataFrame, before: int | None) -> int:
    """Return the notification after which all are newer than the page."""
    return int(rows["seq"].max()) if len(rows) else (before or 0)


def page_of(rows: pd.DataFrame, counts: pd.DataFrame) -> ListPage:
    """Return the page of some rows, from the counts of `notifications_over_time`."""
    position, total, fresh = (int(counts[name].sum()) for name in ("newer", "events", "fresh"))
    return ListPage(rows, position, total, fresh)


def begin_of_next(page: ListPage) -> int:
    """Return the notification before which the next older page begins."""
    return int(page.rows["seq"].min())


def begin_of_previous(page: ListPage, values: Mapping[str, Any]) -> int | None:
    """Return the notification before which the next newer page begins; None for the newest page."""
    rows = ask("later_notifications", after=int(page.rows["seq"].max()), page_rows=PAGE_ROWS, **values)
    return int(rows["seq"].max()) + 1 if len(rows) == PAGE_ROWS and page.position > PAGE_ROWS else None


def begin_of_number(number: int, values: Mapping[str, Any]) -> int | None:
    """Return the notification before which the page of a number begins; None for the newest page."""
    if number <= 1:
        return None
    rows = ask("seq_at_position", position=(number - 1) * PAGE_ROWS, **values)
    return int(rows.iloc[0]["before"]) if len(rows) else None
