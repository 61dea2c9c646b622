"""A quick chart of a query's rows, as a `Choice` says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import altair as alt
import pandas as pd
import pyarrow as pa

from analytics.charts.charts import (
    FIT,
    INK,
    MUTED,
    TIME_LABEL,
    break_at_gaps,
    describe_ticks,
    make_heading,
    make_utc_tip,
)
from analytics.charts.choice import (
    MOST_BARS,
    MOST_ROWS,
    OTHERS,
    Choice,
    Holds,
    classify_columns,
    limit_names,
    list_column,
    name_values,
)
from analytics.export.results import as_moment, as_number, name_columns
from analytics.senders import GREY, colours
from analytics.text import format_count, shorten
from analytics.times import WIDTHS, find_zone, label_zone

TYPES: dict[Holds, Literal["quantitative", "temporal", "nominal"]] = {
    "number": "quantitative", "time": "temporal", "text": "nominal",
}  # fmt: skip
MOST_COLOURS = 8
MOST_DOTS = 200
MOST_STEPS = 1_000
"""The most bars that fit side by side at irregular places: of more, none would be wide enough to be seen."""
LABEL_PIXELS = 185  # Vega draws the title of an axis at most 200 pixels from it
LEGEND_PIXELS = 240
CHARACTER_PIXELS, SYMBOL_PIXELS = 7, 25
HEIGHT = 340
MOST_TIME_BINS = 60
TIME_BINS = (timedelta(seconds=1), *WIDTHS.values())
"""The widths of the bins of times, which begin at whole minutes, hours, days and on Mondays where they are so wide."""
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
CALENDAR: tuple[Any, Any] = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""The first and the last moment that can be written as a browser reads it."""
NOT_DRAWN: dict[Holds, str] = {
    "number": "NULL, infinite or not a number",
    "time": "NULL, or outside the years 1 to 9999",
}
"""The values that have no place on an axis."""
# Okabe and Ito's colours, which any colour vision can distinguish; the last two fit light and dark alike.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7500", "#8c8c8c")
PALETTE_DARK = ("#3a9bdc", "#e69f00", "#1fbf92", "#d98fb8", "#8fd0f5", "#f0803c", "#f0e442", "#a8a8a8")


class QuickChart(NamedTuple):
    """A chart, and notes on what it leaves out; without a chart they say why there is none."""

    chart: alt.Chart | None
    notes: list[str]


def draw(table: pa.Table, choice: Choice, *, zone: ZoneInfo | None = None, dark: bool = False) -> QuickChart:
    """Return a chart of the rows, by default in UTC.

    Its fields have our names, because Vega takes dots and brackets for paths.
    """
    columns = classify_columns(table)
    notes = [f"Drawn from the first {MOST_ROWS:,} of {table.num_rows:,} rows."] if table.num_rows > MOST_ROWS else []
    first = table.slice(0, MOST_ROWS)
    kinds = {"x": columns[choice.x]} | ({"y": columns[choice.y]} if choice.y else {})
    data = pd.DataFrame({"x": convert_values(list_column(first, columns, choice.x), kinds["x"])})
    if choice.y:
        data["y"] = convert_values(list_column(first, columns, choice.y), "number")
    notes += describe_missing(data, choice, kinds)
    if data.isna().any(axis=1).all():
        return QuickChart(None, ["No row can be drawn.", *notes])
    drawn = data["x"].notna()  # a row without a `y` stays, as a gap of its line
    data = data[drawn].reset_index(drop=True)
    if choice.colour:
        names = name_values(list_column(first.filter(pa.array(drawn)), columns, choice.colour))
        data["colour"], others = limit_names(names, MOST_COLOURS - 1)
        notes += [f"{others:,} values of {shorten(choice.colour)} are drawn together, as “{OTHERS}”."] if others else []
    place = ""
    if kinds["x"] == "time":
        # Days are those of the query, and moments without a time zone are drawn as they are.
        are_days = (data["x"] == data["x"].dt.normalize()).all()
        has_zone = getattr(first.schema.types[list(columns).index(choice.x)], "tz", None)
        shown = zone if zone and has_zone and not are_days else find_zone(None)
        place, data["x"] = label_zone(shown), show_in_zone(data["x"], shown)
    choice = name_units(table, choice)
    if choice.kind == "histogram" and kinds["x"] == "number":
        chart = draw_histogram(data, choice, dark)
    elif choice.kind == "histogram" and kinds["x"] == "time":
        chart = draw_time_histogram(data, choice, place, dark)
    elif kinds["x"] == "text" and choice.kind in ("bar", "histogram"):
        chart, more = draw_bars(data, choice, dark)
        notes += more
    else:
        if choice.kind != "points":
            added = add_up(data)
            notes += [f"Rows of one {shorten(choice.x)} are added up."] if choice.y and len(added) < len(data) else []
            data = added
        chart = draw_marks(data, choice, kinds["x"], dark)
    return QuickChart(chart.properties(**make_titles(choice, place, dark)), notes)


def show_in_zone(moments: "pd.Series[Any]", zone: ZoneInfo) -> "pd.Series[Any]":
    """Return moments whose UTC is what clocks of a time zone show."""
    shown: pd.Series[Any] = moments.dt.tz_convert(zone).dt.tz_localize(None).dt.tz_localize(UTC)
    return shown.clip(*CALENDAR)


def describe_missing(data: pd.DataFrame, choice: Choice, kinds: dict[str, Holds]) -> list[str]:
    """Return a note for each axis on which rows have no place."""
    missing = {axis: int(data[axis].isna().sum()) for axis in kinds}
    names = {"x": choice.x, "y": choice.y or ""}
    return [
        f"{count:,} of {format_count(len(data), 'row')} left out: {shorten(names[axis])} is {NOT_DRAWN[kinds[axis]]}."
        for axis, count in missing.items()
        if count
    ]


def name_units(table: pa.Table, choice: Choice) -> Choice:
    """Return the choice with the unit of durations in the names of their columns, for titles."""
    types = dict(zip(name_columns(table), table.schema.types, strict=True))

    def name(column: str) -> str:
        return f"{column} (seconds)" if pa.types.is_duration(types[column]) else column

    return choice._replace(x=name(choice.x), y=choice.y and name(choice.y))


def add_up(data: pd.DataFrame) -> pd.DataFrame:
    """Return the sum, or the number, of the rows at each place in each colour."""
    keys = [name for name in ("x", "colour") if name in data]
    grouped = data.groupby(keys, sort=False, dropna=False)
    added = grouped["y"].sum(min_count=1) if "y" in data else grouped.size().rename("y")
    return added.reset_index()


def convert_values(values: Sequence[Any], kind: Holds) -> "pd.Series[Any]":
    """Convert values for a chart."""
    if kind == "text":
        return pd.Series(name_values(values), dtype=object)
    if kind == "number":
        return pd.Series([as_number(value) for value in values], dtype=float)
    return pd.to_datetime(pd.Series([as_moment(value) for value in values], dtype=object), utc=True, errors="coerce")


def make_titles(choice: Choice, place: str, dark: bool) -> dict[str, Any]:
    """Return the title, width and description of a chart; `place` names the time zone of its times."""
    y = shorten(choice.y) if choice.y else "Number of rows"
    coloured = f", by {shorten(choice.colour)}" if choice.colour else ""
    times = f"; times in {place}" if place else ""
    return {
        "title": make_heading(f"{y} by {shorten(choice.x)}", dark, f"{choice.kind.title()}{coloured}{times}"),
        "width": "container",
        "autosize": FIT,
        "description": f"{choice.kind.title()} chart: {y} by {shorten(choice.x)}{coloured}.",
    }


def make_axis(title: str, dark: bool, kind: Holds = "number", **more: Any) -> alt.Axis:
    """Return an axis in the common style."""
    if kind == "time":
        more = {"labelExpr": TIME_LABEL, "tickCount": 8, "grid": False, **more}
    return alt.Axis(title=shorten(title), titleColor=MUTED[dark], labelColor=INK[dark], labelLimit=LABEL_PIXELS, **more)


def choose_colours(data: pd.DataFrame, choice: Choice, dark: bool) -> dict[str, Any]:
    """Return the colours: event types have their own, unless two have the same; other values those of the palette."""
    palette = PALETTE_DARK if dark else PALETTE
    if choice.colour is None:
        return {"color": alt.value(palette[0])}
    present = sorted(set(data["colour"]), key=lambda name: (name == OTHERS, name))
    own = {**colours(dark), OTHERS: GREY[dark]}
    are_events = len({own.get(name) for name in present} - {None}) == len(present)
    names = [name for name in own if name in present] if are_events else present
    shades = [own[name] for name in names] if names is not present else list(palette)
    legend = make_legend(shorten(choice.colour), names)
    return {"color": alt.Color("colour:N", scale=alt.Scale(domain=names, range=shades), legend=legend)}


def make_legend(title: str, names: Sequence[str]) -> alt.Legend:
    """Return a legend above the chart, with as many columns as the longest name leaves room for."""
    widest = min(max(map(len, names)) * CHARACTER_PIXELS, LEGEND_PIXELS) + SYMBOL_PIXELS
    columns = alt.ExprRef(f"max(1, floor(width / {widest}))")
    return alt.Legend(title=title, orient="top", columns=columns, labelLimit=LEGEND_PIXELS)


def list_tips(choice: Choice, kind: Holds, y: str) -> list[alt.Tooltip]:
    """Return the tooltips of a mark."""
    title = shorten(choice.x)
    x = make_utc_tip("x", title) if kind == "time" else alt.Tooltip("x", type=TYPES[kind], title=title)
    return [x, alt.Tooltip(y, title=shorten(choice.y) if choice.y else "Rows"), *list_colour_tips(choice)]


def list_colour_tips(choice: Choice) -> list[alt.Tooltip]:
    """Return the tooltip of a mark's colour; none where all have one."""
    return [alt.Tooltip("colour:N", title=shorten(choice.colour))] if choice.colour else []


def name_value(choice: Choice) -> str:
    """Return the field of the y axis."""
    return "y:Q" if choice.y else "count():Q"


def draw_histogram(data: pd.DataFrame, choice: Choice, dark: bool) -> alt.Chart:
    """Return a histogram of numbers."""
    bins = alt.Bin(maxbins=40)
    x = alt.X("x:Q", bin=bins, axis=make_axis(choice.x, dark))
    y = alt.Y("count():Q", axis=make_axis("Number of rows", dark, format=",d", tickMinStep=1))
    tips = [alt.Tooltip("x:Q", bin=bins, title=shorten(choice.x)), alt.Tooltip("count():Q", title="Rows")]
    chart: alt.Chart = alt.Chart(data).mark_bar(binSpacing=1)
    drawn = chart.encode(x=x, y=y, tooltip=tips, **choose_colours(data, choice, dark))
    return drawn.properties(height=HEIGHT)


def draw_time_histogram(data: pd.DataFrame, choice: Choice, place: str, dark: bool) -> alt.Chart:
    """Return a histogram of moments; its bins are those of a clock there, which Vega would not choose."""
    width = choose_bin(data["x"])
    bins = add_up(data.assign(x=MONDAY + (data["x"] - MONDAY) // width * width))
    bins = bins.assign(x=bins["x"].clip(*CALENDAR), until=(bins["x"] + width).clip(*CALENDAR))
    ticks = describe_ticks(bins["x"], pd.Timedelta(width)) or {"labelOverlap": True}
    tips = [
        make_utc_tip("x", f"From ({place})"),
        make_utc_tip("until", f"To ({place})"),
        alt.Tooltip("y:Q", title="Rows"),
    ]
    chart: alt.Chart = alt.Chart(bins).mark_bar(orient="vertical", binSpacing=1)
    drawn = chart.encode(
        x=alt.X("x:T", scale=alt.Scale(type="utc"), axis=make_axis(choice.x, dark, "time", **ticks)),
        x2=alt.X2("until"),
        y=alt.Y("y:Q", axis=make_axis("Number of rows", dark, format=",d", tickMinStep=1)),
        tooltip=[*tips, *list_colour_tips(choice)],
        **choose_colours(bins, choice, dark),
    )
    return drawn.properties(height=HEIGHT)


def choose_bin(moments: "pd.Series[Any]") -> timedelta:
    """Return the shortest width of bins that makes few enough of them; a multiple of the widest where none does."""
    span = moments.max() - moments.min()
    longest = TIME_BINS[-1] * MOST_TIME_BINS
    fitting = (width for width in TIME_BINS if span <= width * MOST_TIME_BINS)
    return next(fitting, TIME_BINS[-1] * (span // longest + 1))


def draw_bars(data: pd.DataFrame, choice: Choice, dark: bool) -> tuple[alt.Chart, list[str]]:
    """Return horizontal bars in the order of the rows, because names need room, and a note on those left out."""
    names = list(dict.fromkeys(data["x"]))
    notes = [f"The first {MOST_BARS} of {len(names):,} bars."] if len(names) > MOST_BARS else []
    names = names[:MOST_BARS]
    kept = data[data["x"].isin(set(names))]
    chart: alt.Chart = alt.Chart(kept).mark_bar()
    drawn = chart.encode(
        y=alt.Y("x:N", sort=names, axis=make_axis(choice.x, dark, ticks=False)),
        x=alt.X(name_value(choice), axis=make_axis(choice.y or "Number of rows", dark)),
        tooltip=list_tips(choice, "text", name_value(choice)),
        **choose_colours(kept, choice, dark),
    )
    return drawn.properties(height=alt.Step(22)), notes


def draw_marks(data: pd.DataFrame, choice: Choice, kind: Holds, dark: bool) -> alt.Chart:
    """Return a line, an area, points or vertical bars."""
    scale = alt.Scale(type="utc") if kind == "time" else alt.Undefined
    rows, known = len(data), data["x"]
    if choice.kind in ("line", "area") and kind != "text":
        data = break_at_gaps(data)
    # A value between two gaps is a dot.
    dots = rows <= MOST_DOTS or rows < len(data)
    marks: dict[str, dict[str, Any]] = {
        "line": {"type": "line", "point": dots},
        "area": {"type": "area", "opacity": 0.75, "point": rows < len(data)},
        "points": {"type": "point", "filled": True, "size": 45, "opacity": 0.75},
        "bar": {"type": "bar", "orient": "vertical", "binSpacing": 1},
    }
    y = name_value(choice) if choice.kind == "points" else "y:Q"
    step = None if choice.kind in ("line", "area", "points") else find_step(known)
    ticks = describe_ticks(known, step) if kind == "time" else None
    x_axis = make_axis(choice.x, dark, kind, **(ticks or {"labelOverlap": True}))
    encoded: dict[str, Any] = {
        "x": alt.X("x", type=TYPES[kind], sort=None, scale=scale, axis=x_axis),
        "y": alt.Y(y, axis=make_axis(choice.y or "Number of rows", dark)),
        "tooltip": list_tips(choice, kind, y),
        **choose_colours(data, choice, dark),
    }
    if step is not None:
        data = data.assign(until=data["x"] + step)
        encoded["x2"] = "until"
    chart: alt.Chart = alt.Chart(data, mark=alt.MarkDef(**marks.get(choice.kind, marks["bar"]))).encode(**encoded)
    return chart.properties(height=HEIGHT)


def find_step(values: "pd.Series[Any]") -> Any:
    """Return the shortest distance between two numbers or moments; None for fewer than two, or if it is too short."""
    if values.dtype == object:
        return None
    distances = values.dropna().drop_duplicates().sort_values().diff().dropna()
    # Bars at regular places, such as the minutes of a day, touch each other: they are seen however narrow they are.
    most = max(MOST_STEPS, 2 * len(distances))
    if distances.empty or (values.max() - values.min()) / most > distances.min():
        return None
    return distances.min()
