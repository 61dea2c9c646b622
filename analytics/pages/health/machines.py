"""The page Health: the machines that share a spool."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from analytics.pages.health.silences import parse_time, put_plainly
from analytics.pages.shared.components import Age, Column, Line, draw_table
from analytics.pages.shared.health_figures import MARKS, read_state
from analytics.text import make_visible

MACHINE_COLUMNS = (
    Column("Machine", "34%"),
    Column("Role", "13.5rem"),
    Column("Version", "7rem"),
    Column("Seen", "9rem"),
    Column("Its store", "66%"),
    Column("State", "6.4rem"),
)
SHORT_ID = 8


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
