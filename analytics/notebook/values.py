"""The values of `$name` in a notebook's SQL: options of the magic, else the notebook's variables."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import duckdb

from analytics.client.parameters import PairError, read_pairs
from analytics.client.typed import convert_named
from analytics.errors import AnalyticsError, QueryError


class ParameterError(AnalyticsError):
    """Raised when a parameter of the SQL has no value, or a value that can't be sent."""


def find_names(query: str) -> list[str] | None:
    """Return the names of a query's parameters; None where it is no SQL, which running it will report."""
    with duckdb.connect(":memory:") as connection:
        try:
            statements = connection.extract_statements(query)
        except duckdb.Error:
            return None
    return sorted({name for statement in statements for name in statement.named_parameters})


def read_chosen(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the values of the options `-p NAME=VALUE`.

    Raises:
        ParameterError: a pair has another form.
    """
    try:
        return read_pairs(pairs, "-p")
    except PairError as error:
        raise ParameterError(f"%%clc: {error}") from None


def find_values(query: str, chosen: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each parameter of a query.

    Args:
        query: the SQL.
        chosen: values from the magic's options; they come first.
        variables: the notebook's variables by name.

    Raises:
        ParameterError: a parameter has no value or no name, or an option names no parameter of the query.
    """
    names = find_names(query)
    if names is None:
        return dict(chosen)
    if numbered := [name for name in names if name.isdigit()]:
        raise ParameterError(
            f"%%clc: parameter {numbered[0]} has no name; write $name instead of a question mark or a number."
        )
    if unused := sorted(set(chosen) - set(names)):
        raise ParameterError(f"%%clc: the SQL has no ${unused[0]}.")
    return {name: find_value(name, chosen, variables) for name in names}


def find_value(name: str, chosen: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """Return the value of one parameter."""
    if name in chosen:
        return chosen[name]
    if name not in variables:
        raise ParameterError(f"%%clc: ${name} is no variable of this notebook; make one, or add -p {name}=VALUE.")
    return as_parameter(name, variables[name])


def as_parameter(name: str, value: Any) -> Any:
    """Convert a Python value for DuckDB: collections become lists, missing values become None."""
    try:
        return replace_nan(convert_named(value, f"${name}"))
    except QueryError as error:
        raise ParameterError(f"%%clc: {error}") from None


def replace_nan(value: Any) -> Any:
    """Replace NaN, which a column of numbers has for a missing value, also in lists and dictionaries."""
    if isinstance(value, list):
        return [replace_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: replace_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and isnan(value) else value
