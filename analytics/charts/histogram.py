"""Counts in bins of time: notifications (a brush narrows their range), findings, and the hours of the week."""

from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd

from analytics.charts.charts import (
    COMPLETE,
    FIT,
    INK,
    LABEL_ROOM,
    LOCAL_AXIS,
    MUTED,
    RUNNING,
    add_bin_times,
    choose_series,
    fit_text,
    join_types,
    list_bar_tips,
    list_time_tips,
    make_event_scale,
    make_heading,
    read_marked,
    stack,
)
from analytics.findings.rule_headers import COLOURS, SEVERITIES
from analytics.senders import colours
from analytics.text import format_count
from analytics.times import MICROSECOND, Period, choose_width, floor

BRUSH = "span"
PIXELS, LOWER_PIXELS = 56, 36
PADDING = {"left": 0, "top": 0, "right": LABEL_ROOM, "bottom": 0}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = 24
HOUR_AXIS = alt.Axis(
    title=None, grid=False, values=list(range(0, HOURS + 1, 3)), format="02d", labelFlush=True, ticks=False
)
# Lightness alone shows the counts, so that any colour vision sees them.
SHADES = (("#f1f5f9", "#9cc3e0", "#2f7fb8", "#083d66"), ("#1a2029", "#1f4a6b", "#3a86c0", "#cfe6f8"))


class Bins:
    """Bins of one width from `since` to `until`, whole multiples of it since 1970. None fills if `is_over`."""

    def __init__(self, since: datetime, until: datetime, *, is_over: bool = False) -> None:
        """Fit at most `MOST_BINS` bins, and one at least, around the moments from `since` to before `until`."""
        until = max(until, since + MICROSECOND)
        self.end, self.is_over = until, is_over
        self.per, self.width = choose_width(until - since)
        self.since = floor(since, self.width)
        self.until = floor(until - MICROSECOND, self.width) + self.width

    @property
    def bin_us(self) -> int:
        """Return the width of a bin in microseconds."""
        return self.width // MICROSECOND

    def widen_to_bins(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """Return the start and end of the bins that contain two moments, within these bins."""
        first, last = max(min(first, last), self.since), min(max(first, last), self.until)
        begin = min(floor(first, self.width), self.until - self.width)
        end = floor(last, self.width)
        return begin, max(end if end == last else end + self.width, begin + self.width)


def read_brush(selection: Any, bins: Bins | Period) -> tuple[datetime, datetime] | None:
    """Return the start and end of the bins that a brush selects, see `read_marked`; None where it selects none."""
    marked = read_marked(selection)
    return bins.widen_to_bins(marked.since, marked.until or marked.since) if marked else None


def add_ends(bars: pd.DataFrame, bins: Bins) -> pd.DataFrame:
    """Add a flat bar from the first bin to the last, so that the x axis spans all of them.

    So the axis is part of the data: if only the data of a chart differ, it is drawn anew in place and keeps its brush.
    """
    flat = {
        "begin": bins.since, "end": bins.until, "event_type": "", "events": 0, "bottom": 0, "top": 0, "state": COMPLETE,
    }  # fmt: skip
    ends = pd.DataFrame([flat]).astype({"begin": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
    states = [RUNNING if end > bins.end and not bins.is_over else COMPLETE for end in bars["end"]]
    shown = bars.assign(state=states)[list(flat)].astype({"begin": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
    return ends if shown.empty else pd.concat([shown, ends], ignore_index=True)


def make_caption(text: Any, dark: bool) -> alt.TitleParams:
    """Return the line over a low chart."""
    return alt.TitleParams(
        text, anchor="start", frame="bounds", fontSize=12, fontWeight="normal", color=MUTED[dark], offset=16
    )


def draw_histogram(frame: pd.DataFrame, bins: Bins, zone: str, *, dark: bool = False) -> alt.Chart:
    """Return stacked bars of notifications over time, with a brush.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`; the rarest of many types are joined.
        bins: the bins of the x axis; empty ones show as gaps.
        zone: the name of the browser's time zone, in which the axis is.
        dark: whether the page is dark.
    """
    title = fit_text(
        f"Per {bins.per}, by event type; times in {zone}; pale = still filling. Drag over bars to narrow the range.",
        f"Per {bins.per}; times in {zone}; pale = still filling",
    )
    bars = add_bin_times(join_types(frame, choose_series(frame)[1]), bins.width)
    chart: alt.Chart = (
        alt.Chart(add_ends(stack(bars, list(colours(dark))), bins))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y("bottom:Q", axis=alt.Axis(title=None, tickMinStep=1, tickCount=3, format=",d")),
            y2=alt.Y2("top"),
            color=alt.Color("event_type:N", scale=make_event_scale(dark), legend=None),
            opacity=alt.Opacity("state:N", scale=alt.Scale(domain=[COMPLETE, RUNNING], range=[1, 0.5]), legend=None),
            tooltip=list_bar_tips("Notifications", zone),
        )
        .add_params(alt.selection_interval(name=BRUSH, encodings=["x"]))
        .properties(
            height=PIXELS,
            width="container",
            autosize=FIT,
            title=make_caption(title, dark),
            padding=PADDING,
            description=f"Notifications per {bins.per}, by event type; the range's button above narrows it too.",
        )
    )
    return chart


def add_empty_bins(frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Add a row of no findings for each empty bin of the period."""
    begins = pd.date_range(period.since, period.until, freq=period.width, inclusive="left", unit="us").asi8
    filled = set(frame["bin_us"])
    empty = [begin for begin in begins if begin not in filled]
    return pd.concat([frame, pd.DataFrame({"bin_us": empty, "severity": SEVERITIES[0], "findings": 0})])


def draw_findings(frame: pd.DataFrame, period: Period, *, place: str = "UTC", dark: bool = False) -> alt.Chart:
    """Return stacked bars of findings over time, with a brush.

    From one refresh to the next only data change, so that the drawn chart stays.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `severity`, `findings`.
        period: the time of the x axis.
        place: the name of the browser's time zone.
        dark: whether the page is dark.
    """
    caption = f"Findings per {period.per}; times in {place}"
    scale = alt.Scale(domain=list(SEVERITIES), range=[COLOURS[name][dark] for name in SEVERITIES])
    rows = add_bin_times(add_empty_bins(frame, period), period.width)
    chart: alt.Chart = (
        alt.Chart(stack(rows, SEVERITIES, "severity", "findings"))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(type="time", nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y("bottom:Q", axis=alt.Axis(title=None, tickMinStep=1, tickCount=3, format=",d")),
            y2=alt.Y2("top"),
            color=alt.Color("severity:N", scale=scale, legend=None),
            tooltip=[
                alt.Tooltip("severity:N", title="Severity"),
                alt.Tooltip("findings:Q", title="Findings", format=","),
                *list_time_tips(place),
            ],
        )
        .add_params(alt.selection_interval(name=BRUSH, encodings=["x"]))
        .properties(
            height=LOWER_PIXELS,
            width="container",
            autosize=FIT,
            title=make_caption(fit_text(f"{caption}. Drag to narrow.", caption), dark),
            padding=PADDING,
            description=f"Stacked bars of findings per {period.per}, by severity; the range's ends narrow it too.",
        )
    )
    return chart


def fill_hours_of_week(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each hour of the week.

    Args:
        frame: columns `hour_of_week` (0 is Monday's first), `events`; hours without events may be missing.
    """
    counts = dict(zip(frame["hour_of_week"], frame["events"], strict=True))
    rows = [(DAYS[place // HOURS], place % HOURS, int(counts.get(place, 0))) for place in range(len(DAYS) * HOURS)]
    hours = pd.DataFrame(rows, columns=["day", "hour", "events"])
    return hours.assign(until=hours["hour"] + 1, clock=[f"{hour:02}:00 to {hour + 1:02}:00" for hour in hours["hour"]])


def draw_heat_map(frame: pd.DataFrame, place: str, *, dark: bool = False) -> alt.Chart:
    """Return a cell for each hour of the week: the more events, the darker (on a dark page: the lighter).

    Args:
        frame: columns `hour_of_week`, `events`.
        place: the name of the hours' time zone.
        dark: whether the page is dark.
    """
    chart: alt.Chart = (
        alt.Chart(fill_hours_of_week(frame))
        .mark_rect(stroke=None, aria=False)
        .encode(
            x=alt.X("hour:Q", scale=alt.Scale(domain=[0, HOURS], nice=False), axis=HOUR_AXIS),
            x2=alt.X2("until"),
            y=alt.Y(
                "day:O",
                sort=list(DAYS),
                scale=alt.Scale(paddingInner=0.08),
                axis=alt.Axis(title=None, labelExpr="slice(datum.label, 0, 3)", ticks=False, domain=False),
            ),
            color=alt.Color(
                "events:Q",
                scale=alt.Scale(range=list(SHADES[dark]), zero=True, nice=False),
                legend=make_shade_legend(dark),
            ),
            tooltip=[
                alt.Tooltip("day:N", title="Day"),
                alt.Tooltip("clock:N", title=f"Hour ({place})"),
                alt.Tooltip("events:Q", title="Number", format=","),
            ],
        )
        .configure_axis(labelColor=INK[dark])
        .properties(
            height=218,
            width="container",
            autosize=FIT,
            title=make_heading("Hours of the week", dark, f"Number per hour and weekday; times in {place}"),
        )
    )
    return chart


def make_shade_legend(dark: bool) -> alt.Legend:
    """Return the legend of the heat map's shades."""
    return alt.Legend(
        title=None,
        orient="bottom",
        gradientLength=120,
        gradientThickness=8,
        tickCount=2,
        format=",d",
        labelColor=MUTED[dark],
    )


def describe_busiest(frame: pd.DataFrame, unit: str) -> str:
    """Return the busiest hour of the week in words; `unit` is the word for one of what is counted."""
    if frame.empty or not frame["events"].max():
        return "Nothing happened in this time."
    row = frame.sort_values("events", ascending=False).iloc[0]
    place = int(row["hour_of_week"])
    hour = f"{place % HOURS:02}:00 to {place % HOURS + 1:02}:00"
    return f"Most in one hour of the week: {format_count(int(row['events']), unit)} on {DAYS[place // HOURS]}s, {hour}."
