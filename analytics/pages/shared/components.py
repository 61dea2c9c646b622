"""Our own components: scripts in the browser, which draw again after a time, texts, ages and tables.

Streamlit's `run_every` also draws a fragment while the whole page is being drawn. A browser that gets both at once
keeps elements of the old page and loses clicks. So the browser itself counts the seconds and asks for a drawing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

import altair as alt
import streamlit as st
from altair.utils.schemapi import disable_debug_mode

from analytics.charts.charts import adapt_to_page
from analytics.pages.shared.address import describe_view
from analytics.pages.shared.formatting import format_local, format_utc, name_with_zone
from analytics.pages.shared.known.memory import read_trigger

BROWSER = "analytics.pages.shared.browser"
"""The folder with the scripts and style sheets of all pages."""
BROUGHT = "_brought"
AGE_HTML = '<div class="age"></div>'
TEXT_HTML = (
    '<div class="plain"><pre tabindex="0" role="region"><code></code></pre><button type="button">Copy</button></div>'
)
TABLE_HTML = (
    '<div class="list"><div class="frame" tabindex="-1">'
    "<table><colgroup></colgroup><thead></thead><tbody></tbody></table></div>"
    '<button class="news" type="button" hidden></button>'
    '<button class="rest" type="button" hidden></button></div>'
)


@st.cache_resource(show_spinner=False)
def register_script(
    name: str,
    html: str | None = None,
    *,
    folder: str = BROWSER,
    isolated: bool = True,
    counts: bool = False,
    after: str | None = None,
) -> Callable[..., Any]:
    """Register a script with Streamlit, once, and return the function that runs it with a key, data and a height.

    Args:
        name: the name of the script, and of its style sheet if it has `html`.
        html: the elements that it draws into; without them it is invisible.
        folder: the folder of its files, by its dotted name.
        isolated: whether style sheets are separate: its own from the page's.
        counts: whether it counts seconds, and so needs `clocks.js`.
        after: the name of a script in its folder whose functions it uses.
    """
    parts = [read_file(BROWSER, "clocks.js")] if counts else []
    parts += [read_file(folder, f"{each}.js") for each in (after, name) if each]
    js = "\n".join(parts)
    css = read_file(folder, f"{name}.css") if html else None
    return st.components.v2.component(
        f"clc_{name}", html=html or "<span></span>", css=css, js=js, isolate_styles=isolated
    )


def read_file(folder: str, name: str) -> str:
    """Return the text of a file in a folder, which is given by its dotted name."""
    return files(folder).joinpath(name).read_text(encoding="utf-8")


def draw_again_after(seconds: float | None, key: str) -> bool:
    """Let the browser draw the calling fragment again; return whether it asked for this drawing.

    Args:
        seconds: the time from this drawing to the next; None for never.
        key: the counter's name, unique on the page.
    """
    if not seconds:
        # It takes the same place; without it, everything after it would move in the browser's tree and be there twice.
        st.empty()
        return False
    data = {"seconds": seconds, "turn": str(time.monotonic_ns())}
    result = register_script("refresh", counts=True)(
        key=f"refresh-{key}", data=data, height=1, on_due_change=lambda: None
    )
    return bool(result.due)


def bring(target: str, *, only_on_phone: bool = False) -> None:
    """Let the browser scroll to a part of the page that is drawn next, which a click opened.

    Args:
        target: its key.
        only_on_phone: whether a wider window stays where it is, because it shows enough of the part.
    """
    turn = str(time.monotonic_ns())
    st.session_state[BROUGHT] = {"target": f".st-key-{target}", "turn": turn, "onlyOnPhone": only_on_phone}


def draw_bringing() -> None:
    """Draw the script that scrolls to what `bring` named; it does so once."""
    data = st.session_state.get(BROUGHT, {"target": "", "turn": None})
    register_script("bring")(key="bring", data=data, height=1)


def draw_text(
    text: str, *, key: str, alt: str, wrap: bool = True, height: int | None = None, short: bool = False
) -> None:
    """Draw a text.

    Args:
        text: the text; its line breaks stay.
        key: the name of the text on the page.
        alt: describes the text for people who can't see it.
        wrap: whether long lines wrap instead of scrolling.
        height: the height in pixels from which it scrolls.
        short: whether only its begin is shown; the button copies all of it.
    """
    register_script("plain", TEXT_HTML)(
        key=f"plain-{key}", data={"text": text, "alt": alt, "wrap": wrap, "height": height, "short": short}
    )


Lamp = Literal["fresh", "late", "old"]


class Age(NamedTuple):
    """The age of a moment, such as "3 min ago", and the text after it."""

    moment: datetime
    after: str = ""

    def describe(self) -> dict[str, float | str]:
        """Return the age for the browser, which counts on from there."""
        return {"age": (datetime.now(UTC) - self.moment).total_seconds(), "after": self.after}


def draw_age_line(
    *parts: str | datetime | None,
    key: str,
    drawn_at: datetime | None = None,
    hover: str = "",
    lamp: Lamp | None = None,
    trouble: str | None = None,
) -> None:
    """Draw a line of text with the age of each moment in it; the ages count by themselves.

    Args:
        parts: texts and moments; None is left out.
        key: the line's name on the page.
        drawn_at: the time of the page's drawing, for scripts that watch it.
        hover: the text on a hover.
        lamp: a lamp shows at least this, and by the age of the first part: under a minute, under ten, or more.
        trouble: what the title of the browser's tab says first; None where this line does not change it.
    """
    shown = [Age(part).describe() if isinstance(part, datetime) else part for part in parts if part]
    at = drawn_at.isoformat() if drawn_at else ""
    data = {
        "parts": shown,
        "turn": str(time.monotonic_ns()),
        "drawnAt": at,
        "hover": hover,
        "lamp": lamp,
        "trouble": trouble,
    }
    register_script("age", AGE_HTML, isolated=False, counts=True)(key=key, data=data)


# A cell's background: a value that came, one that went, one to notice, trouble, and one that hardly matters.
Tone = Literal["added", "removed", "notice", "trouble", "quiet"]
Cell = str | datetime | Age | None


class Column(NamedTuple):
    """A column of a table.

    Args:
        name: its name; of a column with times it is shown with the viewer's time zone.
        width: its width in CSS, in `rem` or as a share of what the others leave.
        opens: whether its cells are buttons.
        align: its alignment.
        time: whether it has times.
        names: whether a phone shows its cells first, because they name the rows.
        days: whether its times stand without their date, which stands above the first row of each day before today.
        rank: the place in which it goes where the table is narrow, the highest first; 0 for a column that stays.
        marks: whether its cells begin with the rows' `mark`, which alone stays where the column would go.
        says: whether its cells are sentences, which stay in one line; the table then lists notifications.
    """

    name: str
    width: str
    opens: bool = False
    align: str | None = None
    time: bool = False
    names: bool = False
    days: bool = False
    rank: int = 0
    marks: bool = False
    says: bool = False


class Line(NamedTuple):
    """A row: the id for clicks on it, its cells, its colour by the table's `colours`, and the tone of each cell.

    A cell is text, an age, which counts by itself, or a moment in the viewer's time zone, with UTC on a hover. `hovers`
    are the other cells' texts on a hover; by default a cell's own text. `shares` are the lengths of the bars behind
    cells, as parts of the longest. `mark` is the colour of the row's sender.
    """

    id: str
    cells: Sequence[Cell]
    colour: str | None = None
    tones: Sequence[Tone | None] = ()
    hovers: Sequence[str | None] = ()
    shares: Sequence[float | None] = ()
    mark: str | None = None


def describe_column(column: Column) -> dict[str, Any]:
    """Return a column for the browser, one of days with the viewer's date."""
    name = name_with_zone(column.name) if column.time else column.name
    return {**column._asdict(), "name": name, "days": column.days and format_local(datetime.now(UTC))[:10]}


def describe_line(line: Line) -> dict[str, Any]:
    """Return a row for the browser, with its moments in words."""
    hovers = [format_utc(cell) if isinstance(cell, datetime) else None for cell in line.cells]
    hovers[: len(line.hovers)] = [hover or moment_text for hover, moment_text in zip(line.hovers, hovers, strict=False)]
    return {**line._asdict(), "cells": [describe_cell(cell) for cell in line.cells], "hovers": hovers}


def describe_cell(cell: Cell) -> str | dict[str, float | str]:
    """Return a cell for the browser."""
    if isinstance(cell, Age):
        return cell.describe()
    return cell if isinstance(cell, str) else format_local(cell)


def draw_table(
    columns: Sequence[Column],
    lines: Sequence[Line],
    *,
    key: str,
    alt: str,
    on_open: Callable[[str, str], None] | None = None,
    on_close: Callable[[], None] | None = None,
    height: int | None = None,
    wrap: bool = False,
    headless: bool = False,
    chosen: str | Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    steady: object = None,
    short: int | None = None,
) -> None:
    """Draw a table.

    Args:
        columns: its columns.
        lines: its rows.
        key: the widget's name.
        alt: describes the table for people who can't see it.
        on_open: gets the id of a row and the name of the clicked column; after Enter on the row that name is empty.
        on_close: runs on Escape while a row is open; a table with it is the page's main list.
        height: the height in pixels from which it scrolls.
        wrap: whether long text wraps instead of being cut.
        headless: whether the columns' names are left out.
        chosen: the id of the open row, or the ids of the chosen rows.
        colours: the colours by the names in rows.
        steady: what the table lists, by default what the address says. While that stays the same and the user is in the
            table, no row changes its place. Rows of a table without clicks move.
        short: the number of rows that a phone shows at first, besides chosen ones, with a button for the others.
    """

    def open_row() -> None:
        click = read_trigger(key, "open")
        if on_open and isinstance(click, dict):
            on_open(str(click.get("id")), str(click.get("column")))

    def close_row() -> None:
        if on_close and read_trigger(key, "close"):
            on_close()

    rows = [describe_line(line) for line in lines]
    ages = any(isinstance(cell, Age) for line in lines for cell in line.cells)
    register_script("table", TABLE_HTML, counts=True)(
        key=key,
        data={
            "columns": [describe_column(column) for column in columns],
            "rows": rows,
            "turn": str(time.monotonic_ns()) if ages else "",
            "alt": alt,
            "height": height,
            "wrap": wrap,
            "headless": headless,
            "chosen": chosen if chosen is None or isinstance(chosen, str) else list(chosen),
            "colours": dict(colours or {}),
            "main": on_close is not None,
            "steady": repr(describe_view() if steady is None else steady) if on_open else None,
            "short": short,
        },
        on_open_change=open_row,
        on_close_change=close_row,
    )


def draw_pairs(values: Sequence[tuple[str, str]], *, key: str, alt: str, height: int | None = None) -> None:
    """Draw names with their values."""
    lines = [Line(str(place), pair) for place, pair in enumerate(values)]
    columns = (Column("Name", "40%"), Column("Value", "60%"))
    draw_table(columns, lines, key=key, alt=alt, height=height, wrap=True, headless=True)


# Altair would validate each part of a chart when it is made: a tenth of a drawing of Activity.
disable_debug_mode()


class _Chart:
    """A chart as Streamlit takes it; it is not validated, which would take a quarter of a page's drawing."""

    def __init__(self, chart: alt.TopLevelMixin) -> None:
        self._chart = chart

    def to_dict(self) -> dict[str, Any]:
        return adapt_to_page(self._chart.to_dict(validate=False), dark=st.context.theme.type == "dark")


def draw_chart(chart: alt.TopLevelMixin, key: str, **options: Any) -> None:
    """Draw one of our charts, which tests validate; `options` are those of `st.altair_chart`."""
    st.altair_chart(cast("alt.Chart", _Chart(chart)), key=key, **options)
