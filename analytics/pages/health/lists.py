"""The page Health: the machines that share a spool, the silences of the last day, and facts in a reader's words."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from analytics.pages.shared.components import Age, Column, Line, draw_table
from analytics.pages.shared.formatting import format_with_zone
from analytics.pages.shared.health_figures import MARKS, read_state
from analytics.text import make_visible

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")
MACHINE_COLUMNS = (
    Column("Machine", "34%"),
    Column("Role", "13.5rem"),
    Column("Version", "7rem"),
    Column("Seen", "9rem"),
    Column("Its store", "66%"),
    Column("State", "6.4rem"),
)
SHORT_ID = 8
SILENCE_COLUMNS = (
    Column("From", "12rem", time=True),
    Column("To", "12rem", time=True),
    Column("What did not answer", "10rem"),
    Column("Why", "100%"),
)


def put_plainly(text: str) -> str:
    """Return a text of the receiver without Markdown's marks, and its times as the viewer reads them."""
    words = MOMENT.sub(lambda match: format_with_zone(datetime.fromisoformat(match[0])), text.replace("`", ""))
    return make_visible(words)


def parse_time(text: Any) -> datetime | None:
    """Return the moment of an ISO time; None where the text is no time."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def draw_silences(silences: Sequence[Mapping[str, Any]] | None, colours: dict[str, str]) -> None:
    """Draw the silences that ended in the last day, the newest first; None where they are not known."""
    with st.container(key="health-silences-card", border=True, gap="small"):
        st.markdown("**Silences of the last day**")
        if not silences:
            st.caption("Not known now." if silences is None else "No silence has ended in the last day.")
            return
        lines = [
            Line(
                str(place),
                [
                    parse_time(silence.get("since")),
                    parse_time(silence.get("until")),
                    make_visible(str(silence.get("process"))),
                    put_plainly(str(silence.get("why") or "")),
                ],
                "amber",
            )
            for place, silence in enumerate(reversed(silences))
        ]
        draw_table(SILENCE_COLUMNS, lines, key="health-silences", alt="Silences of the last day", wrap=True,
              height=360, colours=colours)  # fmt: skip


def draw_machines(machines: Sequence[Mapping[str, Any]], colours: dict[str, str]) -> None:
    """Draw a row for each machine; nothing where this one shares its spool with none."""
    if not machines:
        return
    with st.container(key="health-machines-card", border=True, gap="small"):
        st.markdown("**Machines that share the spool**")
        lines = [make_line(machine) for machine in machines]
        draw_table(MACHINE_COLUMNS, lines, key="health-machines", alt="Machines that share the spool", wrap=True,
              colours=colours)  # fmt: skip


def make_line(machine: Mapping[str, Any]) -> Line:
    """Return the row of a machine."""
    node, seen_at = str(machine.get("id")), parse_time(machine.get("seen_at"))
    state = read_state(machine.get("state"))
    which = f"{machine.get('name')} ({node[:SHORT_ID]})" + (", this machine" if machine.get("this") else "")
    return Line(
        node,
        [
            make_visible(which),
            make_visible(str(machine.get("does") or "")),
            make_visible(str(machine.get("version"))),
            Age(seen_at) if seen_at else "",
            put_plainly(str(machine.get("text") or "")),
            MARKS[state],
        ],
        state,
    )
