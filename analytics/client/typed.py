"""Converts the parameters of a query to values that DuckDB takes, and writes those that JSON lacks with their type.

All locations get the same values, so a parameter has the same type at each of them.
"""

import math
from collections.abc import Callable, KeysView, Mapping, Sequence, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np

from analytics.errors import QueryError

Values: TypeAlias = list[Any] | dict[str, Any]

PLAIN = frozenset({str, int, float, bool, type(None)})
"""The types that need no conversion; all are JSON's own, except for the floats NaN and infinity."""
LISTS = (list, tuple, set, frozenset, range, KeysView, ValuesView)
MISSING = frozenset({"NaTType", "NAType"})
"""The names of pandas' types for a missing value; this module does without pandas, which takes long to import."""
MICROSECOND = timedelta(microseconds=1)


class _UnusableError(Exception):
    """Raised when a value can't be a parameter; its text follows the parameter's name."""


def convert_parameters(parameters: Sequence[Any] | Mapping[str, Any] | None) -> Values | None:
    """Return the parameters with values of Python's own types.

    Scalars and arrays of NumPy, pandas and Arrow become Python's values, collections become lists, and a missing value
    becomes None.

    Raises:
        QueryError: SQL has no type for one of them.
    """
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {str(name): convert_named(value, f"${name}") for name, value in parameters.items()}
    return [convert_named(value, f"Parameter {number}") for number, value in enumerate(parameters, 1)]


def convert_named(value: Any, name: str) -> Any:
    """Return a parameter with a value of Python's own types, see `convert_parameters`; `name` begins an error."""
    try:
        return _convert(value)
    except _UnusableError as error:
        raise QueryError(f"{name} {error}") from None
    except RecursionError:
        raise QueryError(f"{name} is nested too deeply: give fewer levels of lists and dictionaries.") from None


def check_sql(text: str) -> None:
    """Check that UTF-8 can write SQL: a byte of another encoding, as an argument of a command, stays a lone half.

    Raises:
        QueryError: it can't.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"Character {error.start + 1} of the SQL is no UTF-8 text: write it in UTF-8.") from None


def _convert(value: Any) -> Any:
    if type(value) in PLAIN:
        if type(value) is str:
            _check_part(value)
        return value
    if hasattr(value, "as_py"):  # a value of Arrow
        return _convert(value.as_py())
    if hasattr(value, "dtype"):
        return _convert_array(value)
    if isinstance(value, Mapping):
        return {str(key): _convert(item) for key, item in value.items()}
    if isinstance(value, LISTS) or hasattr(value, "to_pylist"):
        return [_convert(item) for item in value]
    return _convert_scalar(value)


def _check_part(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _UnusableError(
            f"is no UTF-8 text at its character {error.start + 1}: write it in that encoding."
        ) from None


def _convert_scalar(value: Any) -> Any:
    if type(value).__name__ in MISSING:
        return None
    for kinds, convert in SCALARS.items():
        if isinstance(value, kinds):
            return convert(value)
    raise _make_type_error(value)


def _convert_time(value: time) -> time:
    if value.tzinfo and value.utcoffset() is None:
        raise _UnusableError(
            f"can't be a time of {value.tzinfo}, whose offset depends on the day: give a time with an offset, or a "
            "time of a day (a datetime)."
        )
    return value


SCALARS: dict[tuple[type, ...], Callable[[Any], Any]] = {
    (str,): str.__str__,
    (int,): int,
    (float,): float,
    (bytes, bytearray, memoryview): bytes,
    (Decimal, date, timedelta, UUID): lambda value: value,
    (time,): _convert_time,
}
"""The function that converts a value of each type. A member of an enumeration may be a text or a number."""


def _convert_array(value: Any) -> Any:
    """Convert a scalar, an array or a column of NumPy or pandas."""
    if getattr(value, "ndim", 1):
        return [_convert(item) for item in value]
    item = value.item()
    if isinstance(item, int) and value.dtype.kind in "mM":  # the number of nanoseconds, or of months
        if np.datetime_data(value.dtype)[0] in "YM":
            raise _make_type_error(value)
        item = value.astype(f"{value.dtype.kind}8[us]").item()
    if type(item) is type(value):  # Python has no such number: a long double, or a complex one of these
        if value.dtype.kind != "f":
            raise _make_type_error(value)
        return float(item)
    return _convert(item)


def _make_type_error(value: object) -> _UnusableError:
    return _UnusableError(
        f"is of the type {type(value).__name__}, which SQL does not have: give a number, a text, a time, or a list or "
        "dictionary of them."
    )


def write_all_typed(parameters: Values) -> Values:
    """Return converted parameters as JSON that tells types."""
    if isinstance(parameters, dict):
        return {name: write_typed(value) for name, value in parameters.items()}
    return [write_typed(value) for value in parameters]


def write_typed(value: Any) -> Any:
    """Return a converted value as JSON that tells the type of what JSON lacks: `{"type": "DECIMAL", "value": "1.25"}`.

    An object of JSON is always such a pair, so a dictionary becomes one, too.
    """
    if isinstance(value, list):
        return [write_typed(item) for item in value]
    if isinstance(value, dict):
        return {"type": "STRUCT", "value": {name: write_typed(item) for name, item in value.items()}}
    if type(value) in PLAIN and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    name, write = next(writer for kind, writer in WRITERS.items() if isinstance(value, kind))
    return {"type": name, "value": write(value)}


WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    float: ("DOUBLE", str),
    Decimal: ("DECIMAL", str),
    bytes: ("BLOB", bytes.hex),
    datetime: ("TIMESTAMP", lambda value: value.isoformat()),
    date: ("DATE", lambda value: value.isoformat()),
    time: ("TIME", lambda value: value.isoformat()),
    timedelta: ("INTERVAL", lambda value: value // MICROSECOND),
    UUID: ("UUID", str),
}
"""The name and the form of each type that JSON lacks. A datetime is a date, too, and so stands before it."""
