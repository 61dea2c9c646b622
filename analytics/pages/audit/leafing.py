"""The time range of the lists on the page Audit, and the page of each list that its address names.

The time is a preset up to now or to the end that the lists keep, or the user's own range.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.pages.audit.filters import to_first
from analytics.pages.shared import address
from analytics.pages.shared.answers import now
from analytics.pages.shared.open_item import as_seq
from analytics.pages.shared.ranges import draw_own_range, draw_range, read_own
from analytics.text import plural
from analytics.times import OWN, RANGES, Period, period

PAGES = ("page", "findings")
"""The names of the lists' pages in the address."""


class ListTime(NamedTuple):
    """The time of the lists: from the first notification where `since` is None, and to now where `until` is."""

    name: str
    since: datetime | None
    until: datetime | None

    @property
    def end(self) -> datetime:
        """Return its end."""
        return self.until or now()

    def find_bins(self, first: datetime, earliest: datetime | None = None) -> Period:
        """Return its bins for a chart; the range `all` begins with the `first` finding, none before `earliest`."""
        name, begin = ("all", self.since) if self.name == OWN else (self.name, first)
        if earliest and (self.since is None or self.since < earliest):
            return period("all", self.end, max(earliest, self.since or first))
        return period(name, self.end, begin)


def draw_place() -> DeltaGenerator:
    """Draw the place of the controls of time, which are drawn with the lists: a brush changes both."""
    return st.container(key="range-place", horizontal=True, vertical_alignment="center", gap="small", width="content")


def draw_time(place: DeltaGenerator) -> ListTime:
    """Draw the choice of the range, and for the user's own range its ends; return the chosen time."""
    with place:
        name = draw_range(to_first, own=True)
        draw_own_range(name)
    own, until = read_own(), read_until()
    if name == OWN and own:
        return ListTime(name, own.since, own.until or until)
    name = name if name in RANGES else address.read_offer().default
    length = RANGES[name]
    return ListTime(name, (until or now()) - length if length else None, until)


def read_until() -> datetime | None:
    """Return the end of the lists in the address, in UTC; None for now, and where it is no moment."""
    try:
        moment = datetime.fromisoformat(address.get("until") or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_number(name: str, pages: int) -> int:
    """Return the number of a list's page, from 1."""
    return min(as_seq(address.get(name)) or 1, max(pages, 1))


def draw_leafing(name: str, number: int, pages: int, extent: tuple[int, int, int], noun: str, end: datetime) -> None:
    """Draw the page's number, and the ways to other pages.

    Args:
        name: the name of the list's page in the address.
        number: the page.
        pages: the number of pages.
        extent: the places of the first and the last row, from 1, and the number of all.
        noun: the word for a row.
        end: the end of the list; other pages keep it, so that newer rows do not move them.
    """
    key = "changes" if name == "page" else name
    prefix = "" if name == "page" else f"{name}-"

    def to(page: int) -> None:
        others = [address.get(other) for other in PAGES if other != name]
        is_held = page > 1 or any(others)
        until = (address.get("until") or end.isoformat()) if is_held else None
        address.put(**{name: str(page) if page > 1 else None, "until": until})

    def jump() -> None:
        if (typed := st.session_state[f"{key}-number"]) is not None:
            to(min(int(typed), pages))
            st.session_state[f"{key}-number"] = None

    first, last, total = extent
    words = ("First", "Previous", "Next") if prefix else ("Newest", "Newer", "Older")
    targets = (1, number - 1, number + 1)
    icons = ("first_page", "chevron_left", "chevron_right")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{prefix}pager"):
        for place, (word, target, icon) in enumerate(zip(words, targets, icons, strict=True)):
            if place == len(words) - 1:
                st.text(f"{first:,} to {last:,} of {plural(total, noun)}")
            is_end = number >= pages if place == len(words) - 1 else number <= 1
            st.button(word, key=f"{prefix}{word.lower()}", on_click=to, args=(target,), disabled=is_end,
                  icon=f":material/{icon}:")  # fmt: skip
        st.space("stretch")
        st.text(f"Page {number:,} of {pages:,}")
        st.number_input("Go to page", 1, None, None, key=f"{key}-number", on_change=jump, placeholder="go to",
                        label_visibility="collapsed", width=110)  # fmt: skip
