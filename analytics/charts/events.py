"""The chart of events over time: stacked bars, or lines on a logarithmic scale, beside the counts of another time."""

from typing import Any
from zoneinfo import ZoneInfo

import altair as alt
import pandas as pd

from analytics.charts.charts import (
    COMPLETE,
    FIT,
    INK,
    LOCAL_AXIS,
    RUNNING,
    Other,
    add_other,
    choose_type_colours,
    list_bar_tips,
    list_other_tips,
    list_time_tips,
    make_event_scale,
    stack,
    to_milliseconds,
)
from analytics.times import Interval, Span, label_zone

PIXELS = 220
TOTAL = "Total"
LOG_TICKS = [0, *(10**power for power in range(10))]


def fill_bins(frame: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Add the begin and the end of each bin to counts, and a row of 0 for each empty bin.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`.
        span: its bins. The column `state` marks the rows of bins that are not over.
    """
    bins = pd.DataFrame({"bin_us": span.begins_us, "begin": span.begins, "end": span.ends})
    bins["state"] = [RUNNING if span.running and end >= span.now else COMPLETE for end in span.ends]
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
    """Return stacked bars of events over time (lines on a logarithmic scale), with a line of the time to compare with.

    From one refresh to the next only data change, so that the drawn chart stays and only its bars change. The page has
    its title and its legend.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`; see `choose_series`.
        before: columns `bin_us`, `events`, of the other time, moved into these bins.
        span: the bins.
        what: the word for what is counted, in the plural.
        zone: the time zone of the browser that draws it.
        name: the name of the other time.
        selected: the part that is selected at first.
        dark: whether the page is dark.
        logarithmic: whether heights are on a logarithmic scale, where a few outliers would hide the rest.
    """
    place = label_zone(zone)
    marked: Any = alt.Undefined
    if selected is not None:
        marked = {"x": [to_milliseconds(selected.since), to_milliseconds(selected.until or span.until)]}
    brush = alt.selection_interval(name="brush", encodings=["x"], value=marked)
    other = None if before is None else (before, name)
    draw = draw_lines if logarithmic else draw_event_bars
    layers = draw(frame, span, what, place, dark, other)
    layers[0] = layers[0].add_params(brush)
    if before is not None:
        layers.append(draw_line_before(before, span, name, dark))
    layered: Any = alt.layer(*layers)
    chart: alt.LayerChart = layered.properties(height=PIXELS, width="container", autosize=FIT)
    return chart


def describe_events(span: Span, name: str, *, zone: ZoneInfo, logarithmic: bool = False) -> str:
    """Return the units of `draw_events` and what its lines are; `name` is the other time's, if one is drawn."""
    parts = [f"Number per {span.per}, by event type", f"times in {label_zone(zone)}"]
    if name:
        parts.append(f"the dashed line is {name}")
    if logarithmic:
        parts.append("logarithmic scale; the darkest line is the total")
    elif span.running:
        parts.append(f"pale = {RUNNING}")
    return f"{'; '.join(parts)}."


def draw_lines(
    frame: pd.DataFrame, span: Span, what: str, place: str, dark: bool, other: Other | None
) -> list[alt.Chart]:
    """Return the layers of a line for each event type, and one of the total, on a logarithmic scale.

    Stacked bars would mislead there: of two parts with the same height, the upper one counts far more.
    """
    types, totals = list_types(frame, dark), count_bins(frame, span)
    lines = [make_line(frame[frame["event_type"] == name], name, span) for name in types]
    if len(types) > 1:
        lines.append(make_line(frame, TOTAL, span))
    colour = make_event_scale(dark)
    colour = alt.Scale(domain=[*colour.domain, TOTAL], range=[*colour.range, INK[dark]])
    drawn: alt.Chart = (
        alt.Chart(pd.concat(lines) if lines else make_line(frame, TOTAL, span))
        .mark_line(interpolate="step-after", strokeWidth=1.6, aria=False, tooltip=None)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(type="time", nice=False), axis=LOCAL_AXIS),
            y=alt.Y(
                "events:Q",
                scale=make_scale(frame, other, type="symlog"),
                axis=alt.Axis(title=None, values=LOG_TICKS, format=",d"),
            ),
            color=alt.Color("event_type:N", scale=colour, legend=None),
        )
    )
    hovered: alt.Chart = (
        alt.Chart(add_other(totals, other))
        .mark_bar(opacity=0, aria=False)
        .encode(
            x=alt.X("begin:T"),
            x2=alt.X2("end"),
            y=alt.value(0),
            y2=alt.value("height"),
            tooltip=[
                alt.Tooltip("events:Q", title=what, format=","),
                alt.Tooltip("each:N", title="By event"),
                *list_time_tips(place),
                alt.Tooltip("state:N", title="This bin is"),
                *list_other_tips(other),
            ],
        )
    )
    return [hovered, drawn]


def make_scale(frame: pd.DataFrame, other: Other | None, **options: Any) -> alt.Scale:
    """Return the scale of counts; where all are 0 it goes to 1, so that the line of 0 does not lie at half height."""
    is_counted = frame["events"].any() or (other is not None and other[0]["events"].any())
    return alt.Scale(**options) if is_counted else alt.Scale(domain=[0, 1], **options)


def make_line(frame: pd.DataFrame, name: str, span: Span) -> pd.DataFrame:
    """Return the counts of each bin under one name, and the last one again at the end of its bin."""
    counts = frame.groupby("bin_us", as_index=False)["events"].sum()
    rows = fill_bins(counts.assign(event_type=name), span).assign(event_type=name)
    last = rows.iloc[[-1]].assign(begin=rows["end"].iloc[-1])
    return pd.concat([rows, last])[["begin", "events", "event_type"]]


def count_bins(frame: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Return the total of each bin, and its counts by event type in words (`each`), the largest first."""
    ordered = frame.sort_values("events", ascending=False)
    each = {
        bin_us: ", ".join(
            f"{name} {count:,.0f}" for name, count in zip(rows["event_type"], rows["events"], strict=True)
        )
        for bin_us, rows in ordered.groupby("bin_us")
    }
    counts = fill_bins(frame.groupby("bin_us", as_index=False)["events"].sum().assign(event_type=TOTAL), span)
    return counts.assign(each=[each.get(bin_us, "") for bin_us in counts["bin_us"]])


def list_types(frame: pd.DataFrame, dark: bool) -> list[str]:
    """Return the event types that occur, in the order of the legend."""
    occurring = set(frame["event_type"].unique())
    return [name for name in choose_type_colours(dark) if name in occurring]


def draw_event_bars(
    frame: pd.DataFrame, span: Span, what: str, place: str, dark: bool, other: Other | None
) -> list[alt.Chart]:
    """Return the layer of stacked bars; bins that are not over are pale."""
    chart: alt.Chart = (
        alt.Chart(add_other(stack(fill_bins(frame, span), list(choose_type_colours(dark))), other))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(type="time", nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y(
                "bottom:Q",
                scale=make_scale(frame, other),
                axis=alt.Axis(title=None, tickMinStep=1, tickCount=5, format=",d"),
            ),
            y2=alt.Y2("top"),
            color=alt.Color("event_type:N", scale=make_event_scale(dark), legend=None),
            opacity=alt.Opacity("state:N", scale=alt.Scale(domain=[COMPLETE, RUNNING], range=[1, 0.45]), legend=None),
            tooltip=[*list_bar_tips(what, place), *list_other_tips(other)],
        )
    )
    return [chart]


def draw_line_before(before: pd.DataFrame, span: Span, name: str, dark: bool) -> alt.Chart:
    """Return the layer with the counts of the other time, one step for each bin."""
    line: alt.Chart = (
        alt.Chart(make_line(before, name, span)[["begin", "events"]])
        .mark_line(
            interpolate="step-after", tooltip=None, strokeWidth=1.2, strokeDash=[3, 2], color=INK[dark], opacity=0.75
        )
        .encode(x=alt.X("begin:T"), y=alt.Y("events:Q"))
    )
    return line
