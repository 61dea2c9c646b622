"""The page Health: the state of the receiver, and whether somebody must act.

It has the machines that share a spool, the silences of the last day, and facts in a reader's words.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import streamlit as st

from analytics.client.pulse import find_signs
from analytics.errors import NoStatusError
from analytics.pages.shared.answers import read_now, read_silence
from analytics.pages.shared.components import (
    Age,
    Cell,
    Column,
    Line,
    bring,
    draw_age_line,
    draw_bringing,
    draw_table,
    draw_text,
)
from analytics.pages.shared.formatting import format_clock, format_with_zone
from analytics.pages.shared.frame import draw_page, is_dark
from analytics.pages.shared.health_figures import (
    AGO,
    COLOURS,
    MARKS,
    UNKNOWN,
    Figure,
    Judgement,
    group_figures,
    judge_receiver,
    mark_silence,
    read_figures,
    read_state,
)
from analytics.pages.shared.store import ask_status
from analytics.settings import read_settings
from analytics.text import as_markdown, format_count, make_visible, shorten
from analytics.words.refusals import NONE_REFUSED, find_meaning

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
COPIED = ("key_fingerprint",)
"""Figures that nobody reads, but compares with others: they are short, and a button copies them."""
TILES = ("lag_seconds", "spool_rows", "rate_last_minute", "data_free_bytes")
TILE_COLOURS: dict[str, Literal["green", "orange", "red", "gray"]] = {
    "ok": "green",
    "amber": "orange",
    "red": "red",
    UNKNOWN: "gray",
}
FIGURE_COLUMNS = (
    Column("Figure", "36%"),
    Column("Now", "30%"),
    Column("State", "6.4rem"),
    Column("Limits", "34%"),
)
REFUSAL_COLUMNS = (
    Column("Reason", "12rem"),
    Column("Last hour", "6.5rem", align="right"),
    Column("Kept", "6.5rem", align="right"),
    Column("What it means", "100%"),
)
PROCESS_COLUMNS = (
    Column("Process", "30%"),
    Column("State", "13rem"),
    Column("Process id", "6.5rem", align="right"),
    Column("Restarts", "6rem", align="right"),
    Column("Up since", "12rem", time=True),
    Column("Last end", "70%"),
)
SIGN_COLUMNS = (Column("Part", "28%"), Column("What is known", "52%"), Column("State", "20%"))
RECOVERY_COLUMNS = (
    Column("When", "12rem", time=True),
    Column("What happened", "45%"),
    Column("Missing", "20%"),
    Column("Moved to", "35%"),
)
MOST_RECOVERIES = 50


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


def show() -> None:
    """Draw the page."""
    lead = "How the receiver is. Each figure is ok, amber or red by the limits beside it."
    draw_page("Health", lead, None, draw_body, instead=draw_without_store)


def draw_body() -> None:
    """Draw the receiver's status."""
    try:
        status = ask_status()
    except NoStatusError as error:
        with st.container(key="no-status", border=True):
            st.subheader("No receiver to ask", anchor=False)
            st.text(put_plainly(str(error)))
        return
    figures, processes = read_figures(status), status.get("processes") or []
    draw_overall(judge_receiver())
    if read_silence():
        figures, processes = mark_silence(figures), mark_silent_store(processes)
    draw_tiles(figures)
    left, right = st.columns(2, gap="small")
    groups = list(group_figures(figures).items())
    for place, (title, group) in enumerate(groups):
        with (left, right)[place % 2]:
            draw_figures(title, group)
    draw_machines([] if read_silence() else status.get("machines") or [], choose_state_colours())
    draw_processes(processes)
    draw_silences(status.get("silences"), choose_state_colours())
    left, right = st.columns(2, gap="small")
    with left:
        draw_refusals(status.get("refusals"))
    with right:
        draw_recoveries(status.get("recoveries") or [])


def draw_overall(judgement: Judgement) -> None:
    """Draw one line that says whether all is well, and was in the last hour, and the way to the silences."""
    state, troubled, silences = judgement
    bad = [as_markdown(f"{figure.label}: {put_plainly(figure.text)}") for figure in troubled]
    if silences:
        bad.append(f"{format_count(silences, 'silence')} in the last hour")
    with st.container(key="health-state"):
        if state == "ok" and silences:
            st.warning(f"All is well again, but was not: {bad[-1]}.", icon=":material/warning:")
        elif state == "ok":
            st.success(f"All is well, as of {format_clock(read_now())}.", icon=":material/check_circle:")
        elif state == "amber":
            st.warning("Look at this: " + "; ".join(bad), icon=":material/warning:")
        else:
            st.error("Act now: " + "; ".join(bad), icon=":material/error:")
        if silences:
            st.button("See the silences", key="see-silences", on_click=bring, args=("health-silences-card",),
                  icon=":material/arrow_downward:", type="tertiary")  # fmt: skip
    draw_bringing()


def draw_without_store() -> None:
    """Draw the facts from the listener and the file of `serve` while the store is silent."""
    signs = find_signs(read_settings())
    with st.container(key="health-without-store", border=True, gap="small"):
        st.markdown("**The store does not answer. The other parts of the receiver:**")
        lines = [
            Line(sign.about, [make_visible(sign.about), put_plainly(sign.text), MARKS[sign.state]], sign.state)
            for sign in signs.signs
        ]
        draw_table(SIGN_COLUMNS, lines, key="health-signs", alt="The listener and the files of serve", wrap=True,
              colours=choose_state_colours())  # fmt: skip
        if signs.written_at:
            draw_age_line("Processes, as clc-receiver serve noted them ", signs.written_at, ":", key="health-written")
            draw_process_table(mark_silent_store(signs.processes), key="health-processes-written")


def mark_silent_store(processes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Say of a store's process that runs that it does not answer: `serve` may know its process alone."""
    return [
        {**process, "state": "runs, does not answer"}
        if (process.get("name"), process.get("state")) == ("store", "running")
        else process
        for process in processes
    ]


def draw_tiles(figures: Sequence[Figure]) -> None:
    """Draw the most important figures."""
    by_name = {figure.name: figure for figure in figures}
    first = [by_name[name] for name in TILES if name in by_name]
    with st.container(key="health-tiles"):
        for column, figure in zip(st.columns(len(first) or 1, gap="small"), first, strict=False):
            column.metric(
                as_markdown(figure.label),
                make_visible(figure.text),
                MARKS[figure.state] if figure.judged else None,
                delta_color=TILE_COLOURS[figure.state],
                delta_arrow="off",
                delta_description=figure.limits or None,
                border=True,
                height="stretch",
            )


def choose_state_colours() -> dict[str, str]:
    """Return the colour of each state on the viewer's page."""
    return {state: pair[is_dark()] for state, pair in COLOURS.items()}


def draw_figures(title: str, group: Sequence[Figure]) -> None:
    """Draw a group of figures."""
    key = f"health-{title.lower().replace(' ', '-')}"
    with st.container(key=f"{key}-card", border=True, gap="small"):
        st.markdown(f"**{title}**")
        lines = [
            Line(
                figure.name,
                [
                    make_visible(figure.label),
                    format_figure(figure),
                    MARKS[figure.state] if figure.judged else "",
                    figure.limits,
                ],
                figure.state if figure.judged else None,
            )
            for figure in group
            if figure.name not in COPIED
        ]
        draw_table(FIGURE_COLUMNS, lines, key=key, alt=f"Figures: {title}", wrap=True, colours=choose_state_colours())
        for figure in group:
            if figure.name in COPIED:
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    st.caption(as_markdown(figure.label), width="content")
                    draw_text(figure.text, key=figure.name, alt=figure.label, short=True)


def format_figure(figure: Figure) -> Cell:
    """Return a figure's text; an age in it counts by itself."""
    return Age(figure.at, make_visible(figure.text.partition(AGO)[2])) if figure.at else put_plainly(figure.text)


def draw_processes(processes: Sequence[Mapping[str, Any]]) -> None:
    """Draw the processes of `serve`, with their restarts."""
    with st.container(key="health-processes-card", border=True, gap="small"):
        st.markdown("**Processes**")
        if not processes:
            st.caption("clc-receiver serve has not reported its processes.")
            return
        draw_process_table(processes, key="health-processes")


def draw_process_table(processes: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Draw a row for each process."""
    lines = [make_process_line(process) for process in processes]
    draw_table(PROCESS_COLUMNS, lines, key=key, alt="Processes", wrap=True, colours=choose_state_colours())


def make_process_line(process: Mapping[str, Any]) -> Line:
    """Return the row of a process. One that runs and gives no sign of life is not called running."""
    name, state, silent_since = (str(process.get(what) or "") for what in ("name", "state", "silent_since"))
    if state == "running" and silent_since:
        state = f"no sign of life since {silent_since}"
    cells = [
        make_visible(name),
        put_plainly(state),
        str(process.get("pid") or ""),
        f"{process.get('restarts') or 0:,}",
        parse_time(process.get("started_at")),
        describe_last_end(process),
    ]
    return Line(name, cells, "ok" if state == "running" else "red")


def describe_last_end(process: Mapping[str, Any]) -> str:
    """Return the reason and the time of a process's last end."""
    at = parse_time(process.get("last_exit_at"))
    parts = [process.get("failure") or process.get("last_exit"), format_with_zone(at) or None]
    return make_visible(", ".join(str(part) for part in parts if part))


def draw_refusals(refusals: Sequence[Mapping[str, Any]] | None) -> None:
    """Draw the numbers of refusals by reason; None where they are not known."""
    with st.container(key="health-refusals-card", border=True, gap="small"):
        st.markdown("**Refused**")
        if not refusals:
            st.caption("Not known now." if refusals is None else NONE_REFUSED)
            return
        lines = []
        for refusal in refusals:
            reason = str(refusal.get("reason"))
            numbers = (f"{refusal.get(name) or 0:,}" for name in ("last_hour", "kept"))
            lines.append(Line(reason, [shorten(reason, 40), *numbers, find_meaning(reason)]))
        draw_table(REFUSAL_COLUMNS, lines, key="health-refusals", alt="Refused, by reason", wrap=True)


def draw_recoveries(incidents: Sequence[Mapping[str, Any]]) -> None:
    """Draw the recoveries from damaged files, the newest first."""
    with st.container(key="health-recoveries-card", border=True, gap="small"):
        st.markdown("**Recoveries**")
        if not incidents:
            st.caption("No damaged file has ever been found.")
            return
        newest = list(reversed(incidents))[:MOST_RECOVERIES]
        lines = [
            Line(
                str(place),
                [
                    parse_time(incident.get("at")),
                    make_visible(str(incident.get("what") or "")),
                    make_visible(str(incident.get("missing") or "nothing")),
                    make_visible(str(incident.get("moved_to") or "")),
                ],
                "red" if incident.get("missing") else "amber",
            )
            for place, incident in enumerate(newest)
        ]
        draw_table(
            RECOVERY_COLUMNS, lines, key="health-recoveries", alt="Recoveries", wrap=True, height=360,
            colours=choose_state_colours(),
        )  # fmt: skip
        latest = parse_time(newest[0].get("at"))
        how_many = format_count(len(incidents), "recovery", "recoveries")
        draw_age_line(f"{how_many} in all, the last one ", latest or "at a time not known", ".", key="last-recovery")
