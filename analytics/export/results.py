"""Prepares a query's rows for a browser: distinct column names, plain text, no more rows than it can take."""

import math
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analytics.client.arrow_types import cast_by_duckdb, check_times
from analytics.export.sql_formats import as_field, list_values, make_distinct, widen_floats
from analytics.text import ELLIPSIS, make_visible, shorten

MOST_ROWS = 10_000
MOST_BYTES = 6_000_000
LEAST_ROWS = 50
LONGEST_CELL = 4_000
LONGEST_NAME = 80


def count_shown(table: pa.Table) -> int:
    """Return the number of rows to show: fewer where they are wide."""
    if not table.num_rows:
        return 0
    each = max(table.nbytes / table.num_rows, 1)
    return min(table.num_rows, MOST_ROWS, max(int(MOST_BYTES / each), LEAST_ROWS))


def name_columns(table: pa.Table) -> list[str]:
    """Return the names of a table's columns for display: distinct, and none empty."""
    return make_distinct([shorten(name, LONGEST_NAME) or "column" for name in table.column_names])


def format_cell(value: Any) -> str | None:
    """Return a value as text: lists and structs as JSON, bytes as their number, control characters visible."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    text = str(as_field(value))[: LONGEST_CELL + 1]
    return make_visible(text[:LONGEST_CELL]) + (ELLIPSIS if len(text) > LONGEST_CELL else "")


def is_plain(kind: pa.DataType) -> bool:
    """Say whether a browser's table shows values of a type directly: numbers, truth values, moments and durations."""
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    times = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_duration)
    return any(matches(kind) for matches in numbers + times)


def prepare_rows(table: pa.Table) -> pd.DataFrame:
    """Return the first rows as a DataFrame for display."""
    first = table.slice(0, count_shown(table))
    columns = {name: prepare_column(column) for name, column in zip(name_columns(table), first.columns, strict=True)}
    return pd.DataFrame(columns, index=range(first.num_rows))


def prepare_column(column: "pa.ChunkedArray[Any]") -> "pd.Series[Any]":
    """Return the values of a column for display."""
    column = widen_floats(convert_decimals(column))
    if pa.types.is_timestamp(column.type):
        column = convert_fractions(column)
    if is_plain(column.type):
        try:
            check_times(column)
            return pd.Series(column.to_pandas(types_mapper=choose_dtype))
        except (pa.ArrowInvalid, ValueError, OverflowError):  # a time that Python can't represent
            return pd.Series(cast_by_duckdb(column).to_pylist(), dtype="str")
    return pd.Series([format_cell(value) for value in list_values(column)], dtype="str")


def convert_fractions(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Return moments as text where one has a fraction of a second, which a browser's table would leave out."""
    with suppress(ValueError, OverflowError):  # of a moment that Python can't represent
        check_times(column)
        if pc.any(pc.not_equal(pc.floor_temporal(column, unit="second"), column)).as_py():
            return pc.replace_substring_regex(column.cast(pa.string()), "Z$", "+00:00")
    return column


def convert_decimals(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Return decimals, such as DuckDB's sums, as numbers that a table sorts by their size; as they are if too long."""
    if not pa.types.is_decimal(column.type):
        return column
    if column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return column
    exact = column.to_pylist()
    numbers = [None if value is None else float(value) for value in exact]
    is_same = all(number is None or Decimal(str(number)) == value for number, value in zip(numbers, exact, strict=True))
    return pa.chunked_array([pa.array(numbers, pa.float64())]) if is_same else column


def choose_dtype(kind: pa.DataType) -> Any:
    """Return the DataFrame type that keeps whole numbers whole, and NaN apart, beside missing values."""
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind):
        return pd.ArrowDtype(kind)
    return None


def as_number(value: Any) -> float | None:
    """Return a value as a number for a chart, a duration in seconds; None where it can't be drawn."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float, Decimal)) and math.isfinite(value):
        return float(value)
    return None


def as_moment(value: Any) -> datetime | None:
    """Return a date or a moment as a moment; None where it is neither."""
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001 - a date has no zone
