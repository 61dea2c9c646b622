"""Findings of earlier times that became known within the time range, because a notification came or was stored late.

They lie at their own time. So a review of each day's findings would never list one that became known a day later.
"""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from analytics.findings.finding import Finding
from analytics.findings.order import select_between
from analytics.pages.shared import address
from analytics.pages.shared.findings import find_ends
from analytics.pages.shared.known.marks import known_ms
from analytics.times import EPOCH, microseconds

SHOWN = "shown"
HINT = (
    "They happened before this time range, and their last notification was received or stored within it. "
    "A review of each day's findings would miss them."
)


def select_late(findings: Sequence[Finding], since: datetime | None, until: datetime | None) -> list[Finding]:
    """Return the findings from before a time that became known within it; all are in order."""
    begin, end = find_ends(since, until)
    first, last = (microseconds(at) / 1000 for at in (begin, end))
    # Texts of ids begin with the time. There may be some hundred thousand findings, and reading each id takes longer.
    earliest = f"{max(int(first), 0) >> 16:08x}"
    recent = [
        each
        for each in select_between(findings, EPOCH, begin)
        if each.stored_after or max(each.notification_ids, default="") >= earliest
    ]
    return [each for each in recent if first <= known_ms(each) < last]


def is_late_shown() -> bool:
    """Say whether these findings are listed, too."""
    return address.get("late") == SHOWN


def draw_late(count: int) -> None:
    """Draw how many there are, and the way to them or back."""
    if is_late_shown():
        st.button("Hide those of earlier times", key="hide-late", type="tertiary", on_click=show, args=(None,))
    elif count:
        times = "an earlier time" if count == 1 else "earlier times"
        label = f"{count:,} more became known in this range, of {times}"
        st.button(label, key="show-late", icon=":material/history:", type="tertiary", help=HINT,
            on_click=show, args=(SHOWN,))  # fmt: skip


def show(what: str | None) -> None:
    """List these findings, too, or hide them again; the list begins anew."""
    address.put(late=what, findings=None)
