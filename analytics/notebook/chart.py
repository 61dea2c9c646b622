"""The chart that a notebook asks for: its columns are those that were named, else the first that fit."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from analytics.charts.quick_chart import (
    ChartKind,
    Choice,
    Holds,
    QuickChart,
    classify_columns,
    draw,
    find_fewest,
    repeats,
)
from analytics.errors import AnalyticsError
from analytics.text import shorten

KINDS: Mapping[str, ChartKind] = {"line": "line", "bar": "bar", "area": "area", "point": "points"}
WIDTH = 700


class ChartError(AnalyticsError):
    """Raised when rows can't be drawn as asked."""


class ChartRequest(NamedTuple):
    """What was asked for: one of `KINDS`, by name the columns of its axes and its colours, and its title."""

    kind: str
    x: str | None = None
    y: str | None = None
    color: str | None = None
    title: str | None = None


def chart_of(table: pa.Table, request: ChartRequest) -> QuickChart:
    """Return a chart of rows, and what was left out of it.

    Raises:
        ChartError: there are no rows, a column that was named is none of theirs, or y is none of numbers.
    """
    if not table.num_rows:
        raise ChartError("%%clc: there are no rows to draw.")
    drawn = draw(table, choice_of(table, request))
    title = drawn.chart.title.to_dict() | ({"text": shorten(request.title, 200)} if request.title else {})
    return drawn._replace(chart=drawn.chart.properties(width=WIDTH, title=title))


def choice_of(table: pa.Table, request: ChartRequest) -> Choice:
    """Return what is drawn: along x times before others, along y numbers, else how many rows there are.

    Raises:
        ChartError: as `chart_of`.
    """
    columns = classify_columns(table)
    for option, name in (("--x", request.x), ("--y", request.y), ("--color", request.color)):
        if name is not None and name not in columns:
            raise ChartError(f"%%clc: {option} {shorten(name)} is no column; there are {', '.join(columns)}.")
    if request.y and columns[request.y] != "number":
        raise ChartError(f"%%clc: --y {shorten(request.y)} holds no numbers; cast it, or leave it out to count rows.")
    free = [name for name in columns if name not in (request.y, request.color)]
    x = request.x or next(iter([*select_kind(columns, free, "time"), *free]), next(iter(columns)))
    left = [name for name in free if name != x]
    y = request.y or next(iter(select_kind(columns, left, "number")), None)
    # Where several rows lie at one place of x, a column of text tells them apart.
    texts = select_kind(columns, left, "text") if repeats(table, columns, x) else []
    return Choice(KINDS[request.kind], x, y, request.color or find_fewest(table, columns, texts))


def select_kind(columns: Mapping[str, Holds], names: list[str], kind: Holds) -> list[str]:
    """Return those of the names whose columns hold one kind of values."""
    return [name for name in names if columns[name] == kind]
