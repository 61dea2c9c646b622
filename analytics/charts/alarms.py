"""Alarms, computed from alerts: the times when a metric was above its threshold, and their chart."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from analytics.charts.charts import FIT, INK, MUTED, RULE, SQUARES, list_time_tips, make_row_scale, make_time_axis
from analytics.findings.rule_headers import COLOURS
from analytics.senders import choose_alert_colour, label_alerts
from analytics.text import format_count, shorten
from analytics.times import Period

KEY = ["server", "metric"]
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
MOST_ROWS = 30
MOST_BARS = 3_000
ROW_PIXELS = 24
SERVER_CHARACTERS, METRIC_CHARACTERS = 24, 12
NAME_PIXELS, METRIC_PIXELS = 250, 82
TIMES_PIXELS, TIME_PIXELS = 40, 136
ABBREVIATION_LETTERS = 3
OVER, LASTS = "ended", "still in alarm"
CLICKS = ("name", "metric", "bar")
"""The selections of an alarm. Vega-Lite lets a layer hear clicks only if one is its own."""
# A narrow chart, as on a phone, has no room beside the bars: names and numbers stand above them. The expression names
# `width`, so that it is evaluated again when that changes.
NARROW = alt.param(name="narrow", expr="width >= 0 && containerSize()[0] < 560")
NARROW_METRIC, NARROW_TIME, LIFT = 140, 84, 5


def find_alarms(states: pd.DataFrame) -> pd.DataFrame:
    """Return the alarms: each lasts from a state above the threshold to the next state below, per entity and metric.

    Args:
        states: the states in alerts, one row each: columns `seq`, `place` (within its notification), `occurred_at`,
            `account_alias`, `kind`, `entity_id`, `metric`, `above` (its threshold), `reading`. A state below without
            a metric is the deletion of its entity, which ends the alarms of all its metrics.

    Returns:
        One row for each alarm: columns `kind`, `server`, `metric`, `account_alias`, `begin`, `end` (NaT while it
        lasts), `seq` (of the notification that began it), `reading`.
    """
    states = spread_deletions(states)
    key = states.groupby(["entity_id", "metric"], sort=False).ngroup()
    rows = states.assign(key=key).sort_values(["key", "occurred_at", "seq", "place"], ignore_index=True)
    fires = rows["above"].astype(bool)
    fired = fires.shift(fill_value=False) & rows["key"].eq(rows["key"].shift())
    begins, ends = fires & ~fired, ~fires & fired
    number = begins.cumsum()
    ended = rows.loc[ends, "occurred_at"].set_axis(number[ends])
    begun = rows[begins].rename(columns={"entity_id": "server", "occurred_at": "begin"})
    whole = begun.assign(end=ended.reindex(number[begins]).array)
    return whole[["kind", "server", "metric", "account_alias", "begin", "end", "seq", "reading"]].reset_index(drop=True)


def select_latest(states: pd.DataFrame) -> pd.DataFrame:
    """Return the last one of the states of each metric in order of occurrence; columns as for `find_alarms`."""
    states = spread_deletions(states)
    return states.sort_values(["occurred_at", "seq", "place"]).drop_duplicates(["entity_id", "metric"], keep="last")


def spread_deletions(states: pd.DataFrame) -> pd.DataFrame:
    """Return the states with one more below for each deletion of an entity and each of its metrics."""
    deleted = states[states["metric"].isna()]
    if deleted.empty:
        return states
    metrics = states.loc[states["metric"].notna(), ["entity_id", "metric"]].drop_duplicates()
    return pd.concat([states, deleted.drop(columns="metric").merge(metrics, on="entity_id")], ignore_index=True)


def filter_alarms(alarms: pd.DataFrame, accounts: AbstractSet[str] | None, server: str | None) -> pd.DataFrame:
    """Return the alarms of some accounts and of servers with a text in their names; None means all."""
    rows = alarms
    if accounts is not None:
        rows = rows[rows["account_alias"].isin(list(accounts))]
    if server:
        rows = rows[rows["server"].str.upper().str.contains(server.upper(), regex=False)]
    return rows


def select_lasting(alarms: pd.DataFrame, at: datetime | None = None) -> pd.DataFrame:
    """Return the alarms that last at a time, or still, the latest first."""
    lasts = alarms["end"].isna() if at is None else (alarms["begin"] <= at) & ~(alarms["end"] <= at)
    return alarms[lasts].sort_values(["begin", "seq"], ascending=False)


def clip_alarms(alarms: pd.DataFrame, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the alarms in a time range with their `time` within it; alarms that are not over last until its end."""
    inside = alarms[(alarms["begin"] <= until) & (alarms["end"].isna() | (alarms["end"] > since))]
    begin, end = inside["begin"], inside["end"]
    time = end.where(end < until, until) - begin.where(begin > since, since)
    return inside.assign(time=time.where(time > pd.Timedelta(0), pd.Timedelta(0)))


def group_by_metric(alarms: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each server and metric.

    Args:
        alarms: the result of `clip_alarms`.

    Returns:
        Columns `server`, `metric`, `kind`, `account_alias`, `times` (number of alarms), `time` (their sum), `last`
        (begin of the latest), `seq` (of the notification that began it), `lasts` (whether one is not over).
    """
    rows = alarms.assign(lasts=alarms["end"].isna())
    return rows.groupby(KEY, sort=False, as_index=False).agg(
        kind=("kind", "last"),
        account_alias=("account_alias", "last"),
        times=("seq", "size"),
        time=("time", "sum"),
        last=("begin", "max"),
        seq=("seq", "last"),
        lasts=("lasts", "any"),
    )


def format_span(span: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = max(int(span.total_seconds()), 0)
    for place, (unit, length) in enumerate(UNITS):
        if seconds >= length:
            rest = seconds % length
            below = UNITS[place + 1] if place + 1 < len(UNITS) else None
            more = f" {rest // below[1]} {below[0]}" if below and rest >= below[1] else ""
            return f"{seconds // length} {unit}{more}"
    return "0 s"


def make_bars(alarms: pd.DataFrame, rows: pd.DataFrame, period: Period) -> pd.DataFrame:
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
            "metric": drawn["metric"].map(format_metric),
            "state": lasts.map({True: LASTS, False: OVER}),
            "lasted": drawn["time"].map(format_span),
            "key": list_keys(drawn),
        }
    )


def list_keys(rows: pd.DataFrame) -> list[str]:
    """Return the key of each row's alarm, by which a click names it: its first notification, and its metric."""
    return [f"{seq} {format_metric(metric)}" for seq, metric in zip(rows["seq"], rows["metric"], strict=True)]


def make_click(name: str) -> alt.Parameter:
    """Return the selection of an alarm by a click, one of `CLICKS`."""
    return alt.selection_point(name=name, fields=["key"], on="click", toggle=False)


def read_click(selections: Any, alarms: pd.DataFrame) -> Any:
    """Return the alarm that a click in the chart names, a row of `alarms`; None where it names none.

    Args:
        selections: the click as the chart reports it, each of `CLICKS` as `[{"key": …}]`.
        alarms: the drawn alarms.
    """
    picked = [one for name in CLICKS for one in selections.get(name) or ()]
    key = picked[0].get("key") if picked else None
    seq = str(key).partition(" ")[0]
    rows = alarms[alarms["seq"].astype(str) == seq]
    return next((row for row, its in zip(rows.itertuples(), list_keys(rows), strict=True) if its == key), None)


def format_metric(metric: str) -> str:
    """Return a metric's name as text; a name of up to three letters is an abbreviation, such as CPU."""
    name = shorten(metric, 30) or "(no metric)"
    return name.upper() if len(name) <= ABBREVIATION_LETTERS else name


def make_names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the text beside each row."""
    return pd.DataFrame(
        {
            "middle": [place + 0.5 for place in range(len(rows))],
            "floor": [place + 1.0 for place in range(len(rows))],
            "name": [shorten(name, SERVER_CHARACTERS) for name in rows["server"]],
            "what": [shorten(format_metric(metric), METRIC_CHARACTERS) for metric in rows["metric"]],
            "times": [f"{times:,}" for times in rows["times"]],
            "sum": [format_span(time) for time in rows["time"]],
            "key": list_keys(rows),
        }
    )


def narrow_or(narrow: float, wide: float) -> Any:
    """Return a length that depends on whether the chart is narrow."""
    return alt.ExprRef(f"narrow ? {narrow} : {wide}")


def label_rows(rows: pd.DataFrame, dark: bool) -> list[alt.Chart]:
    """Return the layers beside the bars: each row's floor, server and metric, and its alarms' number and time."""
    text = alt.Chart(make_names(rows))
    y = make_row_scale("middle", max(len(rows), 1))
    style: dict[str, Any] = {"baseline": "middle", "fontSize": narrow_or(11, 12), "dy": narrow_or(-LIFT, 0)}
    # Without it, a hover shows the names of the columns.
    style["tooltip"] = None
    limit = narrow_or(NARROW_METRIC - 6, NAME_PIXELS - METRIC_PIXELS - 8)
    return [
        text.mark_rule(color=RULE[dark], strokeWidth=1, tooltip=None).encode(
            y=make_row_scale("floor", max(len(rows), 1))
        ),
        text.mark_text(align="left", color=INK[dark], limit=limit, cursor="pointer", **style)
        .encode(x=alt.value(narrow_or(0, -NAME_PIXELS)), y=y, text=alt.Text("name:N"))
        .add_params(make_click("name")),
        text.mark_text(align="left", color=MUTED[dark], limit=METRIC_PIXELS - 8, cursor="pointer", **style)
        .encode(x=alt.value(narrow_or(NARROW_METRIC, -METRIC_PIXELS)), y=y, text=alt.Text("what:N"))
        .add_params(make_click("metric")),
        text.mark_text(align="right", color=INK[dark], dx=narrow_or(-NARROW_TIME, TIMES_PIXELS), **style).encode(
            x=alt.value("width"), y=y, text=alt.Text("times:N")
        ),
        text.mark_text(align="right", color=MUTED[dark], dx=narrow_or(0, TIME_PIXELS), **style).encode(
            x=alt.value("width"), y=y, text=alt.Text("sum:N")
        ),
    ]


def list_tips(place: str) -> list[alt.Tooltip]:
    """Return the tooltips of an alarm."""
    return [
        alt.Tooltip("server:N", title=label_alerts()),
        alt.Tooltip("metric:N", title="Metric"),
        alt.Tooltip("state:N", title="Alarm"),
        *list_time_tips(place),
        alt.Tooltip("lasted:N", title="In this range"),
    ]


def draw_bars(bars: pd.DataFrame, rows: int, period: Period, place: str, dark: bool) -> list[alt.Chart]:
    """Return the layers with the bars, and with marks at alarms that still last."""
    scale = alt.Scale(domain=[LASTS, OVER], range=[COLOURS["high"][dark], choose_alert_colour(dark)])
    shown = alt.Chart(bars).mark_bar(
        strokeWidth=1.5,
        aria=False,
        cursor="pointer",
        yOffset=narrow_or(0.4 * ROW_PIXELS, 0),
        y2Offset=narrow_or(0.12 * ROW_PIXELS, 0),
    )
    still = alt.Chart(bars[bars["state"] == LASTS]).mark_point(
        shape="triangle-right",
        size=70,
        xOffset=narrow_or(-6, 4),
        yOffset=narrow_or(0.26 * ROW_PIXELS, 0),
        filled=True,
        cursor="pointer",
        opacity=1,
        color=COLOURS["high"][dark],
    )
    return [
        shown.encode(
            x=make_time_axis(period),
            x2=alt.X2("end"),
            y=make_row_scale("top", rows),
            y2=alt.Y2("bottom"),
            color=alt.Color("state:N", scale=scale, legend=SQUARES),
            stroke=alt.Stroke("state:N", scale=scale, legend=None),
            tooltip=list_tips(place),
        ).add_params(make_click("bar")),
        still.encode(x=alt.value("width"), y=make_row_scale("middle", rows), tooltip=list_tips(place)),
    ]


def draw_alarms(
    alarms: pd.DataFrame, rows: pd.DataFrame, period: Period, *, place: str = "UTC", dark: bool = False
) -> alt.LayerChart:
    """Return the alarms of each server and metric as bars from start to finish; those not over last until now, marked.

    A click selects an alarm (see `read_click`): that of a bar, or the latest of the row with a name.

    Args:
        alarms: the result of `clip_alarms`.
        rows: rows of `group_by_metric`, in the order of drawing.
        period: the time of the x axis.
        place: the name of the browser's time zone.
        dark: whether the page is dark.
    """
    bars = make_bars(alarms, rows, period)
    count = max(len(rows), 1)
    lasting = int((bars["state"] == LASTS).sum())
    layers = [*label_rows(rows, dark), *draw_bars(bars, count, period, place, dark)]
    chart: alt.LayerChart = alt.layer(*layers).add_params(NARROW).configure_view(stroke=None)
    return chart.properties(
        height=count * ROW_PIXELS,
        width="container",
        autosize=FIT,
        description=f"Bars from start to finish of {format_count(len(bars), 'alarm')} of "
        f"{format_count(len(rows), 'row')}, "
        f"{lasting:,} still in alarm.",
    )
