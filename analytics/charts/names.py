"""The names that values of a query have in a chart, on an axis or in a legend."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analytics.export.results import format_cell
from analytics.export.sql_formats import make_distinct
from analytics.senders import colours
from analytics.text import shorten

LONGEST = 200
MOST_IN_LEGEND = 30
"""The most names in a legend: Vega leaves out further ones."""
NULL, EMPTY, OTHERS = "NULL", "(empty)", "others"


def name_values(values: Sequence[Any]) -> list[str]:
    """Return the values' names in a chart; only equal values have the same name, however long they are."""
    keys = [repr(value) for value in values]  # lists have no hash
    labels = {key: format_label(value) for key, value in zip(keys, values, strict=True)}
    names = dict(zip(labels, make_distinct(list(labels.values())), strict=True))
    return [names[key] for key in keys]


def format_label(value: Any) -> str:
    """Return a value as text; a text is in quotes if it reads as NULL or as the empty text do."""
    if value is None:
        return NULL
    return quote_own(shorten(format_cell(value) or "", LONGEST), NULL, EMPTY) or EMPTY


def quote_own(text: str, *own: str) -> str:
    """Return a text from outside, in quotes if it is one of our own words."""
    return f"'{text}'" if text in own else text


def limit_names(names: list[str], most: int) -> tuple[list[str], int]:
    """Replace the rarer of too many names by “others”; return the names, and the number of those replaced.

    Event types have colours of their own, so there may be as many of them as a legend has room for.
    """
    counts = pd.Series(names).value_counts()
    has_own = set(counts.index) <= set(colours(dark=False))
    room = MOST_IN_LEGEND if has_own else most + 1
    if len(counts) <= room:
        return names, 0
    kept = list(counts.index[: room - 1])
    shown = dict(zip(kept, make_distinct([quote_own(name, OTHERS) for name in kept]), strict=True))
    return [shown.get(name, OTHERS) for name in names], len(counts) - len(kept)
