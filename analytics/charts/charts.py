"""The dashboard's and the notebook's charts: a DataFrame in, an Altair chart out.

No field of these charts has the name `image`, because Vega's tooltip would load it as a picture. Names from outside
are data of text marks, never part of an expression. Channels are written as `alt.X2("end")`, not as texts: Altair
looks a text up in its whole schema, which takes 4 ms for each.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import altair as alt
import pandas as pd

from analytics.senders import colours
from analytics.times import EPOCH, Interval, Period, Span, zone_label

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
LEGEND_COLUMNS = alt.ExprRef("max(1, floor(width / 150))")
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
COMPLETE, RUNNING = "complete", "not complete yet"
LOCAL_LABEL = TIME_LABEL.replace("utc", "").replace("Format", "timeFormat")
LOCAL_AXIS = alt.Axis(title=None, grid=False, tickCount=8, labelOverlap=True, labelFlush=True, labelExpr=LOCAL_LABEL)


def add_bin_times(frame: pd.DataFrame, width: timedelta) -> pd.DataFrame:
    """Add the begin and the end of each bin (column `bin_us`, microseconds) as times."""
    start = pd.to_datetime(frame["bin_us"], unit="us", utc=True)
    return frame.assign(begin=start, end=start + width)


def time_axis(period: Period) -> alt.X:
    """Return the x of a chart over the whole period, empty bins included; times are the browser's."""
    first, last = milliseconds(period.since), milliseconds(max(period.until, period.since + period.width))
    return alt.X("begin:T", scale=alt.Scale(type="time", domain=[first, last], nice=False, clamp=True), axis=LOCAL_AXIS)


def milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, as Vega counts."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def heading(title: str, subtitle: str, dark: bool, offset: int = 12) -> alt.TitleParams:
    """Return a chart's title with a line below it that gives the units."""
    return alt.TitleParams(
        title,
        subtitle=subtitle,
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


def stack(frame: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Add the bottom and top of each event type's part of its bin's bar."""
    place = frame["event_type"].map({name: place for place, name in enumerate(order)}).fillna(len(order))
    rows = frame.assign(place=place).sort_values(["bin_us", "place", "event_type"])
    top = rows.groupby("bin_us")["events"].cumsum()
    return rows.assign(bottom=top - rows["events"], top=top)


def fill_bins(frame: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Add the begin and the end of each bin to counts, and a row of 0 for each empty bin.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`.
        span: its bins. The column `state` marks the rows of a last bin that is not over.
    """
    bins = pd.DataFrame({"bin_us": span.begins_us, "begin": span.begins, "end": span.ends})
    bins["state"] = [COMPLETE] * (len(bins) - 1) + [RUNNING if span.running else COMPLETE]
    rows = bins.merge(frame, on="bin_us", how="left")
    return rows.fillna({"events": 0, "event_type": ""})


def draw_events(
    frame: pd.DataFrame,
    before: pd.DataFrame | None,
    span: Span,
    *,
    what: str = "Notifications",
    zone: ZoneInfo,
    name: str = "",
    selected: Interval | None = None,
    dark: bool = False,
    logarithmic: bool = False,
) -> alt.LayerChart:
    """Return stacked bars of events over time, with a line of the time to compare with.

    From one refresh to the next only data change, so that the drawn chart stays and only its bars change. The legend
    changes when a new event type appears.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`.
        before: columns `bin_us`, `events`, of the other time, moved into these bins.
        span: the bins.
        what: the word for what is counted, in the plural.
        zone: the time zone of the browser that draws it.
        name: the name of the other time.
        selected: the part that is selected at first.
        dark: whether the page is dark.
        logarithmic: whether heights are on a logarithmic scale, where a few outliers would hide the rest.
    """
    place = zone_label(zone)
    scale = alt.Scale(type="symlog") if logarithmic else alt.Scale()
    marked: Any = alt.Undefined
    if selected is not None:
        marked = {"x": [milliseconds(selected.since), milliseconds(selected.until or span.until)]}
    brush = alt.selection_interval(name="brush", encodings=["x"], value=marked)
    layers = [event_bars(frame, span, what, place, scale, dark).add_params(brush)]
    subtitle = f"Number per {span.per}, by event type; times of {place}"
    if before is not None:
        layers.append(line_before(before, span, name, dark))
        subtitle += f"; the line is {name}"
    if span.running:
        subtitle += f"; the pale last bar is {RUNNING}"
    if logarithmic:
        subtitle += "; on a logarithmic scale"
    layered: Any = alt.layer(*layers)
    chart: alt.LayerChart = layered.properties(
        height=236, width="container", autosize=FIT, title=heading(f"{what} over time", subtitle, dark)
    )
    return chart


def event_bars(frame: pd.DataFrame, span: Span, what: str, place: str, scale: alt.Scale, dark: bool) -> alt.Chart:
    """Return the layer of stacked bars; a last bin that is not over is pale."""
    shown = [name for name in colours(dark) if name in set(frame["event_type"])]
    legend = alt.Legend(title=None, orient="top", symbolType="square", columns=LEGEND_COLUMNS, values=shown)
    chart: alt.Chart = (
        alt.Chart(stack(fill_bins(frame, span), list(colours(dark))))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(type="time", nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y("bottom:Q", scale=scale, axis=alt.Axis(title=None, tickMinStep=1, tickCount=5, format=",d")),
            y2=alt.Y2("top"),
            color=alt.Color("event_type:N", scale=event_scale(dark), legend=legend),
            opacity=alt.Opacity("state:N", scale=alt.Scale(domain=[COMPLETE, RUNNING], range=[1, 0.45]), legend=None),
            tooltip=local_tooltip(what, place),
        )
    )
    return chart


def line_before(before: pd.DataFrame, span: Span, name: str, dark: bool) -> alt.Chart:
    """Return the layer with the counts of the other time, one step for each bin."""
    counts = fill_bins(before.assign(event_type=name), span)
    last = counts.iloc[[-1]].assign(begin=counts["end"].iloc[-1])
    rows = pd.concat([counts, last])[["begin", "events"]]
    line: alt.Chart = (
        alt.Chart(rows)
        .mark_line(interpolate="step-after", strokeWidth=1.2, strokeDash=[3, 2], color=INK[dark], opacity=0.75)
        .encode(x=alt.X("begin:T"), y=alt.Y("events:Q"))
    )
    return line


def local_tooltip(what: str, place: str) -> list[alt.Tooltip]:
    """Return the tooltips of a bar: its event type, the number of `what`, and its begin and end, there and in UTC."""
    return [
        alt.Tooltip("event_type:N", title="Event"),
        alt.Tooltip("events:Q", title=what, format=","),
        *time_tips(place),
        alt.Tooltip("state:N", title="This bin is"),
    ]


def time_tips(place: str) -> list[alt.Tooltip]:
    """Return the tooltips of a bar's time: its begin and end there, and its begin in UTC."""
    return [
        alt.Tooltip("yearmonthdatehoursminutesseconds(begin):T", title=f"From ({place})", format=TIME_TIP),
        alt.Tooltip("yearmonthdatehoursminutesseconds(end):T", title=f"To ({place})", format=TIME_TIP),
        alt.Tooltip("utcyearmonthdatehoursminutesseconds(begin):T", title="From (UTC)", format=TIME_TIP),
    ]


def row_scale(field: str, rows: int) -> alt.Y:
    """Return the y of a chart of rows, the first one on top."""
    return alt.Y(f"{field}:Q", scale=alt.Scale(domain=[0, rows], reverse=True, nice=False), axis=None)


def event_scale(dark: bool) -> alt.Scale:
    """Return the colours of the event types."""
    return alt.Scale(domain=list(colours(dark)), range=list(colours(dark).values()))
