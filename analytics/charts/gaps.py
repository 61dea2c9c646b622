"""Gaps in the values of a line or an area, so that neither leads over what no row tells."""

from typing import Any

import pandas as pd

WIDER = 1.5
"""A distance this many times the usual one is a gap; months differ by less."""


def break_at_gaps(data: pd.DataFrame) -> pd.DataFrame:
    """Add a row without a value to each gap, where the drawing breaks.

    There are gaps only where the values of x are at regular distances, such as days.

    Args:
        data: columns `x`, numbers or moments, `y`, and `colour` where there are several series.
    """
    step = find_usual_step(data["x"])
    if step is None:
        return data
    series = [part for _, part in data.groupby("colour", sort=False)] if "colour" in data else [data]
    if not all(part["x"].is_monotonic_increasing or part["x"].is_monotonic_decreasing for part in series):
        return data  # the rows have an order of their own
    gaps = [gaps_of(part, step) for part in series]
    if all(part.empty for part in gaps):
        return data
    return pd.concat([data, *gaps], ignore_index=True).sort_values("x", kind="stable", ignore_index=True)


def gaps_of(part: pd.DataFrame, step: Any) -> pd.DataFrame:
    """Return a row without a value for each gap of a series."""
    values = part["x"].dropna().drop_duplicates().sort_values()
    last = values[values.diff().shift(-1) > step * WIDER]
    gaps = pd.DataFrame({"x": last + step})
    return gaps.assign(colour=part["colour"].iloc[0]) if "colour" in part else gaps


def find_usual_step(values: "pd.Series[Any]") -> Any:
    """Return the usual distance of numbers or moments; None where they are at no regular distances."""
    distances = values.dropna().drop_duplicates().sort_values().diff().dropna().sort_values()
    if distances.empty:
        return None
    usual, shortest = distances.iloc[(len(distances) - 1) // 2], distances.iloc[0]
    return usual if usual <= shortest * WIDER else None
