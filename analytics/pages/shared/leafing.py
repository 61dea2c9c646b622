"""The pages of lists, the ways between them, and the end of lists that leaf by number, which older pages keep."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.pages.shared import address
from analytics.pages.shared.answers import skip_unanswered
from analytics.pages.shared.open_item import as_seq
from analytics.text import format_count

ENDING = ("page", "findings", "flaps")
"""The names of the pages of lists that end at a moment, in the address."""
LASTING = "lasting"
"""The name of the page of the list of what lasts now: it has no end to keep."""
NEWEST_FIRST, IN_ORDER = ("Newest", "Newer", "Older"), ("First", "Previous", "Next")
"""The words for the ways to the first page, and to the one before and after."""
BACK, ON = ("first_page", "chevron_left"), ("chevron_right", "last_page")
"""The icons of the ways back and on."""


class ListPage(NamedTuple):
    """A page of a list: the place of its first row, from 0, the number of all rows, and the most that a page has."""

    first: int
    total: int
    size: int

    @property
    def end(self) -> int:
        """Return the place after its last row."""
        return min(self.first + self.size, self.total)

    @property
    def pages(self) -> int:
        """Return the number of pages."""
        return max(-(-self.total // self.size), 1)

    @property
    def number(self) -> int:
        """Return its number, from 1."""
        return min(self.first // self.size + 1, self.pages)


def read_page(name: str, total: int, size: int, *, default: int = 1) -> ListPage:
    """Return the page of a list that the address names, or the one of the number `default`."""
    last = ListPage(0, total, size).pages
    return ListPage((min(as_seq(address.get(name)) or default, last) - 1) * size, total, size)


def to_first_pages() -> dict[str, None]:
    """Return the changes of the address that lead to the first page of each list, up to now."""
    return dict.fromkeys(("until", "before", *ENDING, LASTING))


def read_until() -> datetime | None:
    """Return the end of the lists in the address, in UTC; None for now, and where it is no moment."""
    return address.read_moment("until")


def end_line(name: str) -> DeltaGenerator:
    """Return the place for the controls at the right end of a line, which go into the next line together or not at all.

    Args:
        name: the place's name, unique on the page.
    """
    return st.container(
        key=f"end-of-{name}", horizontal=True, vertical_alignment="center", gap="small", width="content"
    )


def draw_leafing(name: str, page: ListPage, noun: str, end: datetime | None, words: Sequence[str] = IN_ORDER) -> None:
    """Draw the ways to the other pages of a list that leafs by number, if it has any.

    Args:
        name: the name of the list's page in the address.
        page: the page.
        noun: the word for a row.
        end: the end of the list; other pages keep it, so that newer rows do not move them. None has none.
        words: those for the ways to the first page, and to the one before and after.
    """
    if page.pages == 1:
        return

    def to(number: int) -> None:
        others = [as_seq(address.get(other)) for other in ENDING if other != name]
        is_held = any(others) or (number > 1 and end is not None)
        until = (address.get("until") or (end.isoformat() if end else None)) if is_held else None
        address.put(**{name: str(number) if number > 1 else None, "until": until})

    first, before, after = words
    back, on = {first: partial(to, 1), before: partial(to, page.number - 1)}, {after: partial(to, page.number + 1)}
    draw_pager(page, back, on, to, noun=noun, list_name="" if name == "page" else name)


def draw_pager(
    page: ListPage,
    back: Mapping[str, Callable[[], None]],
    on: Mapping[str, Callable[[], None]],
    to: Callable[[int], None] | None = None,
    *,
    noun: str = "",
    list_name: str = "",
    narrow: bool = False,
) -> None:
    """Draw a page's place in its list, and the ways to other pages.

    Args:
        page: the page.
        back: the ways back, by their words; the last one leads to the page before.
        on: the ways on; the first one leads to the page after.
        to: goes to the page of a number.
        noun: the word for a row.
        list_name: the name of the list, where the page has several.
        narrow: whether only icons have room.
    """
    prefix = list_name and f"{list_name}-"
    key = f"{prefix or 'page-'}number"

    @skip_unanswered
    def jump() -> None:
        if to and (typed := st.session_state[key]) is not None:
            to(min(int(typed), page.pages))
            st.session_state[key] = None

    def draw_ways(ways: Mapping[str, Callable[[], None]], icons: Sequence[str], *, disabled: bool) -> None:
        for (word, go), name in zip(ways.items(), icons, strict=False):
            icon = f":material/{name}:"
            shown: dict[str, Any] = {"label": icon, "help": word} if narrow else {"label": word, "icon": icon}
            st.button(**shown, key=f"{prefix}{word.lower()}", on_click=skip_unanswered(go), disabled=disabled)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{prefix}pager"):
        draw_ways(back, BACK[-len(back) :], disabled=page.first == 0)
        total = format_count(page.total, noun) if noun else f"{page.total:,}"
        st.text(f"{page.first + 1:,} to {page.end:,} of {total}")
        draw_ways(on, ON, disabled=page.end >= page.total)
        if to:
            with end_line(prefix or "page"):
                st.text(f"Page {page.number:,} of {page.pages:,}")
                # It shows no number by itself: a number set here could be taken for one that the user typed.
                st.number_input("Go to page", 1, None, None, key=key, on_change=jump, placeholder="go to",
                                label_visibility="collapsed", width=110)  # fmt: skip
