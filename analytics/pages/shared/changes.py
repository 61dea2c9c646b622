"""Changes of an entity: in words, and field by field."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import pandas as pd
import streamlit as st

from analytics.charts.alarms import format_metric
from analytics.findings.finding import Finding
from analytics.pages.shared.components import Column, Line, Tone, draw_table
from analytics.pages.shared.formatting import describe_receipt, format_delay, format_reading
from analytics.pages.shared.known.findings import list_sentences, name_titles
from analytics.pages.shared.store import ask, find_sender_of_row, list_rows, null_to_none, to_moment
from analytics.senders import find_sender, find_sender_of, has_state, list_alerts, list_events
from analytics.text import as_markdown, format_count, make_visible, shorten
from analytics.words.meanings import MARKS
from analytics.words.sayings import BETWEEN, Saying, list_places, make_saying
from analytics.words.sentences import Change, MetricState, parse_value, summarize_alert, summarize_changes

KIND_TEXTS = {"added": "+ added", "removed": "- removed", "changed": "~ changed", "unseen": "? unseen"}
TOLD = "told by the sender"
"""The mark of a change that the body tells itself; all others are found by a comparison with the step before."""
TALLEST = 420
MOST_ROWS = 300
LONGEST = 2_000
COLUMNS = (Column("Field", "28%"), Column("Old", "36%"), Column("New", "36%"))
CAME_BACK = "It came back after its deletion: its fields are compared with the last body before that."
WHOLE = {
    "added": "Seen for the first time: there is no earlier state to compare with.",
    "removed": "It was deleted.",
    "unseen": "No visible field differs from the step before: something else was changed.",
    "changed": "It differs in more than can be listed; compare the bodies.",
}
LEAST_EVENTS, MOST_EVENTS = 9.6, 13.6
EVENT_LETTERS = 18
"""The letters for which the least width of the column of events, in rem, is enough."""


def as_change(row: Any) -> Change:
    """Convert a row of `changes` for its sentence."""
    return Change(
        row.category,
        row.entity_id,
        null_to_none(row.actor),
        row.path,
        row.kind,
        null_to_none(row.old_value),
        null_to_none(row.new_value),
        null_to_none(getattr(row, "action", None)),
        find_sender_of_row(row),
    )


class Report(NamedTuple):
    """The words for what an alert reports, and the earliest moment at which it can be sent."""

    text: str
    due: datetime | None


def read_sayings(rows: pd.DataFrame) -> dict[int, Saying]:
    """Return what the bodies of some notifications say, by number; see `describe_each` for the rows."""
    asked = {
        row.seq: (find_sender_of(row.category, find_sender_of_row(row)), null_to_none(row.event_type) or "")
        for row in list_rows(rows)
    }
    places = list({place for each in asked.values() for place in list_places(*each)})
    found = list_rows(ask("values_in_bodies", seqs=list(asked), places=places)) if places else ()
    values = {row.seq: dict(zip(places, row.texts, strict=True)) for row in found}
    return {seq: make_saying(*each, values.get(seq, {})) for seq, each in asked.items()}


def describe_each(rows: pd.DataFrame, changes: pd.DataFrame, reports: Mapping[int, Report] = {}) -> dict[int, Saying]:
    """Return what each notification says, what it changed and what it reports in words, by number.

    Args:
        rows: the notifications: columns `seq`, `event_type`, `category`, `action`, and `sender` of several.
        changes: their rows of `changes` without noise, and perhaps others.
        reports: what alerts among them report.
    """
    sayings, actions = read_sayings(rows), {row.seq: null_to_none(row.action) for row in list_rows(rows)}
    told: dict[int, list[Change]] = defaultdict(list)
    for row in list_rows(changes[changes["seq"].isin(actions)]):
        change = as_change(row)._replace(action=actions[row.seq])
        # A value that the body says already is not said twice.
        if change.old_value or parse_value(change.new_value) not in sayings[row.seq].text.split(BETWEEN):
            told[row.seq].append(change)
    alerts = {seq: report.text for seq, report in reports.items()}
    parts = {seq: (each.text, summarize_changes(told[seq]), alerts.get(seq)) for seq, each in sayings.items()}
    return {seq: each._replace(text="; ".join(filter(None, parts[seq]))) for seq, each in sayings.items()}


def read_alerts(rows: pd.DataFrame, entity: str | None = None) -> dict[int, Report]:
    """Return what each alert among some notifications reports, by its number.

    Args:
        rows: the notifications: columns `seq`, `category`.
        entity: the one that they are about; None where they are about several.
    """
    reports: dict[int, Report] = {}
    for alert in list_alerts():
        seqs = [int(seq) for seq in rows.loc[rows["category"] == alert.category, "seq"]]
        if seqs:
            states = ask(alert.first_states, entity=entity, seqs=seqs, first=min(seqs), last=max(seqs))
            reports |= {row.seq: Report(describe_alert(row), to_moment(row.due_at)) for row in list_rows(states)}
    return reports


def find_due(reports: Mapping[int, Report], seq: int) -> datetime | None:
    """Return the moment from which a notification can be sent, where that may be later than its event."""
    return reports[seq].due if seq in reports else None


def describe_alert(row: Any) -> str:
    """Return what an alert reports in words."""
    told = [
        MetricState(each["metric"] and format_metric(each["metric"]), each["state"], format_reading(each["reading"]))
        for each in row.states
    ]
    return summarize_alert(told, row.number)


def find_hint(category: str, sender: str) -> str:
    """Return the sentence that says what a change that no field shows may be; empty where the sender has none."""
    kind = find_sender_of(category, sender).find_kind(category)
    return kind.unseen_long if kind else ""


def draw_difference(row: Any) -> None:
    """Draw the changes of a step: each field with its old and its new value."""
    if not has_state(row["category"]):
        return
    changes = ask("changes_of_step", seq=int(row["seq"]))
    saying = draw_saying(row)
    hint = find_hint(row["category"], row["sender"])
    whole = changes[changes["path"] == ""]
    with st.container(key="difference", gap="small"):
        for each in list_rows(whole):
            sentence = f"{WHOLE[each.kind]} {hint}".rstrip() if each.kind == "unseen" else describe_whole(each)
            icon = ":orange[:material/visibility_off:]" if each.kind == "unseen" else ":gray[:material/info:]"
            st.markdown(f"{icon} {sentence}")
        fields = changes[changes["path"] != ""]
        noise = int(fields["noise"].sum())
        if changes.empty and not saying.text:
            st.caption("It shows no change.")
        if noise:
            fields = fields if choose_noise(noise) else fields[~fields["noise"].astype(bool)]
        if len(fields):
            draw_table(COLUMNS, [as_line(row) for row in list_rows(fields.head(MOST_ROWS))], key="differences",
                  alt="Fields that this step changed", wrap=True, height=TALLEST)  # fmt: skip
        if len(fields) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS} of {format_count(len(fields), 'field')} are shown.")


def draw_saying(row: Any) -> Saying:
    """Draw what a notification's body says, and return it."""
    saying = read_sayings(pd.DataFrame([row]))[row["seq"]]
    with st.container(key="saying"):
        if saying.text:
            text = f"**{as_markdown(saying.text)}**"
            st.markdown(f":red[:material/error: {text}]" if saying.is_trouble else text)
    return saying


def describe_whole(row: Any) -> str:
    """Return a sentence on what became of the entity as a whole."""
    return CAME_BACK if row.kind == "added" and null_to_none(row.old_value) is not None else WHOLE[row.kind]


def choose_noise(count: int) -> bool:
    """Draw the choice to show fields of noise too."""
    return st.checkbox(
        f"Show {format_count(count, 'unimportant field')}",
        key="all_fields",
        bind="query-params",
        help="Dates and names of the change itself, links, and fields that only the body's format added or dropped.",
    )


def as_line(row: Any) -> Line:
    """Return a changed field as a row; background colours mark the old and the new value."""
    old, new = format_value(null_to_none(row.old_value)), format_value(null_to_none(row.new_value))
    tones: list[Tone | None] = [
        "quiet" if row.noise else None,
        "removed" if old and not row.noise else "quiet",
        "added" if new and not row.noise else "quiet",
    ]
    field = make_visible(shorten(row.path, 400)) + (f"\n{TOLD}" if getattr(row, "told", False) else "")
    return Line(f"{row.path}\n{row.kind}", [field, old, new], tones=tones)


def format_value(value: str | None) -> str:
    """Return a JSON value as text for the difference; empty where there is none."""
    if value is None:
        return ""
    content = parse_value(value)
    if isinstance(content, str):
        return shorten(content, LONGEST) or "“”"
    if isinstance(content, dict) and content and all(not isinstance(inner, (dict, list)) for inner in content.values()):
        lines = (f"{make_visible(name)}: {make_visible(as_text(inner))}" for name, inner in content.items())
        return "\n".join(lines)[:LONGEST]
    return shorten(value, LONGEST)


def as_text(value: Any) -> str:
    """Return a scalar as text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def make_event_column(sender: str | None, *, names: bool = False) -> Column:
    """Return the column of events, of a sender or of all; they often differ in their ends alone.

    Args:
        sender: the sender; None for all.
        names: as for any column.
    """
    events = find_sender(sender).events if sender else list_events()
    longest = max((len(event.name) for event in events), default=0)
    width = LEAST_EVENTS if longest <= EVENT_LETTERS else min(2 + longest / 2, MOST_EVENTS)
    return Column("Event", f"{width}rem", names=names)


class What(NamedTuple):
    """The cell that says what a notification changed: text, tone and hover; and the name of its entity."""

    text: str
    tone: Tone | None
    hover: str
    entity: str


def describe_what(
    row: Any, said: Saying, doubts: Sequence[Finding], due: datetime | None = None, *, tone: Tone | None = None
) -> What:
    """Return the cell of a notification; one with a bad signature or in doubt is marked.

    Args:
        row: the notification.
        said: what it says.
        doubts: the findings that doubt it.
        due: the earliest moment at which it could be sent, if that may be later than its event.
        tone: the tone of one that is not marked; by default it tells of trouble, or has none.
    """
    status, entity = getattr(row, "signature_status", "valid"), null_to_none(getattr(row, "entity_id", None)) or ""
    mark = MARKS.get(status, shorten(status))
    text = "; ".join(filter(None, (mark, name_titles(doubts), said.text, format_delay(row, due))))
    hover = "\n".join(filter(None, (text, list_sentences(doubts), describe_receipt(row, due))))
    own: Tone | None = tone or ("trouble" if said.is_trouble else None)
    return What(text, "notice" if doubts or mark else own, hover, said.name_entity(entity))
