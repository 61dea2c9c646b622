"""Parse a notification's body: strict UTF-8 JSON, an object, and nothing that DuckDB's JSON type refuses."""

import json
import re
from math import isinf
from typing import Any

import orjson


class NotJsonError(Exception):
    """Raised when a body is not JSON in strict UTF-8; `detail` is a sentence that says what is wrong where."""

    code = "not_json"

    def __init__(self, detail: str) -> None:
        """Keep the sentence for the answer."""
        super().__init__(detail)
        self.detail = detail


class NotAnObjectError(Exception):
    """Raised when a body is JSON but no object; `detail` is a sentence that says what it is instead."""

    code = "not_an_object"

    def __init__(self, detail: str) -> None:
        """Keep the sentence for the answer."""
        super().__init__(detail)
        self.detail = detail


_JSON_TYPES = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

# A string is matched whole, closed or not, so that digits in it are passed over and no text is read twice.
_STRING_OR_NUMERIC = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[-+.0-9eE]++', re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return a body's JSON object, to classify the notification by; what is stored is `raw` itself.

    Of duplicate keys the last one counts. A number beyond the range of a double reads as 0.

    Raises:
        NotJsonError: it is not JSON, not UTF-8, or has a byte-order mark, a lone surrogate or absurd nesting.
        NotAnObjectError: it is JSON, but not an object.
    """
    try:
        parsed = _loads(raw)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"The body is not JSON in UTF-8: {error}.") from None
    if not isinstance(parsed, dict):
        raise NotAnObjectError(f"The body is not a JSON object but {_JSON_TYPES.get(type(parsed), 'null')}.")
    return parsed


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        # orjson refuses 1e400 and integers of 400 digits, which are JSON: those aside, its verdict stands.
        within_range = _STRING_OR_NUMERIC.sub(_zero_if_beyond_double, raw)
        if within_range == raw:
            raise
        return orjson.loads(within_range)


def _zero_if_beyond_double(match: re.Match[bytes]) -> bytes:
    """Return the matched text, or if it is a whole JSON number too large for a double, a 0 of the same width."""
    text = match[0]
    if not text.startswith(b'"') and _NUMBER.fullmatch(text) and isinf(float(text)):
        return b"0".ljust(len(text))
    return text
