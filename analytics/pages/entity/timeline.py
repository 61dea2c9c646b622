"""The timeline of an entity: its notifications, page by page, and a step with its changes and its body."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.charts.alarms import find_alarms, format_metric, select_lasting
from analytics.findings.finding import Finding
from analytics.pages.shared import address, going
from analytics.pages.shared.answers import read_now, skip_unanswered
from analytics.pages.shared.changes import (
    Report,
    describe_each,
    describe_what,
    draw_difference,
    find_due,
    make_event_column,
    read_alerts,
)
from analytics.pages.shared.completeness import describe_gone
from analytics.pages.shared.components import Cell, Column, Line, bring, draw_age_line, draw_table
from analytics.pages.shared.detail import draw_facts, draw_payload, draw_receipt, draw_verdict
from analytics.pages.shared.formatting import format_event, format_reading, format_with_zone
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known.findings import load_doubts
from analytics.pages.shared.leafing import draw_pager, end_line, read_page, read_until
from analytics.pages.shared.open_item import draw_copies
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.senders import (
    as_words,
    colours,
    find_account_word,
    has_several_senders,
    has_state,
    is_account,
    is_person,
    list_alerts,
    list_categories_of,
)
from analytics.text import as_markdown, shorten
from analytics.words.sayings import Saying
from analytics.words.sentences import UNSEEN

PAGE_ROWS = 30
MOST_ALARMS = 5
LIST_PIXELS = 460
FEW = 5
LAST_SEQ = 2**63 - 1


class Moment(NamedTuple):
    """A moment in an entity's life: after the notifications up to a time, and at that time up to a number."""

    at: datetime
    seq: int


class Entity(NamedTuple):
    """An entity: its category, its id as the store has it, and its sender."""

    category: str
    name: str
    sender: str

    @property
    def values(self) -> dict[str, str | None]:
        """Return its parameters for queries; the sender only where the store has several."""
        return {
            "category": self.category,
            "entity": self.name,
            "sender": self.sender if has_several_senders() else None,
        }

    def has(self, row: Any) -> bool:
        """Say whether a notification is about it."""
        own = (row["sender"], row["entity_id"]) == (self.sender, self.name)
        return own and row["category"] in list_categories_of(self.category)

    @property
    def is_account(self) -> bool:
        """Say whether it is an account of its sender."""
        return is_account(self.category, self.sender)

    @property
    def kind_in_words(self) -> str:
        """Return what its sender calls it."""
        is_called = find_account_word(self.sender)
        return is_called if self.is_account and is_called != "account" else as_words(self.category, self.sender)

    @property
    def is_person(self) -> bool:
        """Say whether it is a user of its sender."""
        return is_person(self.category, self.sender)


def list_columns(entity: Entity) -> tuple[Column, ...]:
    """Return the columns of the timeline; no notification of a user names its actor."""
    return (
        Column("Occurred", "6.4rem", opens=True, time=True, days=True),
        make_event_column(entity.sender, names=True),
        *(() if entity.is_person else (Column("Actor", "9.5rem"),)),
        Column("What changed", "100%", says=True),
    )


def open_step(seq: str, _: str = "") -> None:
    """Show the entity's state after a notification."""
    address.put(step=seq, at=None)
    bring("detail")


def count_later(entity: Entity, seq: int) -> int:
    """Return the number of the entity's notifications that happened after one of them."""
    return int(ask("entity_position", step=seq, **entity.values).iloc[0]["newer"])


def draw_timeline(entity: Entity, steps: int, step: int | None, *, shown: int | None) -> None:
    """Draw a page of the timeline, which ends now or at the moment that its pages keep.

    Args:
        entity: the entity.
        steps: the number of all its notifications.
        step: the notification in the address.
        shown: the notification that is shown beside it, to be marked.
    """
    if until := read_until():
        steps = int(ask("entity_steps", until=until, **entity.values).iloc[0]["steps"])
    of_step = 1 if step is None else count_later(entity, step) // PAGE_ROWS + 1
    page = read_page("page", steps, PAGE_ROWS, default=of_step)
    place = {"page_rows": PAGE_ROWS, "position": page.first, "until": until}
    rows = ask("entity_notifications", **place, **entity.values)
    reports, doubts = read_alerts(rows, entity.name), load_doubts(rows["id"])
    said = describe_rows(entity, rows, reports)
    draw_table(
        list_columns(entity),
        [
            as_line(row, said[row.seq], entity, doubts.get(str(row.id), ()), find_due(reports, row.seq))
            for row in list_rows(rows)
        ],
        key="steps",
        alt="Timeline of this entity, newest first",
        on_open=open_step,
        height=LIST_PIXELS,
        chosen=None if shown is None else str(shown),
        colours=colours(is_dark()),
        short=FEW,
        # The address need not have the page's number: it then is that of the step.
        steady=(page.number, address.describe_view()),
    )
    if page.pages > 1:
        draw_pager(page, {"Newer": partial(to_page, page.number - 1)}, {"Older": partial(to_page, page.number + 1)})


def describe_rows(entity: Entity, rows: pd.DataFrame, reports: Mapping[int, Report]) -> dict[int, Saying]:
    """Return what each notification of a page says and changed."""
    if rows.empty:
        return {}
    span = {"first": int(rows["seq"].min()), "last": int(rows["seq"].max())}
    return describe_each(rows, ask("entity_changes", **span, **entity.values), reports)


def as_line(row: Any, saying: Saying, entity: Entity, doubts: Sequence[Finding], due: datetime | None) -> Line:
    """Return a notification as a row of the timeline; a hidden change is marked."""
    is_hidden = UNSEEN in saying.text and has_state(row.category)
    what = describe_what(row, saying, doubts, due, tone="notice" if is_hidden else None)
    who = [] if entity.is_person else [shorten(null_to_none(row.actor) or "", 60)]
    cells: list[Cell] = [to_moment(row.occurred_at), format_event(row), *who, what.text]
    before: list[None] = [None] * (len(cells) - 1)
    return Line(str(row.seq), cells, format_event(row), [*before, what.tone], [*before, what.hover])


def draw_alarms(entity: Entity, at: datetime | None) -> None:
    """Draw a button for each metric of the entity in alarm at a time, or now, that leads to the alarm's own step."""
    span = {"first": 0, "last": LAST_SEQ, "entity": entity.name}
    states = [ask(alert.states, **span) for alert in list_alerts(entity.sender) if alert.kind == entity.category]
    alarms = [alarm for each in states if len(each) for alarm in list_rows(select_lasting(find_alarms(each), at))]
    for place, alarm in enumerate(alarms[:MOST_ALARMS]):
        st.button(f":red[:material/alarm_on: **{as_markdown(describe_alarm(alarm))}**]", key=f"open-alarm-{place}",
              type="tertiary", on_click=open_step, args=(str(alarm.seq),))  # fmt: skip
    if len(alarms) > MOST_ALARMS:
        st.caption(f"and {len(alarms) - MOST_ALARMS:,} more")


def describe_alarm(alarm: Any) -> str:
    """Return an alarm in words: its time, its metric and its reading; an alert carries no threshold."""
    begin, end = to_moment(alarm.begin), to_moment(alarm.end)
    time = f"from {format_with_zone(begin)} to {format_with_zone(end)}" if end else f"since {format_with_zone(begin)}"
    reading = format_reading(alarm.reading)
    return f"In alarm {time}: {format_metric(alarm.metric)} above its threshold" + (
        f", at {reading}" if reading else ""
    )


def to_page(number: int) -> None:
    """Go to a page of the timeline; older ones keep its end."""
    address.put(page=str(number), until=(address.get("until") or read_now().isoformat()) if number > 1 else None)


def draw_step(entity: Entity, seq: int, *, steps: int, latest: bool) -> None:
    """Draw a step: its time, its actor, its changes, and its body."""
    rows = ask("notification", seq=seq)
    with st.container(key="detail", border=True, gap="small"):
        if rows.empty:
            st.text(f"Notification {seq} is not here. {describe_gone(seq)}")
            return
        row = rows.iloc[0]
        if not entity.has(row):
            st.text(f"Notification {seq} is not about this {entity.category.lower()}.")
            return
        draw_step_head(entity, row, steps=steps, latest=latest)
        draw_verdict(row)
        draw_receipt(row)
        # A fixed place: what moves in the browser's tree loses its bond to the address (see `choose_account`).
        with st.container(key="step-actor"):
            if null_to_none(row["actor"]):
                label = f"By {as_markdown(shorten(str(row['actor']), 60))}"
                st.button(
                    label,
                    key="open-actor",
                    on_click=going.to_actor,
                    args=(row["actor"], row["sender"]),
                    icon=":material/person:",
                )
        with st.container(horizontal=True, gap="small", key="step-evidence"):
            where = (int(row["seq"]),)
            st.button("Its notification", key="open-notification", on_click=going.to_notification, args=where,
                      icon=":material/mail:")  # fmt: skip
            draw_copies(row)
        draw_difference(row)
        st.caption("Its body in this notification" if has_state(row["category"]) else "The alert")
        draw_payload(row["payload"])
        with st.popover("More", icon=":material/info:", key="step-more"):
            draw_facts(
                [
                    ("Received", format_with_zone(to_moment(row["received_at"]))),
                    ("From address", null_to_none(row["source_ip"])),
                    ("Number", row["seq"]),
                    ("Id", row["id"]),
                ]
            )


def draw_step_head(entity: Entity, row: Any, *, steps: int, latest: bool) -> None:
    """Draw the head of a step, and the ways to its neighbours."""
    position = count_later(entity, int(row["seq"]))

    @skip_unanswered
    def to(place: int) -> None:
        rows = ask("entity_notifications", page_rows=1, position=place, **entity.values)
        if len(rows):
            open_step(str(rows.iloc[0]["seq"]))
            address.put(page=None, until=None)

    # As in the timeline, nothing happens after it came, whatever time its body tells.
    occurred = to_moment(min(row["occurred_at"], row["received_at"]))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="step-head"):
        st.text(format_event(row))
        with end_line("step"):
            st.button("Earlier", key="step-earlier", on_click=to, args=(position + 1,), disabled=position + 1 >= steps,
                      icon=":material/arrow_back:")  # fmt: skip
            st.button("Later", key="step-later", on_click=to, args=(position - 1,), disabled=position <= 0,
                      icon=":material/arrow_forward:")  # fmt: skip
            now = {"step": None, "at": None, "page": None, "until": None}
            st.button("Now", key="step-now", on_click=address.put, kwargs=now, disabled=latest,
                      icon=":material/last_page:")  # fmt: skip
    place_text = f"step {steps - position:,} of {steps:,}, {format_with_zone(occurred)}, "
    standing = (", the latest" if position == 0 else ", the latest state; alerts came later") if latest else None
    draw_age_line(place_text, occurred, standing, key="step-when")
