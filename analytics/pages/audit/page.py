"""The page Audit: the findings of rules, and all changes with actor, time, old and new value."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.findings.finding import Finding
from analytics.findings.rule_headers import MARKS
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.audit.downloads import draw_changes_download
from analytics.pages.audit.filters import choose_filters
from analytics.pages.audit.findings import draw_findings, open_finding
from analytics.pages.audit.list_time import draw_place, draw_time
from analytics.pages.shared import going
from analytics.pages.shared.changes import KIND_TEXTS, as_change
from analytics.pages.shared.completeness import (
    describe_too_early,
    draw_complete_since,
    draw_store_empty,
    is_store_empty,
)
from analytics.pages.shared.components import Column, Line, Tone, draw_bringing, draw_table
from analytics.pages.shared.filters import split_names, title_accounts
from analytics.pages.shared.findings import SENDER_COLUMN
from analytics.pages.shared.formatting import format_lag, format_number
from analytics.pages.shared.frame import draw_page, is_dark
from analytics.pages.shared.known.findings import (
    list_sentences,
    load_findings,
    map_findings,
)
from analytics.pages.shared.leafing import NEWEST_FIRST, draw_leafing, end_line, read_page
from analytics.pages.shared.ranges import draw_reversed, is_own_reversed
from analytics.pages.shared.store import ask, find_sender_of_row, list_rows, null_to_none, to_moment
from analytics.senders import has_several_senders, list_doubting_rules, list_titles
from analytics.senders.marks import choose_mark
from analytics.text import format_count, shorten
from analytics.words.meanings import explain_never_reported
from analytics.words.sentences import make_sentence

PAGE_ROWS = 50
LIST_PIXELS = 620
LONGEST = 260
FINDING, FINDING_PLACE = "Finding", 3
FINDING_COLUMN = Column(FINDING, "6.2rem", opens=True)
"""The column where the notification of a row is in a finding."""


def list_columns(*, named: bool) -> tuple[Column, ...]:
    """Return the columns of changes; `named` says whether findings name some of them."""
    return (
        Column("Occurred", "9.2rem", time=True, days=True),
        Column("Kind", "3.4rem"),
        Column("Change", "100%", says=True),
        *([FINDING_COLUMN] if named else []),
        Column("Entity", "15.5rem", opens=True, names=True),
        Column(title_accounts(), "8rem" if has_several_senders() else "5.6rem", opens=True, rank=1),
        Column("Actor", "15rem", opens=True),
        *([SENDER_COLUMN] if has_several_senders() else []),
        Column("Notification", "6.8rem", opens=True, rank=2),
    )


def show() -> None:
    """Draw the page."""
    chosen: dict[str, Any] = {}
    places: dict[str, DeltaGenerator] = {}

    def draw_controls() -> None:
        places["time"] = draw_place()
        chosen.update(choose_filters())

    draw_page(
        "Audit",
        "Findings, and every change with its old and new values. Click one to see where it comes from.",
        draw_controls,
        lambda: draw_body(chosen, places["time"]),
    )


def draw_body(chosen: dict[str, Any], place: DeltaGenerator) -> None:
    """Draw findings, and below them the changes; `place` is that of the controls of time."""
    time = draw_time(place)
    draw_complete_since(time.since)
    if is_store_empty():
        draw_store_empty()
        return
    if is_own_reversed():
        draw_reversed()
        return
    snapshot = load_findings()
    draw_bringing()
    draw_findings(chosen, time, snapshot)
    values = {name: value for name, value in chosen.items() if name not in ("severities", "rules")}
    values |= {**split_names(chosen), "since": time.since, "until": time.until}
    draw_changes(values, time.end, snapshot)


def draw_changes(values: dict[str, Any], end: datetime, snapshot: FindingsSnapshot | None) -> None:
    """Draw the head and a page of the changes.

    Args:
        values: parameters of the queries.
        end: the end of the list; older pages keep it, so that newer changes do not move them.
        snapshot: the findings; None while they are being computed, and then no row names one.
    """
    counts = ask("changes_count", **values).iloc[0]
    total, unseen = int(counts["total"]), int(counts["unseen"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="changes-head"):
        hidden = f", {unseen:,} with no visible change" if unseen else ""
        st.markdown(f"**{format_count(total, 'change')}**{hidden}", width="content")
        with end_line("changes"):
            draw_changes_download(total, values, snapshot.findings if snapshot else None)
    if not total:
        draw_no_changes(values)
        return
    page = read_page("page", total, PAGE_ROWS)
    rows = list(list_rows(ask("changes_page", page_rows=PAGE_ROWS, position=page.first, **values)))
    if rows and not page.first and (newest := to_moment(rows[0].changed_at)):
        end = max(end, newest + timedelta(microseconds=1))  # some have a time in the future
    identities = [row.notification_id for row in rows]
    draw_rows(rows, map_findings(snapshot.findings if snapshot else (), identities))
    draw_leafing("page", page, "change", end, NEWEST_FIRST)


def draw_no_changes(values: Mapping[str, Any]) -> None:
    """Say that no change fits the filters and the time range, and how to find some, if there can be any."""
    is_filtered = any(value for name, value in values.items() if name not in {"since", "until", "without_noise"})
    longer = "" if values["since"] is None else "choose a longer time range"
    with st.container(key="nothing", border=True):
        st.subheader("No changes", anchor=False)
        never = explain_never_reported(st.session_state.get("field") or "")
        if is_filtered:
            advice = f"None matches these filters in this time range. Clear them{longer and f', or {longer}'}."
        else:
            advice = f"Nothing changed in this time range.{longer and f' You can {longer}.'}"
        st.caption(never or describe_too_early(values["until"]) or advice)


def draw_rows(rows: list[Any], findings: Mapping[str, list[Finding]]) -> None:
    """Draw changes; where the notification of one is in findings, a column leads to the first of them.

    Args:
        rows: the changes.
        findings: the findings that a notification is behind, by its id; those that doubt it come first.
    """
    lines = {f"{row.seq} {row.kind} {row.path}": row for row in rows}
    named = {identity: findings.get(str(row.notification_id), []) for identity, row in lines.items()}
    named = {identity: about for identity, about in named.items() if about}

    def open_row(identity: str, column: str) -> None:
        if column == FINDING and identity in named:
            open_finding(named[identity][0].id)
        elif (row := lines.get(identity)) is not None:
            follow(row, column)

    shown = [as_line(identity, row) for identity, row in lines.items()]
    if named:
        shown = [add_findings(line, named.get(line.id, [])) for line in shown]
    draw_table(
        list_columns(named=bool(named)),
        shown,
        key="changes",
        alt="Changes, newest first",
        on_open=open_row,
        height=LIST_PIXELS,
    )


def add_findings(line: Line, findings: list[Finding]) -> Line:
    """Add the cell with the severity of the finding that a row's notification is in; one in doubt is marked."""
    mark = MARKS[findings[0].severity] if findings else ""
    is_doubted = bool(findings) and findings[0].rule in list_doubting_rules()
    tones: list[Tone | None] = [*line.tones, "notice" if is_doubted else None]
    return line._replace(
        cells=[*line.cells[:FINDING_PLACE], mark, *line.cells[FINDING_PLACE:]],
        tones=tones,
        hovers=[*line.hovers, None, list_sentences(findings)],
    )


def follow(row: Any, column: str) -> None:
    """Go to the target of a click on a change's column."""
    if column == title_accounts() and null_to_none(row.account_alias):
        going.to_account(row.account_alias, find_sender_of_row(row))
    elif column == "Actor" and null_to_none(row.actor):
        going.to_actor(row.actor, find_sender_of_row(row))
    elif column == "Notification":
        going.to_notification(int(row.seq))
    elif column == "Entity":
        going.to_entity(row.category, row.entity_id, sender=find_sender_of_row(row))
    else:
        going.to_entity(row.category, row.entity_id, int(row.seq), sender=find_sender_of_row(row))


def as_line(identity: str, row: Any) -> Line:
    """Return a change as a row; it says when its notification was late."""
    late = format_lag(to_moment(row.changed_at), to_moment(row.received_at), null_to_none(row.source_ip))
    kind = KIND_TEXTS.get(row.kind, shorten(row.kind, 20))
    cells = [
        to_moment(row.changed_at),
        kind[:1],
        "; ".join(filter(None, (shorten(make_sentence(as_change(row)), LONGEST), late))),
        shorten(row.entity_id, 80),
        shorten(null_to_none(row.account_alias) or "", 24),
        shorten(null_to_none(row.actor) or "", 60),
        format_number(row.seq),
    ]
    sender = find_sender_of_row(row)
    if sender:
        cells.insert(-1, list_titles().get(sender, sender))
    mark = choose_mark(sender, dark=is_dark()) if sender else None
    tone: Tone | None = "quiet" if row.noise else "notice" if row.kind == "unseen" else None
    return Line(identity, cells, tones=[None, tone, tone], hovers=[None, kind], mark=mark)
