"""Since when the store is complete, and what a page says where it shows earlier times, or the store has nothing yet."""

from datetime import datetime
from typing import NamedTuple

import streamlit as st

from analytics.client.completeness import ask_dropped
from analytics.pages.shared import going
from analytics.pages.shared.answers import answer
from analytics.pages.shared.formatting import format_minute
from analytics.pages.shared.store import null_to_none, run, to_moment
from analytics.text import as_markdown

REST = "Of earlier months, only the last state of each entity is here; the rest is in the lake."


class Freshness(NamedTuple):
    """The receipt of the first and the newest notification; None without any.

    `complete_since` is the moment since which all are here: months before it were dropped, up to the notification
    `last_dropped`. Both are None where nothing was dropped.
    """

    first: datetime | None
    newest: datetime | None
    complete_since: datetime | None = None
    last_dropped: int | None = None

    @property
    def begin(self) -> datetime | None:
        """Return the moment at which all of time begins: nothing is counted from before the store is complete."""
        return max(filter(None, (self.first, self.complete_since)), default=None)

    def lacks(self, since: datetime | None) -> bool:
        """Say whether a time that begins then lacks dropped months; None means all of time."""
        return self.complete_since is not None and (since is None or since < self.complete_since)


def read_freshness() -> Freshness:
    """Return what each drawing asks once.

    Raises:
        AnalyticsError: the store can't be asked now.
    """
    rows = answer("freshness", lambda: ask_dropped(lambda **given: run("freshness", **given)))
    row = rows.iloc[0]
    last = null_to_none(row.get("last_dropped"))
    return Freshness(
        to_moment(row["first"]),
        to_moment(row["newest"]),
        to_moment(row.get("complete_since")),
        None if last is None else int(last),
    )


def draw_complete_since(since: datetime | None, *, what: str = "Complete") -> None:
    """Say since when all is here, if a page shows a time that begins earlier.

    Args:
        since: the begin of that time; None means all of time.
        what: the word for what is so since then.
    """
    # A fixed place, so that a range that needs no such line moves nothing in the browser's tree.
    with st.container(key="complete-since"):
        known = read_freshness()
        if known.complete_since and known.lacks(since):
            st.caption(f"{what} since {as_markdown(format_minute(known.complete_since))}. {REST}")


def describe_too_early(until: datetime | None) -> str | None:
    """Return why a time that ends then has nothing, and advice; None where it could have something."""
    known = read_freshness()
    if until and known.complete_since and until <= known.complete_since:
        return "All of this time is in months that are in the lake alone. Choose a later one above."
    if until and known.first and until <= known.first:
        first = as_markdown(format_minute(known.first))
        return f"The first notification came at {first}. Choose a later time range above."
    return None


def draw_only_one() -> bool:
    """Say that one notification came so far, of which no chart is drawn; return whether that is so."""
    known = read_freshness()
    is_only_one = known.first is not None and known.first == known.newest and known.complete_since is None
    if is_only_one and known.first:
        first = as_markdown(format_minute(known.first))
        st.caption(f"The first notification came at {first}. A chart is drawn from the next one on.")
    return is_only_one


def describe_gone(seq: int | None) -> str:
    """Return the reason why the store lacks something: a notification of a number, or another thing."""
    known = read_freshness()
    if known.complete_since and seq is not None and seq <= (known.last_dropped or 0):
        return f"It is not in this store any more: months before {format_minute(known.complete_since)} are in the lake."
    return "It is not in the store that this dashboard reads."


def is_store_empty() -> bool:
    """Say whether no notification came so far; of dropped ones it is known that they came."""
    known = read_freshness()
    return known.newest is None and known.complete_since is None


def draw_store_empty() -> None:
    """Say that no notification came yet, and draw the way to the page Set up."""
    with st.container(key="nothing", border=True):
        st.subheader("No notification yet", anchor=False)
        st.caption("The receiver has accepted none so far. A sender needs a target URL: *Set up* has it.")
        st.button("Set up", key="to-set-up", icon=":material/settings_input_component:", type="primary",
                  on_click=going.to_page, args=("set-up",))  # fmt: skip
