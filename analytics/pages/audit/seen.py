"""The findings that a viewer has marked as seen: a moment in a cookie of this browser, which hides what came before.

Nothing is deleted: a click shows the hidden ones again, and other browsers show all. What counts is when the
notifications of a finding were received, so that a late one is new whatever time it tells.
"""

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from analytics.findings.finding import Finding
from analytics.pages.shared import address
from analytics.pages.shared.components import script
from analytics.pages.shared.formatting import format_with_zone
from analytics.text import plural
from analytics.times import EPOCH, MICROSECOND

COOKIE = "clc_seen"
SEEN = "_seen_until"
"""The place of the moment in the session's state; a cookie that is set meanwhile is not told to the session."""
SHOWN = "shown"
LATEST_MS = 10**14
TIMED_VERSION = 7
"""Ids of this version begin with their time, in milliseconds since 1970."""


def received_ms(finding: Finding) -> int:
    """Return when the last of a finding's notifications was received, in milliseconds since 1970."""
    ids = [UUID(each) for each in finding.notification_ids]
    times = [each.int >> 80 for each in ids if each.version == TIMED_VERSION]
    return max(times, default=(finding.found_at - EPOCH) // MICROSECOND // 1000)


def parse_moment(cookie: str) -> int | None:
    """Return the milliseconds of a cookie; None where it holds no such number."""
    return int(cookie) if cookie.isascii() and cookie.isdigit() and len(cookie) <= len(str(LATEST_MS)) else None


def read_seen() -> int | None:
    """Return the moment up to which findings were seen, in milliseconds since 1970; None where none were marked."""
    marked: int | None = st.session_state.get(SEEN)
    return marked or parse_moment(str(st.context.cookies.get(COOKIE) or ""))


def select_new(findings: list[Finding]) -> list[Finding]:
    """Return the findings to list: those not seen yet, or all while the seen ones are shown."""
    seen = read_seen()
    if seen is None or address.get("seen") == SHOWN:
        return findings
    return [finding for finding in findings if received_ms(finding) > seen]


def mark(findings: Sequence[Finding]) -> None:
    """Mark findings as seen, and all that were received before them."""
    st.session_state[SEEN] = max(map(received_ms, findings))
    show(None)


def show(what: str | None) -> None:
    """Show the findings that were seen, too, or hide them again; the list begins anew."""
    address.put(seen=what, findings=None)


def draw_seen(everything: Sequence[Finding], matches: Sequence[Finding], listed: Sequence[Finding]) -> None:
    """Draw the button that marks all findings as seen, and the way to those that are hidden.

    Args:
        everything: the findings of the time range.
        matches: those of them that the filters let through.
        listed: those of them that are listed.
    """
    marked: int | None = st.session_state.get(SEEN)
    script("seen", folder=__package__)(key="seen", data={"cookie": COOKIE, "value": marked}, height=1)
    seen = read_seen()
    if any(received_ms(finding) > (seen or 0) for finding in everything):
        is_part = len(matches) < len(everything)
        how = "Clear the filters first: this marks all findings." if is_part else "Hides all findings up to now."
        st.button(
            "Mark all as seen", key="mark-seen", icon=":material/done_all:", type="tertiary", on_click=mark,
            args=(everything,), disabled=is_part, help=f"{how} In this browser alone, and nothing is deleted.",
        )  # fmt: skip
    if seen is not None:
        draw_hidden(seen, len(matches) - len(listed))


def draw_hidden(seen: int, hidden: int) -> None:
    """Draw how many findings are hidden and the way to them, or the way to hide them again."""
    if address.get("seen") == SHOWN:
        st.button("Hide what I have seen", key="hide-seen", type="tertiary", on_click=show, args=(None,))
    elif hidden:
        when = format_with_zone(EPOCH + seen * 1000 * MICROSECOND)
        st.button(
            f"Show {hidden:,} seen", key="show-seen", type="tertiary", on_click=show, args=(SHOWN,),
            help=f"{plural(hidden, 'finding')} up to {when} marked as seen in this browser.",
        )  # fmt: skip
