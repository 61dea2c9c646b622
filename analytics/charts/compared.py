"""The time that a chart compares with, in the tooltips of its bins."""

import altair as alt
import pandas as pd

from analytics.comparison import difference

COMPLETE, RUNNING = "complete", "still filling"
"""The states of a bin: only that of the present moment is not over."""
Other = tuple[pd.DataFrame, str]
"""The counts of the time to compare with (columns `bin_us`, `events`), and its name."""


def add_other(rows: pd.DataFrame, other: Other | None) -> pd.DataFrame:
    """Add to each row the counts of its bin, now and in the other time, for `other_tips`.

    Args:
        rows: columns `bin_us`, `events`, `state`.
        other: the time to compare with; None without one, and then nothing is added.

    Returns:
        The rows with the count of all events (`all`), the other time's (`before`), and their difference in words, which
        is empty for a bin that is not over.
    """
    if other is None:
        return rows
    counts = rows.groupby("bin_us")["events"].transform("sum")
    before = rows["bin_us"].map(other[0].groupby("bin_us")["events"].sum()).fillna(0)
    bins = zip(counts, before, rows["state"], strict=True)
    texts = [(difference(int(now), int(then)) or "") if state == COMPLETE else "" for now, then, state in bins]
    return rows.assign(all=counts, before=before, difference=texts)


def other_tips(other: Other | None) -> list[alt.Tooltip]:
    """Return the tooltips of a bin that compare it with the other time."""
    if other is None:
        return []
    name = other[1]
    return [
        alt.Tooltip("all:Q", title="All events", format=","),
        alt.Tooltip("before:Q", title=f"In {name}" if name.startswith("the ") else name.capitalize(), format=","),
        alt.Tooltip("difference:N", title="Difference"),
    ]
