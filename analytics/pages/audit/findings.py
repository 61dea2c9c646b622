"""The findings of the page Audit: over time, in a list, and the open one beside it.

Listed with them, on demand, are findings of earlier times that became known within the time range, because a
notification came or was stored late. They lie at their own time. So a review of each day's findings would never list
one that became known a day later.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from analytics.charts import histogram
from analytics.findings.finding import Finding, make_id_begin, select_between, sort_findings
from analytics.findings.merging import narrow
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.audit.downloads import draw_findings_download
from analytics.pages.audit.finding_panel import draw_finding
from analytics.pages.audit.list_time import ListTime
from analytics.pages.audit.seen import SHOWN, are_shown, draw_seen
from analytics.pages.shared import address
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.components import bring, draw_chart
from analytics.pages.shared.filters import list_chosen
from analytics.pages.shared.findings import (
    MOST_SHOWN,
    count_by_bin,
    describe_counts,
    draw_computed,
    draw_finding_list,
    draw_looking,
    find_ends,
    select_range,
    warn_of,
)
from analytics.pages.shared.formatting import find_viewer_zone
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known.marks import find_unseen, lets_through, make_mark, read_known_ms
from analytics.pages.shared.leafing import draw_leafing, end_line, read_page
from analytics.pages.shared.ranges import choose_own, read_own
from analytics.text import format_count
from analytics.times import EPOCH, OWN, Interval, label_zone, to_microseconds

LATE_HINT = (
    "They happened before this time range, and their last notification was received or stored within it. "
    "A review of each day's findings would miss them."
)
FEW = 5
LIST_PIXELS = 480
NOTHING_HERE = "No rule found anything in this time range"


def select_late(snapshot: FindingsSnapshot, since: datetime | None, until: datetime | None) -> list[Finding]:
    """Return the findings from before a time that became known within it, in order."""
    begin, end = find_ends(since, until)
    first, last = (to_microseconds(at) / 1000 for at in (begin, end))
    earliest = make_id_begin(to_microseconds(begin))
    before = select_between(snapshot.findings, EPOCH, begin)
    # Comparing the ids is quicker than reading the time of each.
    recent = (each for each in before if each.stored_after or max(each.notification_ids) >= earliest)
    return [each for each in recent if first <= read_known_ms(each) < last]


def is_late_shown() -> bool:
    """Say whether findings of earlier times are listed, too."""
    return address.get("late") == SHOWN


def draw_late(count: int) -> None:
    """Draw how many findings of earlier times there are, and the way to them or back."""
    if is_late_shown():
        st.button("Hide those of earlier times", key="hide-late", type="tertiary", on_click=show_late, args=(None,))
    elif count:
        label = f"{count:,} more, of {'an earlier time' if count == 1 else 'earlier times'}"
        st.button(label, key="show-late", icon=":material/history:", type="tertiary", help=LATE_HINT,
            on_click=show_late, args=(SHOWN,))  # fmt: skip


def show_late(what: str | None) -> None:
    """List findings of earlier times, too, or hide them again; the list begins anew."""
    address.put(late=what, findings=None)


class Lists(NamedTuple):
    """The findings that the filters let through.

    `matches` are those of the time range, and `late` those of earlier times that became known within it. `unseen` and
    `unseen_late` are those of them that are not marked as seen.
    """

    matches: list[Finding]
    unseen: list[Finding]
    late: list[Finding]
    unseen_late: list[Finding]

    def list_shown(self) -> list[Finding]:
        """Return the findings to list, the worst first, then the newest."""
        late = (self.late if are_shown() else self.unseen_late) if is_late_shown() else []
        return sort_findings([*(self.matches if are_shown() else self.unseen), *late])


def make_lists(snapshot: FindingsSnapshot, chosen: dict[str, Any], time: ListTime) -> Lists:
    """Return the findings of a time that the filters let through."""
    below = list_chosen(chosen)
    matches, late = (
        [each for one in findings if (each := narrow(one, lambda part: lets_through(part, chosen, below)))]
        for findings in (
            select_range(snapshot.findings, time.since, time.until),
            select_late(snapshot, time.since, time.until),
        )
    )
    return Lists(matches, find_unseen(matches), late, find_unseen(late))


def draw_findings(chosen: dict[str, Any], time: ListTime, snapshot: FindingsSnapshot | None) -> None:
    """Draw the findings over time, their list, and the open finding beside it."""
    if snapshot is None:
        draw_looking()
        return
    lists = make_lists(snapshot, chosen, time)
    open_id = address.get("finding")
    # A fixed place, so that a failing rule moves nothing below.
    with st.container(key="rule-problems-place"):
        warn_of(snapshot.problems)
    if not lists.matches and not lists.late and not open_id:
        draw_none(snapshot, is_filtered=bool(select_range(snapshot.findings, time.since, time.until)))
        return
    left, right = st.columns([11, 9], gap="small") if open_id else (st.container(), None)
    with left:
        # Filled last, because a chart keeps the browser busy longest.
        above = st.container()
        listed = lists.list_shown()
        draw_head(lists, listed, chosen, time, snapshot)
        if listed:
            draw_page_of_findings(listed, open_id)
        else:
            draw_nothing_new(lists)
    if right and open_id:
        with right:
            draw_finding(open_id, snapshot)
    with above:
        draw_over_time(lists.matches, time)


def draw_none(snapshot: FindingsSnapshot, *, is_filtered: bool) -> None:
    """Say that the time range has no findings, or none that fits the filters."""
    with st.container(key="no-findings", border=True):
        st.subheader("No findings", anchor=False)
        st.caption(f"{NOTHING_HERE} that fits these filters." if is_filtered else f"{NOTHING_HERE}.")
        draw_computed(snapshot)


def draw_head(
    lists: Lists, listed: list[Finding], chosen: dict[str, Any], time: ListTime, snapshot: FindingsSnapshot
) -> None:
    """Draw the numbers over the list, and the buttons beside them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="findings-head"):
        numbers = f": {describe_counts(listed)}" if listed else ""
        all_of_them = [*lists.matches, *(lists.late if is_late_shown() else ())]
        what = "new finding" if len(listed) < len(all_of_them) else "finding"
        st.markdown(f"**{format_count(len(listed), what)}**{numbers}", width="content")
        draw_whole(len(listed))
        draw_late(len(lists.late if are_shown() else lists.unseen_late))
        draw_computed(snapshot)
        since, until = find_ends(time.since, time.until)
        marks = [make_mark(lists.unseen, (since, until), chosen)] if lists.unseen else []
        if is_late_shown() and lists.unseen_late:
            marks.append(make_mark(lists.unseen_late, (EPOCH, since), chosen, known_since=since))
        with end_line("findings"):
            draw_seen(all_of_them, find_unseen(all_of_them), marks, chosen)
            draw_findings_download(all_of_them)


def draw_nothing_new(lists: Lists) -> None:
    """Say why no finding is listed, though some fit the filters."""
    with st.container(key="nothing-new", border=True):
        seen = "Nothing new: you marked all of these as seen."
        st.caption(seen if lists.matches else f"{NOTHING_HERE}.")


def is_whole() -> bool:
    """Say whether all findings are listed: on request, on a later page, and beside an open one."""
    return bool(address.get("findings") or address.get("finding"))


def draw_whole(total: int) -> None:
    """Draw the way from the first findings to all of them, or back."""
    if total > FEW and not address.get("finding"):
        label, value = (f"First {FEW}", None) if is_whole() else (f"All {total:,}", "all")
        st.button(label, key="all-findings", type="tertiary", on_click=partial(address.put, findings=value))


def draw_page_of_findings(listed: list[Finding], open_id: str | None) -> None:
    """Draw the first findings, or a page of all."""
    page = read_page("findings", len(listed), MOST_SHOWN if is_whole() else FEW)
    draw_finding_list(listed[page.first : page.end], key="findings", on_open=open_finding,
                      chosen=open_id, height=LIST_PIXELS)  # fmt: skip
    if is_whole():
        newest = max(finding.found_at for finding in listed)
        end = max(read_now(), newest + timedelta(microseconds=1))  # some have a time in the future
        draw_leafing("findings", page, "finding", end)


def open_finding(identity: str) -> None:
    """Open a finding."""
    address.put(finding=identity)
    bring("detail")


def draw_over_time(matches: list[Finding], time: ListTime) -> None:
    """Draw the chart, from when on the store is complete; a brush narrows the range."""
    complete_since = read_freshness().complete_since
    matches = select_range(matches, complete_since, None)
    if not matches:
        return
    bins = time.find_bins(min(finding.found_at for finding in matches), complete_since)
    # Another range is another chart: a brush that led to it is not drawn over it.
    key = f"chart-findings-{read_own() if time.name == OWN else time.name}"

    def narrow() -> None:
        if ends := histogram.read_brush(st.session_state[key].selection.get(histogram.BRUSH), bins):
            choose_own(Interval(*ends))

    with st.container(key="findings-over-time", border=True):
        place = label_zone(find_viewer_zone())
        chart = histogram.draw_findings(count_by_bin(matches, bins.bin_us), bins, place=place, dark=is_dark())
        draw_chart(chart, key=key, on_select=narrow, selection_mode=histogram.BRUSH)
