"""The findings that a viewer has marked as seen, which the page hides in this browser.

Nothing is deleted: a click shows the hidden ones again, and other browsers show all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from analytics.findings.finding import Finding
from analytics.pages.audit.filters import load_titles
from analytics.pages.shared import address
from analytics.pages.shared.components import register_script
from analytics.pages.shared.known.marks import COOKIE, MOST_CHARACTERS, SEEN, Mark, mark
from analytics.senders import list_titles
from analytics.text import as_markdown, format_count, shorten

SHOWN = "shown"
LONGEST_FILTERS = 48
ALONE = "In this browser alone, and nothing is deleted."


def are_shown() -> bool:
    """Say whether the seen findings are listed, too."""
    return address.get("seen") == SHOWN


def show(what: str | None) -> None:
    """Show the findings that were seen, too, or hide them again; the list begins anew."""
    address.put(seen=what, findings=None)


def draw_seen(
    matches: Sequence[Finding],
    unseen: Sequence[Finding],
    marks: Sequence[Mark],
    chosen: Mapping[str, Any],
) -> None:
    """Draw the button that marks what is listed as seen, and the way to what is hidden.

    Args:
        matches: the findings that the range and the filters let through.
        unseen: those of them that are not marked.
        marks: what a click marks.
        chosen: the filters.
    """
    data = {"cookie": COOKIE, "value": st.session_state.get(SEEN), "most": MOST_CHARACTERS}
    register_script("seen", folder=__package__)(key="seen", data=data, height=1)

    def mark_and_hide() -> None:
        mark(marks)
        show(None)

    if unseen:
        st.button(
            describe_button(len(unseen), chosen), key="mark-seen", icon=":material/done_all:", type="tertiary",
            on_click=mark_and_hide, help=describe_marking(len(unseen), chosen),
        )  # fmt: skip
    draw_hidden(len(matches) - len(unseen))


def describe_button(count: int, chosen: Mapping[str, Any]) -> str:
    """Return what a click marks: how many findings, and of which filters."""
    filters = as_markdown(shorten(describe_filters(chosen), LONGEST_FILTERS))
    return f"Mark these {count:,} as seen: {filters}" if filters else f"Mark all {count:,} as seen"


def describe_marking(count: int, chosen: Mapping[str, Any]) -> str:
    """Return what a click hides, and what it does not."""
    filters = as_markdown(describe_filters(chosen))
    others = f" with {filters}. Findings that the filters hide stay new." if filters else "."
    return f"Hides the {format_count(count, 'new finding')} of this time range{others} {ALONE}"


def draw_hidden(hidden: int) -> None:
    """Draw how many findings are hidden and the way to them, or the way to hide them again."""
    if are_shown():
        st.button("Hide what I have seen", key="hide-seen", type="tertiary", on_click=show, args=(None,))
    elif hidden:
        st.button(
            f"Show {hidden:,} seen", key="show-seen", type="tertiary", on_click=show, args=(SHOWN,),
            help=f"{format_count(hidden, 'finding')} marked as seen in this browser.",
        )  # fmt: skip


def describe_filters(chosen: Mapping[str, Any]) -> str:
    """Return the filters of findings in words: `severity high, actor ann`; empty without any."""
    values = {
        "account": chosen["account"] or chosen["account_tree"],
        "sender": list_titles().get(chosen["sender"], chosen["sender"]),
        "severity": " or ".join(chosen["severities"]),
        "rule": " or ".join(map(load_titles().__getitem__, chosen["rules"])),
        "entity": chosen["entity"],
        "actor": chosen["actor"],
    }
    return ", ".join(f"{name} {value}" for name, value in values.items() if value)
