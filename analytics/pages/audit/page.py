"""The page Audit: the findings of rules, and all changes with actor, time, old and new value."""

from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from analytics.charts import histogram
from analytics.findings.rule_files import SEVERITIES
from analytics.findings.running import Finding
from analytics.pages.shared import address
from analytics.pages.shared.answers import now
from analytics.pages.shared.changes import KIND_TEXTS, as_change
from analytics.pages.shared.components import Column, Line, Tone, draw_table
from analytics.pages.shared.filters import (
    account_filter,
    draw_chips,
    draw_filters,
    draw_range,
    list_chips,
    list_chosen,
)
from analytics.pages.shared.findings import (
    count_by_bin,
    describe_counts,
    draw_computed,
    draw_finding,
    draw_finding_list,
    draw_looking,
    load_findings,
    select_range,
    warn_of,
)
from analytics.pages.shared.formatting import number_text, viewer_zone
from analytics.pages.shared.frame import draw_page, is_dark
from analytics.pages.shared.open_item import as_seq
from analytics.pages.shared.store import ask, moment, null_to_none, records
from analytics.senders import any_entity, examples
from analytics.text import plural, shorten
from analytics.times import RANGES, period, zone_label
from analytics.words.sentences import sentence

DEFAULT_RANGE = "7 d"
FILTERS: dict[str, Any] = {"severity": [], "kind": [], "field": "", "entity": "", "actor": "", "noise": False}
PAGE_ROWS = 50
LIST_PIXELS = 620
LONGEST = 260
CHANGE_COLUMNS = (
    Column("Occurred", "12rem", time=True),
    Column("Kind", "6.6rem"),
    Column("Change", "50%", opens=True),
    Column("Entity", "19%", opens=True),
    Column("Account", "8%", opens=True),
    Column("Actor", "23%", opens=True),
    Column("Notification", "7.5rem", opens=True),
)


def show() -> None:
    """Draw the page."""
    chosen: dict[str, Any] = {}
    draw_page(
        "Audit",
        "Findings, and every change with its old and new values. Click one to see where it comes from.",
        lambda: chosen.update(filters()),
        lambda: body(chosen),
    )


def body(chosen: dict[str, Any]) -> None:
    """Draw findings, and below them the changes."""
    until = read_moment(address.get("until"))
    draw_findings(chosen, until)
    draw_changes(chosen, until)


def read_moment(text: str | None) -> datetime | None:
    """Return a moment of the address, in UTC; None where the text is no moment."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def to_first() -> None:
    """Go to the first page, up to now, because another filter makes another list."""
    address.put(page=None, until=None)


def clear() -> None:
    """Remove all filters."""
    st.session_state.update(FILTERS | {"range": DEFAULT_RANGE})
    address.put(account=None, page=None, until=None)


def filters() -> dict[str, Any]:
    """Draw the filters and return their values."""
    bound: dict[str, Any] = {"bind": "query-params", "on_change": to_first}
    length = draw_range(on_change=to_first)
    account = account_filter()
    with draw_filters(FILTERS, clear):
        severities = st.multiselect("Severity", SEVERITIES, key="severity", placeholder="Any severity", **bound)
        kinds = st.multiselect("Kinds of change", list(KIND_TEXTS), key="kind", placeholder="All kinds", **bound)
        named_field = st.text_input("Field contains", key="field", placeholder=examples().fields, **bound)
        named = st.text_input("Entity contains", key="entity", placeholder=any_entity(), **bound)
        by = st.text_input("Actor contains", key="actor", placeholder="who changed it", **bound)
        with_noise = st.checkbox(
            "with noise",
            key="noise",
            help="Dates and names of the change itself, links, and fields that only the format added or dropped.",
            **bound,
        )
    values = {
        "severity": ("Severity", ", ".join(severities)),
        "kind": ("Kind", ", ".join(kinds)),
        "field": ("Field", named_field),
        "entity": ("Entity", named),
        "actor": ("Actor", by),
        "noise": ("With", "noise" if with_noise else ""),
    }
    draw_chips(list_chips(values, FILTERS, to_first))
    return {
        **account,
        "range": length,
        "severities": severities,
        "kinds": kinds or None,
        "field": named_field or None,
        "entity": named or None,
        "actor": by or None,
        "without_noise": None if with_noise else True,
    }


def lets_through(finding: Finding, chosen: dict[str, Any], below: set[str] | None) -> bool:
    """Say whether the filters let a finding through."""
    names = {"entity": finding.entity_id, "actor": finding.actor}
    return (
        (not chosen["severities"] or finding.severity in chosen["severities"])
        and (below is None or finding.account_alias in below)
        and all(
            chosen[name] is None or chosen[name].lower() in str(value or "").lower() for name, value in names.items()
        )
    )


def draw_findings(chosen: dict[str, Any], until: datetime | None) -> None:
    """Draw the findings over time, their list, and the open finding beside it."""
    snapshot = load_findings()
    if snapshot is None:
        draw_looking()
        return
    everything = select_range(snapshot.findings, chosen["range"], until)
    below = list_chosen(chosen)
    matches = [finding for finding in everything if lets_through(finding, chosen, below)]
    open_id = address.get("finding")
    # A fixed place, so that a failing rule moves nothing below.
    with st.container(key="rule-problems-place"):
        warn_of(snapshot.problems)
    if not matches and not open_id:
        with st.container(key="no-findings", border=True):
            st.subheader("No findings", anchor=False)
            some = "None of the rules found anything in this time range"
            st.caption(f"{some}." if not everything else f"{some} that fits these filters.")
            draw_computed(snapshot)
        return
    left, right = st.columns([11, 9], gap="small") if open_id else (st.container(), None)
    with left:
        # Filled last, because a chart keeps the browser busy longest.
        above = st.container()
        st.markdown(f"**{plural(len(matches), 'finding')}**" + (f": {describe_counts(matches)}" if matches else ""))
        draw_computed(snapshot)
        draw_finding_list(matches, key="findings", on_open=open_finding, narrow=bool(open_id), chosen=open_id)
    if right and open_id:
        with right:
            draw_finding(open_id, snapshot)
    with above:
        draw_over_time(matches, chosen["range"], until)


def open_finding(identity: str) -> None:
    """Open a finding."""
    address.put(finding=identity)


def draw_over_time(matches: list[Finding], name: str, until: datetime | None) -> None:
    """Draw the chart."""
    if not matches:
        return
    span = period(name, until or now(), matches[-1].found_at)
    with st.container(key="findings-over-time", border=True):
        place = zone_label(viewer_zone())
        chart = histogram.draw_findings(count_by_bin(matches, span.bin_us), span, place=place, dark=is_dark())
        st.altair_chart(chart, key="chart-findings")


def draw_changes(chosen: dict[str, Any], until: datetime | None) -> None:
    """Draw the changes."""
    length = RANGES[chosen["range"]]
    end = until or now()
    values = {name: value for name, value in chosen.items() if name not in ("range", "severities")}
    draw_change_list({**values, "since": end - length if length is not None else None, "until": until}, end)


def draw_change_list(values: dict[str, Any], end: datetime) -> None:
    """Draw a page of the changes.

    Args:
        values: parameters of the queries.
        end: the end of the list; older pages keep it, so that newer changes do not move them.
    """
    counts = ask("changes_count", **values).iloc[0]
    total, unseen = int(counts["total"]), int(counts["unseen"])
    with st.container(key="changes-head"):
        hidden = f", {unseen:,} of them without a visible field" if unseen else ""
        st.markdown(f"**{plural(total, 'change')}**{hidden}")
    if not total:
        with st.container(key="nothing", border=True):
            st.subheader("No changes", anchor=False)
            st.caption("None matches these filters in this time range. Clear them, or choose a longer time range.")
        return
    pages = -(-total // PAGE_ROWS)
    number = min(as_seq(address.get("page")) or 1, pages)
    rows = list(records(ask("changes_page", page_rows=PAGE_ROWS, position=(number - 1) * PAGE_ROWS, **values)))
    if rows and number == 1 and (newest := moment(rows[0].changed_at)):
        end = max(end, newest + timedelta(microseconds=1))  # some have a time in the future
    lines = {f"{row.seq} {row.kind} {row.path}": row for row in rows}

    def open_row(identity: str, column: str) -> None:
        if (row := lines.get(identity)) is not None:
            follow(row, column)

    draw_table(
        CHANGE_COLUMNS,
        [as_line(identity, row) for identity, row in lines.items()],
        key="changes",
        alt="Changes, newest first",
        on_open=open_row,
        height=LIST_PIXELS,
        wrap=True,
    )
    draw_pager(number, pages, total, len(rows), end)


def follow(row: Any, column: str) -> None:
    """Go to the target of a click on a change's column."""
    if column == "Account" and null_to_none(row.account_alias):
        address.to_account(row.account_alias)
    elif column == "Actor" and null_to_none(row.actor):
        address.to_actor(row.actor)
    elif column == "Notification":
        address.to_notification(int(row.seq))
    elif column == "Entity":
        address.to_entity(row.category, row.entity_id)
    else:
        address.to_entity(row.category, row.entity_id, int(row.seq))


def as_line(identity: str, row: Any) -> Line:
    """Return a change as a row."""
    cells = [
        moment(row.changed_at),
        KIND_TEXTS.get(row.kind, shorten(row.kind, 20)),
        shorten(sentence(as_change(row)), LONGEST),
        shorten(row.entity_id, 80),
        shorten(null_to_none(row.account_alias) or "", 24),
        shorten(null_to_none(row.actor) or "", 60),
        number_text(row.seq),
    ]
    tone: Tone | None = "quiet" if row.noise else "notice" if row.kind == "unseen" else None
    return Line(identity, cells, tones=[None, tone, tone])


def draw_pager(number: int, pages: int, total: int, rows: int, end: datetime) -> None:
    """Draw the page's number, and the ways to other pages."""

    def to(page: int) -> None:
        # A later page stays the same while changes come: it keeps the end of the list at which leafing began.
        until = address.get("until") or end.isoformat()
        address.put(page=str(page) if page > 1 else None, until=until if page > 1 else None)

    def jump() -> None:
        if (typed := st.session_state["changes-number"]) is not None:
            to(min(int(typed), pages))
            st.session_state["changes-number"] = None

    first = (number - 1) * PAGE_ROWS + 1
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pager"):
        st.button("Newest", key="newest", on_click=to, args=(1,), disabled=number <= 1, icon=":material/first_page:")
        st.button("Newer", key="newer", on_click=to, args=(number - 1,), disabled=number <= 1,
                  icon=":material/chevron_left:")  # fmt: skip
        st.text(f"{first:,} to {first + rows - 1:,} of {plural(total, 'change')}")
        st.button("Older", key="older", on_click=to, args=(number + 1,), disabled=number >= pages,
                  icon=":material/chevron_right:")  # fmt: skip
        st.space("stretch")
        st.text(f"Page {number:,} of {pages:,}")
        st.number_input("Go to page", 1, None, None, key="changes-number", on_change=jump, placeholder="go to",
                        label_visibility="collapsed", width=110)  # fmt: skip
