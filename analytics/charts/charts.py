"""What the charts of the dashboard and of the notebooks share: colours, axes, titles and tooltips.

Also tooltips that compare a bin with the same bin of another time, ticks of whole days, weeks and months, and gaps
where a line or an area has no rows.

No field of these charts has the name `image`, because Vega's tooltip would load it as a picture. Names from outside
are data of text marks, never part of an expression. Channels are written as `alt.X2("end")`, not as texts: Altair
looks a text up in its whole schema, which takes 4 ms for each.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from analytics.comparison import format_difference
from analytics.senders import GREY, colours
from analytics.times import EPOCH, Interval, Period

MUTED = ("#6b7280", "#9aa3ad")
RULE = ("#e2e5e9", "#2b313a")
INK = ("#1d2330", "#e6e9ee")
ACCENT = ("#0072b2", "#3a9bdc")
TIME_TIP = "%Y-%m-%d %H:%M:%S"
TIME_LABEL = (
    "utcFormat(datum.value, utcseconds(datum.value) ? '%H:%M:%S'"
    " : utchours(datum.value) || utcminutes(datum.value) ? '%H:%M'"
    " : utcmonth(datum.value) || utcdate(datum.value) > 1 ? '%b %d' : '%Y')"
)
MOST_TYPES = 8
OTHER_TYPES = "Other event types"
PHONE_PIXELS = 560
"""A chart that is narrower stands on a phone."""
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
LABEL_ROOM = 4
"""The pixels that a label may be wider in a browser than Vega measures it."""
LOCAL_LABEL = TIME_LABEL.replace("utc", "").replace("Format", "timeFormat")
LOCAL_AXIS = alt.Axis(title=None, grid=False, tickCount=8, labelOverlap=True, labelFlush=True, labelExpr=LOCAL_LABEL)
SQUARES = alt.Legend(title=None, orient="top", symbolType="square", offset=10, padding=0)
COMPLETE, RUNNING = "complete", "still filling"
"""The states of a bin: only that of the present moment is not over."""
Other = tuple[pd.DataFrame, str]
"""The counts of the time to compare with (columns `bin_us`, `events`), and its name."""
BRUSHED = "Selected part of the time"
MOST_TICKS = 40
A_MONTH = pd.Timedelta(days=28)
WIDER = 1.5
"""A distance this many times the usual one is a gap; months differ by less."""


def add_bin_times(frame: pd.DataFrame, width: timedelta) -> pd.DataFrame:
    """Add the begin and the end of each bin (column `bin_us`, microseconds) as times."""
    start = pd.to_datetime(frame["bin_us"], unit="us", utc=True)
    return frame.assign(begin=start, end=start + width)


def make_time_axis(period: Period) -> alt.X:
    """Return the x of a chart over the whole period, empty bins included; times are the browser's."""
    first, last = to_milliseconds(period.since), to_milliseconds(max(period.until, period.since + period.width))
    return alt.X("begin:T", scale=alt.Scale(type="time", domain=[first, last], nice=False, clamp=True), axis=LOCAL_AXIS)


def to_milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, as Vega counts."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def make_heading(title: str, dark: bool, subtitle: str = "", offset: int = 12) -> alt.TitleParams:
    """Return a chart's title, with a line below it that gives the units if the page does not."""
    return alt.TitleParams(
        title,
        subtitle=subtitle or alt.Undefined,
        anchor="start",
        frame="bounds",
        fontSize=14,
        fontWeight=600,
        color=INK[dark],
        subtitleFontSize=12,
        subtitleColor=MUTED[dark],
        subtitlePadding=3,
        offset=offset,
    )


def adapt_to_page(spec: Mapping[str, Any], *, dark: bool) -> dict[str, Any]:
    """Return a chart as Vega-Lite with labels that are easy to read and whole, where it says nothing else about them.

    Streamlit's own colour has a contrast of 3.8 to 1 on a light page; small text needs 4.5. It leaves no room beside a
    chart, but a browser draws the last label of an axis wider than Vega measures it. The rectangles of a brush take
    their name for screen readers from the configuration alone.
    """
    given: Mapping[str, Any] = spec.get("config", {})
    ink = {"labelColor": MUTED[dark], "titleColor": MUTED[dark]}
    config = {**given, **{part: {**ink, **given.get(part, {})} for part in ("axis", "legend")}}
    if "interval" in (param.get("select", {}).get("type") for param in spec.get("params", ())):
        config["mark"] = {"description": BRUSHED, **given.get("mark", {})}
    return {"padding": {"right": LABEL_ROOM, "bottom": 0}, **spec, "config": config}


def read_marked(selection: Any) -> Interval | None:
    """Return the time that a chart's brush marks; None without a brush, or with an empty one.

    Args:
        selection: the brush as the chart reports it: `{"begin": [ms, ms]}`, milliseconds since 1970, in any order.
    """
    marked = selection.get("begin") if isinstance(selection, dict) else None
    try:
        begin, end = sorted(EPOCH + timedelta(milliseconds=float(end_ms)) for end_ms in marked or ())
    except (TypeError, ValueError, OverflowError):
        return None
    return Interval(begin, end) if begin != end else None


def fit_text(wide: str, narrow: str) -> Any:
    """Return a text of a chart as an expression: `narrow` stands where a phone would cut `wide`."""
    # It names `width`, so that it is evaluated again when that changes.
    return alt.expr(f"width >= 0 && containerSize()[0] < {PHONE_PIXELS} ? {json.dumps(narrow)} : {json.dumps(wide)}")


def stack(frame: pd.DataFrame, order: Sequence[str], part: str = "event_type", number: str = "events") -> pd.DataFrame:
    """Add the bottom and top of each part of its bin's bar.

    Args:
        frame: columns `bin_us` and those that the other arguments name.
        order: the parts from the bottom up; others follow.
        part: the column with the name of the part.
        number: the column with its height.
    """
    place = frame[part].map({name: place for place, name in enumerate(order)}).fillna(len(order))
    rows = frame.assign(place=place).sort_values(["bin_us", "place", part])
    top = rows.groupby("bin_us")[number].cumsum()
    return rows.assign(bottom=top - rows[number], top=top)


def choose_type_colours(dark: bool) -> dict[str, str]:
    """Return the colour of each event type, and of those that are joined."""
    return {**colours(dark), OTHER_TYPES: GREY[dark]}


def choose_series(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Split the event types of counts into those that a chart draws, and the others, which it joins, by frequency.

    No two of a chart's series have the same colour: the rarer of two is among the others.
    """
    names = list(frame.groupby("event_type")["events"].sum().sort_values(ascending=False, kind="stable").index)
    shades = colours(dark=False)
    by_colour = {shades.get(name, GREY[0]): name for name in reversed(names)}
    if len(by_colour) == len(names) <= MOST_TYPES:
        return names, []
    by_colour.pop(GREY[0], None)  # that of the others
    shown = [name for name in names if name in by_colour.values()][: MOST_TYPES - 1] or names[:1]
    return shown, [name for name in names if name not in shown]


def join_types(frame: pd.DataFrame, others: Sequence[str]) -> pd.DataFrame:
    """Return counts (columns `bin_us`, `event_type`, `events`) with those of some event types under one name."""
    names = frame["event_type"].where(~frame["event_type"].isin(others), OTHER_TYPES)
    return frame.assign(event_type=names).groupby(["bin_us", "event_type"], as_index=False).sum()


def make_utc_tip(field: str, title: str) -> alt.Tooltip:
    """Return the tooltip of a moment, in UTC."""
    return alt.Tooltip(f"utcyearmonthdatehoursminutesseconds({field}):T", title=title, format=TIME_TIP)


def list_time_tips(place: str) -> list[alt.Tooltip]:
    """Return the tooltips of a bar's time: its begin and end there, and its begin in UTC."""
    return [
        alt.Tooltip("yearmonthdatehoursminutesseconds(begin):T", title=f"From ({place})", format=TIME_TIP),
        alt.Tooltip("yearmonthdatehoursminutesseconds(end):T", title=f"To ({place})", format=TIME_TIP),
        make_utc_tip("begin", "From (UTC)"),
    ]


def list_bar_tips(what: str, place: str) -> list[alt.Tooltip]:
    """Return the tooltips of a bar: its event type, the number of `what`, and its begin and end, there and in UTC."""
    return [
        alt.Tooltip("event_type:N", title="Event"),
        alt.Tooltip("events:Q", title=what, format=","),
        *list_time_tips(place),
        alt.Tooltip("state:N", title="This bin is"),
    ]


def make_row_scale(field: str, rows: int) -> alt.Y:
    """Return the y of a chart of rows, the first one on top."""
    return alt.Y(f"{field}:Q", scale=alt.Scale(domain=[0, rows], reverse=True, nice=False), axis=None)


def make_event_scale(dark: bool) -> alt.Scale:
    """Return the colours of the event types."""
    return alt.Scale(domain=list(choose_type_colours(dark)), range=list(choose_type_colours(dark).values()))


def add_other(rows: pd.DataFrame, other: Other | None) -> pd.DataFrame:
    """Add to each row the counts of its bin, now and in the other time, for `list_other_tips`.

    Args:
        rows: columns `bin_us`, `events`, `state`.
        other: the time to compare with; None without one, and then nothing is added.

    Returns:
        The rows with the count of all events (`all`), the other time's (`before`), and their difference in words, which
        is empty for a bin that is not over.
    """
    if other is None:
        return rows
    counts = rows.groupby("bin_us")["events"].transform("sum")
    before = rows["bin_us"].map(other[0].groupby("bin_us")["events"].sum()).fillna(0)
    bins = zip(counts, before, rows["state"], strict=True)
    texts = [(format_difference(int(now), int(then)) or "") if state == COMPLETE else "" for now, then, state in bins]
    return rows.assign(all=counts, before=before, difference=texts)


def list_other_tips(other: Other | None) -> list[alt.Tooltip]:
    """Return the tooltips of a bin that compare it with the other time."""
    if other is None:
        return []
    name = other[1]
    return [
        alt.Tooltip("all:Q", title="All events", format=","),
        alt.Tooltip("before:Q", title=f"In {name}" if name.startswith("the ") else name.capitalize(), format=","),
        alt.Tooltip("difference:N", title="Difference"),
    ]


def describe_ticks(values: "pd.Series[Any]", width: pd.Timedelta | None) -> dict[str, Any] | None:
    """Return the settings of an axis for dates; None where some value is not the begin of a day in UTC.

    Args:
        values: moments in UTC.
        width: the width of the bars that begin there; None where lines or points stand at the moments themselves.
    """
    begins = values.dropna().drop_duplicates().sort_values()
    if begins.empty or (begins != begins.dt.normalize()).any():
        return None
    # Python's, because a moment plus one of pandas, in nanoseconds, must lie in the years 1678 to 2261.
    shift = timedelta() if width is None else width / 2
    shown = begins.iloc[:: -(-len(begins) // MOST_TICKS)]
    return {
        "values": [as_date_time(moment + shift) for moment in shown],
        "labelExpr": f"utcFormat(datum.value - {shift // timedelta(milliseconds=1)}, '{choose_format(begins)}')",
        "labelFlush": False,
        "labelOverlap": True,
    }


def as_date_time(moment: pd.Timestamp) -> alt.DateTime:
    """Return a moment as Vega-Lite wants it in the values of an axis, which are no numbers there."""
    return alt.DateTime(
        year=moment.year, month=moment.month, date=moment.day, hours=moment.hour, minutes=moment.minute, utc=True
    )


def choose_format(begins: "pd.Series[Any]") -> str:
    """Return the shortest form that tells the dates apart: months, days of one year, or days of several."""
    if len(begins) > 1 and (begins.dt.day == 1).all() and begins.diff().min() >= A_MONTH:
        return "%b %Y"
    return "%b %d" if begins.dt.year.min() == begins.dt.year.max() else "%b %d, %Y"


def break_at_gaps(data: pd.DataFrame) -> pd.DataFrame:
    """Add a row without a value to each gap, where the drawing breaks.

    There are gaps only where the values of x are at regular distances, such as days.

    Args:
        data: columns `x`, numbers or moments, `y`, and `colour` where there are several series.
    """
    step = find_usual_step(data["x"])
    if step is None:
        return data
    series = [part for _, part in data.groupby("colour", sort=False)] if "colour" in data else [data]
    if not all(part["x"].is_monotonic_increasing or part["x"].is_monotonic_decreasing for part in series):
        return data  # the rows have an order of their own
    gaps = [find_gaps(part, step) for part in series]
    if all(part.empty for part in gaps):
        return data
    return pd.concat([data, *gaps], ignore_index=True).sort_values("x", kind="stable", ignore_index=True)


def find_gaps(part: pd.DataFrame, step: Any) -> pd.DataFrame:
    """Return a row without a value for each gap of a series."""
    values = part["x"].dropna().drop_duplicates().sort_values()
    last = values[values.diff().shift(-1) > step * WIDER]
    gaps = pd.DataFrame({"x": last + step})
    return gaps.assign(colour=part["colour"].iloc[0]) if "colour" in part else gaps


def find_usual_step(values: "pd.Series[Any]") -> Any:
    """Return the usual distance of numbers or moments; None where they are at no regular distances."""
    distances = values.dropna().drop_duplicates().sort_values().diff().dropna().sort_values()
    if distances.empty:
        return None
    usual, shortest = distances.iloc[(len(distances) - 1) // 2], distances.iloc[0]
    return usual if usual <= shortest * WIDER else None
