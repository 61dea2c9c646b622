"""Reads parameters of a query that are given as texts, `NAME=VALUE`, and says what is wrong with one."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

PARAM = "--param"
"""The option that gives parameters."""
_LACKING = re.compile(r"Values were not provided for the following (?:prepared statement )?parameters: ([^\n]*)")
_EXCESS = re.compile(r"identifiers of the excess parameters: ([^\n]*)")
_WITHOUT_ANY = "count mismatch for prepared statement. Expected 0, got"
"""DuckDB's words for parameters without a value, for values without a parameter, and for SQL without parameters."""


class PairError(Exception):
    """Raised when a text is no `NAME=VALUE`; its text names the parameter, what is wrong and what to write."""


class _NotANumberError(Exception):
    """Raised when a text is a number that JSON can't hold: NaN, an infinity, or one that is too large."""


def read_pairs(pairs: Iterable[str], option: str) -> dict[str, Any]:
    """Return the values of parameters: JSON (a number, true, null, a list) where the text is JSON, else the text.

    Args:
        pairs: texts of the form `NAME=VALUE`; of one name, the last counts.
        option: the option that gives them, such as `--param`.

    Raises:
        PairError: one has another form, or is a number that JSON lacks.
    """
    return dict(_read_pair(pair, option) for pair in pairs)


def _read_pair(pair: str, option: str) -> tuple[str, Any]:
    name, equals, text = pair.partition("=")
    if not equals and name.isidentifier():
        raise PairError(f"{name} has no value: write {option} {name}=VALUE.")
    if not equals:
        raise PairError(f"{pair!r} has no name: write {option} NAME=VALUE, and $NAME in the SQL.")
    if name[:1] == "$" and name[1:].isidentifier():
        raise PairError(f"{name} has its $ in the SQL alone: write {option} {name[1:]}=VALUE.")
    if not name.isidentifier():
        raise PairError(
            f"{name!r} is no name, which has letters, digits and _ and begins with no digit: write {option} NAME=VALUE."
        )
    try:
        return name, _read_value(text)
    except _NotANumberError as error:
        raise PairError(
            f'{name} has {error} in it, which is no JSON number: write it as a text, "{error}" with its quotes, and '
            f"cast ${name} in the SQL."
        ) from None


def _read_value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_read_float)
    except (ValueError, RecursionError):
        return text


def _refuse(text: str) -> NoReturn:
    raise _NotANumberError(text)


def _read_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NotANumberError(text)
    return number


def explain_mismatch(error: str, parameters: Mapping[str, Any] | None) -> str | None:
    """Return what is wrong with the parameters of a query by DuckDB's words, and what to write; None if nothing is."""
    if lacking := _LACKING.search(error):
        name = lacking[1].partition(",")[0].strip()
        if name.isdigit():
            return f"Parameter {name} of the SQL has no name: write $NAME in its place, and {PARAM} NAME=VALUE."
        return f"${name} has no value: write {PARAM} {name}=VALUE."
    excess, first = _EXCESS.search(error), next(iter(parameters or ()), "")
    if excess or (first and _WITHOUT_ANY in error):
        name = excess[1].partition(",")[0].strip() if excess else first
        return f"The SQL has no ${name}: write ${name} where its value belongs, or leave out {PARAM} {name}=…."
    if "Conversion Error" in error:
        values = {name: value for name, value in (parameters or {}).items() if isinstance(value, str) and value}
        if name := next((name for name, value in values.items() if f"'{value}'" in error or f'"{value}"' in error), ""):
            return f"That is the value of ${name}: write {PARAM} {name}=VALUE as the SQL needs it."
    return None
