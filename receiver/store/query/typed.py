"""Reads parameters of types that JSON lacks: `{"type": "DECIMAL", "value": "1.25"}`."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

READERS: Final[dict[str, tuple[type, Callable[[Any], Any]]]] = {
    "BLOB": (str, bytes.fromhex),
    "DATE": (str, date.fromisoformat),
    "DECIMAL": (str, Decimal),
    "DOUBLE": (str, float),
    "INTERVAL": (int, lambda microseconds: timedelta(microseconds=microseconds)),
    "TIME": (str, time.fromisoformat),
    "TIMESTAMP": (str, datetime.fromisoformat),
    "UUID": (str, UUID),
}
"""The JSON type of each type's value, and what reads it. `STRUCT` has an object of values."""


def read_typed(value: Any) -> Any:
    """Return one parameter, in which each object of JSON is a pair of a type and a value.

    Raises:
        ValueError: An object is no such pair.

    """
    if isinstance(value, list):
        return [read_typed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"type", "value"}:
        raise ValueError('a typed parameter is no {"type": name, "value": value}')
    name, content = value["type"], value["value"]
    if name == "STRUCT" and isinstance(content, dict):
        return {key: read_typed(item) for key, item in content.items()}
    if not isinstance(name, str) or name not in READERS:
        raise ValueError(f"a typed parameter has none of the types {', '.join([*READERS, 'STRUCT'])}")
    kind, read = READERS[name]
    try:
        if type(content) is kind:
            return read(content)
    except (ValueError, ArithmeticError):
        pass
    raise ValueError(f"the value of a typed parameter is no {name}")
