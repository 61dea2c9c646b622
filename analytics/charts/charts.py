"""Colours, axes, titles and tooltips that the charts of the dashboard and of the notebooks share.

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

from analytics.senders import GREY, colours
from analytics.times import EPOCH, Period

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
LEGEND_COLUMNS = alt.ExprRef("max(1, floor(width / 135))")
MOST_TYPES = 15
OTHER_TYPES = "other event types"
PHONE_PIXELS = 560
"""A chart that is narrower stands on a phone."""
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
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


def heading(title: str, dark: bool, subtitle: str = "", offset: int = 12) -> alt.TitleParams:
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


def set_ink(spec: Mapping[str, Any], *, dark: bool) -> dict[str, Any]:
    """Return a chart as Vega-Lite with labels that are easy to read, where it names no colour for them.

    Streamlit's own colour has a contrast of 3.8 to 1 on a light page; small text needs 4.5.
    """
    given: Mapping[str, Any] = spec.get("config", {})
    ink = {"labelColor": MUTED[dark], "titleColor": MUTED[dark]}
    return {**spec, "config": {**given, **{part: {**ink, **given.get(part, {})} for part in ("axis", "legend")}}}


def fit_text(wide: str, narrow: str) -> Any:
    """Return a text of a chart as an expression: `narrow` stands where a phone would cut `wide`."""
    # It names `width`, so that it is evaluated again when that changes.
    return alt.expr(f"width >= 0 && containerSize()[0] < {PHONE_PIXELS} ? {json.dumps(narrow)} : {json.dumps(wide)}")


def stack(frame: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Add the bottom and top of each event type's part of its bin's bar."""
    place = frame["event_type"].map({name: place for place, name in enumerate(order)}).fillna(len(order))
    rows = frame.assign(place=place).sort_values(["bin_us", "place", "event_type"])
    top = rows.groupby("bin_us")["events"].cumsum()
    return rows.assign(bottom=top - rows["events"], top=top)


def type_colours(dark: bool) -> dict[str, str]:
    """Return the colour of each event type, and of those that are joined."""
    named = colours(dark)
    return {**named, OTHER_TYPES: GREY[dark]} if len(named) > MOST_TYPES else named


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
    return alt.Scale(domain=list(type_colours(dark)), range=list(type_colours(dark).values()))
