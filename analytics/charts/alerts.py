"""The chart of the page Alerts: a DataFrame in, an Altair chart out."""

from typing import Any

import altair as alt
import pandas as pd

from analytics.charts.charts import FIT, INK, MUTED, RULE, heading, row_scale, time_axis, time_tips
from analytics.findings.rule_headers import COLOURS
from analytics.senders import alert_colour, alert_label
from analytics.senders.alarms import KEY, span_text
from analytics.text import plural, shorten
from analytics.times import Period

MOST_ROWS = 30
MOST_BARS = 3_000
ROW_PIXELS = 22
SERVER_CHARACTERS, METRIC_CHARACTERS = 24, 12
NAME_PIXELS, METRIC_PIXELS = 250, 82
TIMES_PIXELS, TIME_PIXELS = 40, 136
OVER, LASTS = "over", "still in alarm"


def bars_of(alarms: pd.DataFrame, rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the bar of each alarm of the rows; of too many, the newest."""
    place = rows[KEY].assign(place=range(len(rows)))
    drawn = alarms.merge(place, on=KEY).nlargest(MOST_BARS, "begin")
    lasts = drawn["end"].isna()
    return pd.DataFrame(
        {
            "begin": drawn["begin"],
            "end": drawn["end"].fillna(period.until).clip(lower=drawn["begin"]),
            "top": drawn["place"] + 0.2,
            "bottom": drawn["place"] + 0.8,
            "middle": drawn["place"] + 0.5,
            "server": drawn["server"].map(lambda name: shorten(name, 60)),
            "metric": drawn["metric"].map(metric_text),
            "state": lasts.map({True: LASTS, False: OVER}),
            "lasted": drawn["time"].map(span_text),
        }
    )


def metric_text(metric: str) -> str:
    """Return a metric's name as text."""
    return shorten(metric, 30) or "(no metric)"


def names_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the text beside each row."""
    return pd.DataFrame(
        {
            "middle": [place + 0.5 for place in range(len(rows))],
            "floor": [place + 1.0 for place in range(len(rows))],
            "name": [shorten(name, SERVER_CHARACTERS) for name in rows["server"]],
            "what": [shorten(metric_text(metric), METRIC_CHARACTERS) for metric in rows["metric"]],
            "times": [f"{times:,}" for times in rows["times"]],
            "sum": [span_text(time) for time in rows["time"]],
        }
    )


def label_rows(rows: pd.DataFrame, dark: bool) -> list[alt.Chart]:
    """Return the layers beside the bars: each row's floor, server and metric, and its alarms' number and time."""
    text = alt.Chart(names_of(rows))
    y = row_scale("middle", max(len(rows), 1))
    style: dict[str, Any] = {"baseline": "middle", "fontSize": 12}
    return [
        text.mark_rule(color=RULE[dark], strokeWidth=1).encode(y=row_scale("floor", max(len(rows), 1))),
        text.mark_text(align="left", color=INK[dark], limit=NAME_PIXELS - METRIC_PIXELS - 8, **style).encode(
            x=alt.value(-NAME_PIXELS), y=y, text=alt.Text("name:N")
        ),
        text.mark_text(align="left", color=MUTED[dark], limit=METRIC_PIXELS - 8, **style).encode(
            x=alt.value(-METRIC_PIXELS), y=y, text=alt.Text("what:N")
        ),
        text.mark_text(align="right", color=INK[dark], dx=TIMES_PIXELS, **style).encode(
            x=alt.value("width"), y=y, text=alt.Text("times:N")
        ),
        text.mark_text(align="right", color=MUTED[dark], dx=TIME_PIXELS, **style).encode(
            x=alt.value("width"), y=y, text=alt.Text("sum:N")
        ),
    ]


def tips(place: str) -> list[alt.Tooltip]:
    """Return the tooltips of an alarm."""
    return [
        alt.Tooltip("server:N", title=alert_label()),
        alt.Tooltip("metric:N", title="Metric"),
        alt.Tooltip("state:N", title="Alarm"),
        *time_tips(place),
        alt.Tooltip("lasted:N", title="In this range"),
    ]


def draw_bars(bars: pd.DataFrame, rows: int, period: Period, place: str, dark: bool) -> list[alt.Chart]:
    """Return the layers with the bars, and with marks at alarms that still last."""
    scale = alt.Scale(domain=[LASTS, OVER], range=[COLOURS["high"][dark], alert_colour(dark)])
    legend = alt.Legend(title=None, orient="top", symbolType="square", offset=10, padding=0)
    shown = alt.Chart(bars).mark_bar(strokeWidth=1.5, aria=False)
    still = alt.Chart(bars[bars["state"] == LASTS]).mark_point(
        shape="triangle-right", size=70, xOffset=4, filled=True, opacity=1, color=COLOURS["high"][dark]
    )
    return [
        shown.encode(
            x=time_axis(period),
            x2=alt.X2("end"),
            y=row_scale("top", rows),
            y2=alt.Y2("bottom"),
            color=alt.Color("state:N", scale=scale, legend=legend),
            stroke=alt.Stroke("state:N", scale=scale, legend=None),
            tooltip=tips(place),
        ),
        still.encode(x=alt.value("width"), y=row_scale("middle", rows), tooltip=tips(place)),
    ]


def draw_alarms(
    alarms: pd.DataFrame, rows: pd.DataFrame, period: Period, *, order: str, place: str = "UTC", dark: bool = False
) -> alt.LayerChart:
    """Return the alarms of each server and metric as bars from begin to end; those not over last until now, marked.

    Args:
        alarms: the result of `analytics.senders.alarms.clip_alarms`.
        rows: rows of `analytics.senders.alarms.group_by_metric`, in the order of drawing.
        period: the time of the x axis.
        order: the order of the rows, in words.
        place: the name of the browser's time zone.
        dark: whether the page is dark.
    """
    bars = bars_of(alarms, rows, period)
    count = max(len(rows), 1)
    what = alert_label().lower()
    units = f"A row a {what} and metric, {order}; how often and how long in all beside it; times of {place}"
    lasting = int((bars["state"] == LASTS).sum())
    layers = [*label_rows(rows, dark), *draw_bars(bars, count, period, place, dark)]
    chart: alt.LayerChart = alt.layer(*layers).configure_view(stroke=None)
    return chart.properties(
        height=count * ROW_PIXELS,
        width="container",
        autosize=FIT,
        title=heading("Alarms over time", units, dark, offset=8),
        description=f"Bars from begin to end of {plural(len(bars), 'alarm')} of {plural(len(rows), 'row')}, "
        f"{lasting:,} still in alarm.",
    )
