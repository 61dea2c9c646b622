"""Tables of text: cells that open things on a click, and plain lists of names and values."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import streamlit as st

from analytics.pages.shared.components.script import Age, script
from analytics.pages.shared.zone import format_local, format_utc, name_with_zone

# A cell's background: a value that came, one that went, one to notice, and one that hardly matters.
Tone = Literal["added", "removed", "notice", "quiet"]
Cell = str | datetime | Age | None
HTML = '<div class="frame" tabindex="-1"><table><colgroup></colgroup><thead></thead><tbody></tbody></table></div>'


class Column(NamedTuple):
    """A column: its name, its width in CSS, whether clicks open something, its alignment, and whether it has times.

    The name of a column with times is shown with the viewer's time zone.
    """

    name: str
    width: str
    opens: bool = False
    align: str | None = None
    time: bool = False


class Line(NamedTuple):
    """A row: the id for clicks on it, its cells, its colour mark, and the tone of each cell.

    A cell is text, an age, which counts by itself, or a moment in the viewer's time zone, with UTC on a hover. `hovers`
    are the other cells' texts on a hover; by default a cell's own text. `shares` are the lengths of the bars behind
    cells, as parts of the longest.
    """

    id: str
    cells: Sequence[Cell]
    colour: str | None = None
    tones: Sequence[Tone | None] = ()
    hovers: Sequence[str | None] = ()
    shares: Sequence[float | None] = ()


def describe_column(column: Column) -> dict[str, Any]:
    """Return a column for the browser."""
    return {**column._asdict(), "name": name_with_zone(column.name) if column.time else column.name}


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
    """

    def open_row() -> None:
        click = st.session_state[key].get("open")
        if on_open and isinstance(click, dict):
            on_open(str(click.get("id")), str(click.get("column")))

    def close_row() -> None:
        if on_close and st.session_state[key].get("close"):
            on_close()

    rows = [describe_line(line) for line in lines]
    ages = any(isinstance(cell, Age) for line in lines for cell in line.cells)
    script("table", HTML, counts=True)(
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
        },
        on_open_change=open_row,
        on_close_change=close_row,
    )


def draw_pairs(values: Sequence[tuple[str, str]], *, key: str, alt: str, height: int | None = None) -> None:
    """Draw names with their values."""
    lines = [Line(str(place), pair) for place, pair in enumerate(values)]
    columns = (Column("Name", "40%"), Column("Value", "60%"))
    draw_table(columns, lines, key=key, alt=alt, height=height, wrap=True, headless=True)
