"""The histogram above a list of notifications, by time and event type; a brush narrows the range."""

from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from analytics.charts.charts import FIT, LOCAL_AXIS, MUTED, TIME_TIP, add_bin_times, event_scale, stack
from analytics.senders import colours
from analytics.times import EPOCH, MOST_BINS, WIDTHS, floor

BRUSH = "span"
PIXELS = 84
WHOLE, PART = "complete", "not over yet"


class Bins:
    """Bins of one width from `since` to `until`, which are whole multiples of it since 1970."""

    def __init__(self, since: datetime, until: datetime) -> None:
        """Fit at most `MOST_BINS` bins, and one at least, around the moments from `since` to before `until`."""
        until = max(until, since + timedelta(microseconds=1))
        self.end = until
        fitting = [(per, width) for per, width in WIDTHS.items() if (until - since) / width <= MOST_BINS]
        self.per, self.width = fitting[0] if fitting else list(WIDTHS.items())[-1]
        self.since = floor(since, self.width)
        self.until = floor(until - timedelta(microseconds=1), self.width) + self.width

    @property
    def bin_us(self) -> int:
        """Return the width of a bin in microseconds."""
        return self.width // timedelta(microseconds=1)

    @property
    def count(self) -> int:
        """Return the number of bins."""
        return int((self.until - self.since) / self.width)

    def around(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """Return the start and end of the bins that contain two moments, within these bins."""
        first, last = max(min(first, last), self.since), min(max(first, last), self.until)
        begin = min(floor(first, self.width), self.until - self.width)
        end = floor(last, self.width)
        return begin, max(end if end == last else end + self.width, begin + self.width)


def read_brush(selection: Any, bins: Bins) -> tuple[datetime, datetime] | None:
    """Return the start and end that a brush selects; None without a brush, or with an empty one.

    Args:
        selection: the brush as the chart reports it: `{"begin": [ms, ms]}`, milliseconds since 1970.
        bins: the bins of the chart.
    """
    ends = selection.get("begin") if isinstance(selection, dict) else None
    try:
        first, last = (EPOCH + timedelta(milliseconds=float(end)) for end in ends or ())
    except (TypeError, ValueError, OverflowError):
        return None
    return bins.around(first, last) if first != last else None


def add_ends(bars: pd.DataFrame, bins: Bins) -> pd.DataFrame:
    """Add a flat bar from the first bin to the last, so that the x axis spans all of them.

    So the axis is part of the data: if only the data of a chart differ, it is drawn anew in place and keeps its brush.
    """
    flat = {
        "begin": bins.since, "end": bins.until, "event_type": "", "events": 0, "bottom": 0, "top": 0, "state": WHOLE,
    }  # fmt: skip
    ends = pd.DataFrame([flat]).astype({"begin": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
    states = [PART if end > bins.end else WHOLE for end in bars["end"]]
    shown = bars.assign(state=states)[list(flat)].astype({"begin": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"})
    return ends if shown.empty else pd.concat([shown, ends], ignore_index=True)


def draw_histogram(frame: pd.DataFrame, bins: Bins, zone: str, *, dark: bool = False) -> alt.Chart:
    """Return stacked bars of notifications over time, with a brush.

    Args:
        frame: columns `bin_us` (microseconds since 1970), `event_type`, `events`.
        bins: the bins of the x axis; empty ones show as gaps.
        zone: the name of the browser's time zone, in which the axis is.
        dark: whether the page is dark.
    """
    title = f"Notifications per {bins.per}, by event type, times in {zone}"
    chart: alt.Chart = (
        alt.Chart(add_ends(stack(add_bin_times(frame, bins.width), list(colours(dark))), bins))
        .mark_bar(binSpacing=1, strokeWidth=0, aria=False)
        .encode(
            x=alt.X("begin:T", scale=alt.Scale(nice=False), axis=LOCAL_AXIS),
            x2=alt.X2("end"),
            y=alt.Y("bottom:Q", axis=alt.Axis(title=None, tickMinStep=1, tickCount=3, format=",d")),
            y2=alt.Y2("top"),
            color=alt.Color("event_type:N", scale=event_scale(dark), legend=None),
            opacity=alt.Opacity("state:N", scale=alt.Scale(domain=[WHOLE, PART], range=[1, 0.5]), legend=None),
            tooltip=[
                alt.Tooltip("event_type:N", title="Event"),
                alt.Tooltip("events:Q", title="Notifications", format=","),
                alt.Tooltip("begin:T", title=f"From ({zone})", format=TIME_TIP),
                alt.Tooltip("end:T", title=f"To ({zone})", format=TIME_TIP),
                alt.Tooltip("utcyearmonthdatehoursminutesseconds(begin):T", title="From (UTC)", format=TIME_TIP),
                alt.Tooltip("state:N", title="This bin is"),
            ],
        )
        .add_params(alt.selection_interval(name=BRUSH, encodings=["x"]))
        .properties(
            height=PIXELS,
            width="container",
            autosize=FIT,
            title=alt.TitleParams(
                f"{title}; pale where not over yet. Drag over bars to narrow the range.",
                anchor="start",
                frame="bounds",
                fontSize=12,
                fontWeight="normal",
                color=MUTED[dark],
                offset=8,
            ),
            padding={"left": 0, "top": 0, "right": 0, "bottom": 0},
            description=f"Notifications per {bins.per}, by event type; the range's button above narrows it too.",
        )
    )
    return chart
