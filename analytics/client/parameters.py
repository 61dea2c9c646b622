"""Reads the value of a query's parameter from a text."""

import json
import math
from typing import Any, NoReturn


class NotANumberError(Exception):
    """Raised when a text is a number that JSON can't hold: NaN, an infinity, or one that is too large."""


def read_value(text: str) -> Any:
    """Return the value of a text that is JSON (a number, true, null, a list); else the text itself.

    Raises:
        NotANumberError: it is NaN or infinite, or has such a number in it.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_read_float)
    except (ValueError, RecursionError):
        return text


def _refuse(text: str) -> NoReturn:
    raise NotANumberError(text)


def _read_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotANumberError(text)
    return number
