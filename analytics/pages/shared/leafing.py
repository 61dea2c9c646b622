"""The pages of lists that leaf by number, and the end of these lists, which older pages keep."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.open_item import as_seq
from analytics.text import format_count

ENDING = ("page", "findings", "flaps")
"""The names of the pages of lists that end at a moment, in the address."""
LASTING = "lasting"
"""The name of the page of the list of what lasts now: it has no end to keep."""
NEWEST_FIRST, IN_ORDER = ("Newest", "Newer", "Older"), ("First", "Previous", "Next")
"""The words for the ways to the first page, and to the one before and after."""


def to_first_pages() -> dict[str, None]:
    """Return the changes of the address that lead to the first page of each list, up to now."""
    return dict.fromkeys(("until", "before", *ENDING, LASTING))


def read_until() -> datetime | None:
    """Return the end of the lists in the address, in UTC; None for now, and where it is no moment."""
    return address.read_moment("until")


def read_number(name: str, pages: int) -> int:
    """Return the number of a list's page, from 1."""
    return min(as_seq(address.get(name)) or 1, max(pages, 1))


def draw_leafing(
    name: str,
    number: int,
    pages: int,
    extent: tuple[int, int, int],
    noun: str,
    end: datetime | None,
    words: Sequence[str] = IN_ORDER,
) -> None:
    """Draw the page's number, and the ways to other pages.

    Args:
        name: the name of the list's page in the address.
        number: the page.
        pages: the number of pages.
        extent: the places of the first and the last row, from 1, and the number of all.
        noun: the word for a row.
        end: the end of the list; other pages keep it, so that newer rows do not move them. None has none.
        words: those for the ways to the first page, and to the one before and after.
    """
    key = "changes" if name == "page" else name
    prefix = "" if name == "page" else f"{name}-"

    def to(page: int) -> None:
        others = [address.get(other) for other in ENDING if other != name]
        is_held = any(others) or (page > 1 and end is not None)
        until = (address.get("until") or (end.isoformat() if end else None)) if is_held else None
        address.put(**{name: str(page) if page > 1 else None, "until": until})

    def jump() -> None:
        if (typed := st.session_state[f"{key}-number"]) is not None:
            to(min(int(typed), pages))
            st.session_state[f"{key}-number"] = None

    first, last, total = extent
    targets = (1, number - 1, number + 1)
    icons = ("first_page", "chevron_left", "chevron_right")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{prefix}pager"):
        for place, (word, target, icon) in enumerate(zip(words, targets, icons, strict=True)):
            if place == len(words) - 1:
                st.text(f"{first:,} to {last:,} of {format_count(total, noun)}")
            is_end = number >= pages if place == len(words) - 1 else number <= 1
            st.button(word, key=f"{prefix}{word.lower()}", on_click=to, args=(target,), disabled=is_end,
                  icon=f":material/{icon}:")  # fmt: skip
        st.space("stretch")
        st.text(f"Page {number:,} of {pages:,}")
        st.number_input("Go to page", 1, None, None, key=f"{key}-number", on_change=jump, placeholder="go to",
                        label_visibility="collapsed", width=110)  # fmt: skip
