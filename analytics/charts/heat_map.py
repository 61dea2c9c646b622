"""The heat map of hours by weekday: the number of notifications in each hour of the week."""

import altair as alt
import pandas as pd

from analytics.charts.charts import FIT, INK, MUTED, heading
from analytics.text import plural

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = 24
# Lightness alone shows the counts, so that any colour vision sees them.
SHADES = (("#f1f5f9", "#9cc3e0", "#2f7fb8", "#083d66"), ("#1a2029", "#1f4a6b", "#3a86c0", "#cfe6f8"))


def hours_of_week(frame: pd.DataFrame) -> pd.DataFrame:
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
        alt.Chart(hours_of_week(frame))
        .mark_rect(stroke=None, aria=False)
        .encode(
            x=alt.X(
                "hour:Q",
                scale=alt.Scale(domain=[0, HOURS], nice=False),
                axis=alt.Axis(
                    title=None,
                    grid=False,
                    values=list(range(0, HOURS + 1, 3)),
                    format="02d",
                    labelFlush=True,
                    ticks=False,
                ),
            ),
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
                legend=alt.Legend(
                    title=None,
                    orient="bottom",
                    gradientLength=120,
                    gradientThickness=8,
                    tickCount=2,
                    format=",d",
                    labelColor=MUTED[dark],
                ),
            ),
            tooltip=[
                alt.Tooltip("day:N", title="Day"),
                alt.Tooltip("clock:N", title=f"Hour ({place})"),
                alt.Tooltip("events:Q", title="Notifications", format=","),
            ],
        )
        .configure_axis(labelColor=INK[dark])
        .properties(
            height=218,
            width="container",
            autosize=FIT,
            title=heading("Hours of the week", f"Number per hour and weekday; times of {place}", dark),
        )
    )
    return chart


def describe_busiest(frame: pd.DataFrame) -> str:
    """Return the busiest hour in words."""
    if frame.empty or not frame["events"].max():
        return "Nothing happened in this time."
    row = frame.sort_values("events", ascending=False).iloc[0]
    place = int(row["hour_of_week"])
    hour = f"{place % HOURS:02}:00 to {place % HOURS + 1:02}:00"
    return f"Most in one hour: {plural(int(row['events']), 'notification')} on {DAYS[place // HOURS]}, {hour}."
