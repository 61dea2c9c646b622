"""The charts of the page Audit: a DataFrame in, an Altair chart out."""

import altair as alt
import pandas as pd

from analytics.charts.charts import FIT, LOCAL_AXIS, add_bin_times, heading, time_tips
from analytics.findings.rule_headers import COLOURS, SEVERITIES
from analytics.times import Period


def stack_by_severity(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the bottom and top of each severity's part of its bin's bar, the worst lowest."""
    place = frame["severity"].map({name: place for place, name in enumerate(SEVERITIES)})
    rows = frame.assign(place=place).sort_values(["bin_us", "place"])
    top = rows.groupby("bin_us")["findings"].cumsum()
    return rows.assign(bottom=top - rows["findings"], top=top)


def add_empty_bins(frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Add a row of no findings for each empty bin of the period."""
    begins = pd.date_range(period.since, period.until, freq=period.width, unit="us").asi8
    empty = [begin for begin in begins if begin not in set(frame["bin_us"])]
    return pd.concat([frame, pd.DataFrame({"bin_us": empty, "severity": SEVERITIES[0], "findings": 0})])


def draw_findings(frame: pd.DataFrame, period: Period, *, place: str = "UTC", dark: bool = False) -> alt.Chart:
    """Return stacked bars of findings over time.

    From one refresh to the next only data change, so that the drawn chart stays.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `severity`, `findings`.
        period: the time of the x axis.
        place: the name of the browser's time zone.
        dark: whether the page is dark.
    """
    scale = alt.Scale(domain=list(SEVERITIES), range=[COLOURS[name][dark] for name in SEVERITIES])
    chart: alt.Chart = (
        alt.Chart(stack_by_severity(add_bin_times(add_empty_bins(frame, period), period.width)))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(type="time", nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y("bottom:Q", axis=alt.Axis(title=None, tickMinStep=1, tickCount=4, format=",d")),
            y2=alt.Y2("top"),
            color=alt.Color(
                "severity:N",
                scale=scale,
                legend=alt.Legend(title=None, orient="top", symbolType="square", offset=10, padding=0),
            ),
            tooltip=[
                alt.Tooltip("severity:N", title="Severity"),
                alt.Tooltip("findings:Q", title="Findings", format=","),
                *time_tips(place),
            ],
        )
        .properties(
            height=150,
            width="container",
            autosize=FIT,
            title=heading(
                "Findings over time", f"Number per {period.per}, by severity; times of {place}", dark, offset=-10
            ),
            description=f"Stacked bars of findings per {period.per}, by severity.",
        )
    )
    return chart
