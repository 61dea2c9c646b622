"""The ticks of whole days, weeks and months: one under each bar, with its date."""

from typing import Any

import altair as alt
import pandas as pd

MOST_TICKS = 40
A_MONTH = pd.Timedelta(days=28)


def describe_ticks(values: "pd.Series[Any]", width: pd.Timedelta | None) -> dict[str, Any] | None:
    """Return the settings of an axis for dates; None where some value is not the begin of a day in UTC.

    Args:
        values: moments in UTC.
        width: the width of the bars that begin there; None where lines or points stand at the moments themselves.
    """
    begins = values.dropna().drop_duplicates().sort_values()
    if begins.empty or (begins != begins.dt.normalize()).any():
        return None
    shift = pd.Timedelta(0) if width is None else width / 2
    shown = begins.iloc[:: -(-len(begins) // MOST_TICKS)]
    return {
        "values": [as_date_time(moment + shift) for moment in shown],
        "labelExpr": f"utcFormat(datum.value - {shift // pd.Timedelta(milliseconds=1)}, '{choose_format(begins)}')",
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
