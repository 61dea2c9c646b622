"""The choice of a quick chart, and the names that values have in it.

The columns' contents suggest what to draw, and the user can change it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd
import pyarrow as pa

from analytics.export.results import format_cell, name_columns
from analytics.export.sql_formats import list_values, make_distinct
from analytics.text import shorten

LONGEST = 200
NULL, EMPTY, OTHERS = "NULL", "(empty)", "others"
ChartKind = Literal["bar", "line", "area", "points", "histogram"]
KINDS: tuple[ChartKind, ...] = get_args(ChartKind)
Holds = Literal["number", "time", "text"]
MOST_ROWS, MOST_BARS = 5_000, 50
NAMING = re.compile(r"(^|_)(id|seq)$", re.IGNORECASE)
"""The names of columns whose numbers name something, so that no sum of them means anything."""


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
    """Replace the rarer of too many names by “others”; return the names, and the number of those replaced."""
    counts = pd.Series(names).value_counts()
    if len(counts) <= most + 1:
        return names, 0
    kept = list(counts.index[:most])
    shown = dict(zip(kept, make_distinct([quote_own(name, OTHERS) for name in kept]), strict=True))
    return [shown.get(name, OTHERS) for name in names], len(counts) - len(kept)


class Choice(NamedTuple):
    """A choice of what to draw: the kind of chart and the names of its columns; without a `y` it counts rows."""

    kind: ChartKind
    x: str
    y: str | None = None
    colour: str | None = None


def classify(kind: pa.DataType) -> Holds:
    """Return the contents of a type of columns, as charts distinguish them."""
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_duration)
    if any(matches(kind) for matches in numbers):
        return "number"
    return "time" if pa.types.is_timestamp(kind) or pa.types.is_date(kind) else "text"


def classify_columns(table: pa.Table) -> dict[str, Holds]:
    """Return the contents of each column, by its name for display."""
    return {name: classify(field.type) for name, field in zip(name_columns(table), table.schema, strict=True)}


def list_measures(columns: Mapping[str, Holds]) -> list[str]:
    """Return the columns with numbers that can be added up."""
    return [name for name, kind in columns.items() if kind == "number" and not NAMING.search(name)]


def make_first_choice(table: pa.Table) -> Choice | None:
    """Return the chart that fits the columns best; None where nothing can be drawn.

    Rows with times and without a measure are counted over time. Where the first column names each row, such as a
    server, the rows are no course of time, whatever times they have; more rows than there are bars, such as
    notifications with their ids, may well be one.
    """
    columns = classify_columns(table)
    if not columns or not table.num_rows:
        return None
    numbers, times, texts = (
        [name for name, kind in columns.items() if kind == holding] for holding in ("number", "time", "text")
    )
    measures = list_measures(columns)
    if times and not measures:
        return Choice("histogram", times[0])
    first = next(iter(columns))
    is_list = columns[first] == "text" and table.num_rows <= MOST_BARS and not repeats(table, columns, first)
    if times and not is_list:
        x, y = times[0], measures[0]
        colour = find_fewest(table, columns, texts) if repeats(table, columns, x) else None
        return Choice("bar" if colour else "line", x, y, colour)
    if texts:
        return Choice("bar", texts[0], measures[0] if measures else None)
    if len(numbers) > 1 and measures:
        return Choice("points", numbers[0], measures[-1])  # what is counted comes last
    return Choice("histogram", numbers[0])


def list_column(table: pa.Table, columns: dict[str, Holds], name: str) -> list[Any]:
    """Return the values of a column, by its name for display."""
    return list_values(table.column(list(columns).index(name)))


def find_fewest(table: pa.Table, columns: dict[str, Holds], names: Sequence[str]) -> str | None:
    """Return the column with the fewest values, but more than one; the first of several."""
    first = table.slice(0, MOST_ROWS)
    numbers = {name: len({format_cell(value) for value in list_column(first, columns, name)}) for name in names}
    return min((name for name in names if numbers[name] > 1), key=lambda name: numbers[name], default=None)


def repeats(table: pa.Table, columns: dict[str, Holds], name: str) -> bool:
    """Say whether a value occurs more than once in a column."""
    values = [repr(value) for value in list_column(table.slice(0, MOST_ROWS), columns, name)]  # lists have no hash
    return len(set(values)) < len(values)


def fit_choice(choice: Choice, table: pa.Table) -> Choice | None:
    """Return the choice, which may come from an address, if it fits the columns, else the first choice."""
    columns = classify_columns(table)
    first = make_first_choice(table)
    if first is None or choice.kind not in KINDS or choice.x not in columns:
        return first
    y = choice.y if choice.y in list_measures(columns) and choice.kind != "histogram" else None
    return choice._replace(y=y, colour=choice.colour if choice.colour in columns else None)
