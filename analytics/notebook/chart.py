"""The chart of a notebook's magic: it draws the named columns, else the first that fit."""

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
    """The options of a chart: one of `KINDS`, the names of its columns for axes and colours, and its title."""

    kind: str
    x: str | None = None
    y: str | None = None
    color: str | None = None
    title: str | None = None


def chart_of(table: pa.Table, request: ChartRequest) -> QuickChart:
    """Return a chart of rows, and notes on what it leaves out.

    Raises:
        ChartError: there are no rows, a named column does not exist, or y holds no numbers.
    """
    if not table.num_rows:
        raise ChartError("%%clc: there are no rows to draw.")
    quick = draw(table, choice_of(table, request))
    title = quick.chart.title.to_dict() | ({"text": shorten(request.title, 200)} if request.title else {})
    return quick._replace(chart=quick.chart.properties(width=WIDTH, title=title))


def choice_of(table: pa.Table, request: ChartRequest) -> Choice:
    """Choose the columns to draw: times first along x, numbers along y, else the number of rows.

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
    # Where several rows have the same x, a column of text distinguishes them.
    texts = select_kind(columns, left, "text") if repeats(table, columns, x) else []
    return Choice(KINDS[request.kind], x, y, request.color or find_fewest(table, columns, texts))


def select_kind(columns: Mapping[str, Holds], names: list[str], kind: Holds) -> list[str]:
    """Return the names of the columns that hold one kind of values."""
    return [name for name in names if columns[name] == kind]
