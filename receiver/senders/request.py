"""A request: as far as a signature can cover it, what its verification says, and the JSON object in its body.

Bodies are strict UTF-8 JSON, an object, and nothing that DuckDB's JSON type refuses.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from math import isinf
from typing import Any, NamedTuple

import orjson

from receiver.notification import SignatureStatus


class Detail(StrEnum):
    """The reason for which a request is not valid: all that `Verdict.detail` can say."""

    HEADER_MISSING = "header missing"
    HEADER_MALFORMED = "header malformed"
    SIGNATURE_MISSING = "signature missing in the body"
    SIGNATURE_MALFORMED = "signature malformed in the body"
    NO_SECRET = "no secret is known"  # noqa: S105 - a reason, no secret
    SIGNED_HEADER_MISSING = "a signed header is missing"
    ID_MISSING = "delivery id missing"
    NOT_A_FORM = "the body is no form"
    OTHER_LENGTH = "signature of another length"
    FITS_NO_SECRET = "the signature fits no secret"  # noqa: S105 - a reason, no secret
    TOKEN_FITS_NO_SECRET = "the token fits no secret"  # noqa: S105 - a reason, no secret
    OTHER_LINE_ENDS = "the body was altered on the way: its line ends were converted"
    OTHER_LAST_LINE_END = "the body was altered on the way: its last line end was added or removed"
    OTHER_JSON = "the body was altered on the way: its JSON was written anew"
    TIMESTAMP_MISSING = "timestamp missing"
    TIMESTAMP_MALFORMED = "timestamp malformed"
    STALE = "stale timestamp"
    FUTURE = "timestamp in the future"


class SignedRequest(NamedTuple):
    """A posted request.

    `url` is the public URL to which the sender posted, for schemes that sign it; `headers` has names in lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Verdict(NamedTuple):
    """The result of verifying a request.

    Args:
        status: of the signature.
        detail: a short reason in plain English where the status is not `valid`, such as `stale timestamp`; else None.
        signature: its bytes, if it could be read.
        key_fingerprint: of the secret or key that matched, or of the first one where none did.
        delivery_id: the sender's own id of the delivery, if it has one; None, too, if that stands in the body of a
            request that is not valid.
    """

    status: SignatureStatus
    detail: str | None
    signature: bytes | None
    key_fingerprint: str | None
    delivery_id: str | None


class BodyError(Exception):
    """Raised when a body is no JSON object in strict UTF-8.

    `detail` is a sentence that says what is wrong and where; `is_json` tells whether it is JSON, but no object.
    """

    def __init__(self, detail: str, *, is_json: bool) -> None:
        """Keep the sentence for the answer."""
        super().__init__(detail)
        self.detail = detail
        self.is_json = is_json


_JSON_TYPES = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
# Not one that begins within a number: `1-1e400` is none.
_NUMBER = re.compile(rb"(?<![0-9eE+.-])-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
# Only a number of at least 309 characters, or with an exponent of at least three digits, can lie beyond a double. A
# match passes over everything else, strings whole, so that no text is read twice.
_UP_TO_A_WIDE_NUMBER = re.compile(
    rb"""
    (?: [^"0-9eE+.-]++
      | "(?:[^"\\]++|\\.)*+"?
      | (?![0-9+.-]*+[eE][+]?[0-9]{3} | [0-9eE+.-]{309}) [0-9eE+.-]++
    )*+
    ([0-9eE+.-]++)?
    """,
    re.DOTALL | re.VERBOSE,
)
_MOST_WIDE_NUMBERS = 1000
_NO_MEMORY = "Not enough memory"
"""The begin of orjson's message where not the body is at fault."""
MOST_FIELDS = 1000
"""The most fields of a form that is read."""
_FORM_BEGIN = re.compile(rb"[\w%+*.~-][\w%+*.~\[\]-]*=")


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return a body's JSON object, to classify the notification by; `raw` itself is stored.

    Of duplicate keys the last one counts. A number beyond the range of a double reads as 0. The time is linear in the
    body's length, whatever the body holds.

    Raises:
        BodyError: it is no object, not JSON, not UTF-8, or has a byte-order mark, a lone surrogate, nesting deeper than
            a thousand, or more than a thousand numbers as wide as those beyond a double.
        MemoryError: there is too little memory to tell.
    """
    try:
        parsed = _parse_json(raw)
    except json.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON in UTF-8: {error}.", is_json=False) from None
    if not isinstance(parsed, dict):
        what = _JSON_TYPES.get(type(parsed), "null")
        raise BodyError(f"The body is not a JSON object but {what}.", is_json=True)
    return parsed


def write_json(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Write JSON, also where it is nested deeper than orjson writes it.

    Raises:
        TypeError: `default` makes nothing of a value that is no JSON.
    """
    try:
        return orjson.dumps(value, default)
    except TypeError:
        return _write_deep(value, default)


def _write_deep(value: Any, default: Callable[[Any], Any] | None) -> bytes:
    written, left = bytearray(), [value]
    while left:
        item = left.pop()
        if isinstance(item, bytes):
            written += item
        elif isinstance(item, dict):
            parts = [part for key, inner in item.items() for part in (b",", orjson.dumps(key) + b":", inner)]
            left += [b"}", *reversed(parts[1:]), b"{"]
        elif isinstance(item, list):
            parts = [part for inner in item for part in (b",", inner)]
            left += [b"]", *reversed(parts[1:]), b"["]
        else:
            written += orjson.dumps(item, default)
    return bytes(written)


def begins_as_form(body: bytes) -> bool:
    """Tell whether a body begins as a form does, with a name and `=`; no JSON begins so.

    The header `Content-Type` must not decide this: no signature covers it, and with it anybody could have the signed
    bytes read as what their sender never said.
    """
    return _FORM_BEGIN.match(body) is not None


def _parse_json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith(_NO_MEMORY):
            raise MemoryError(error.msg) from None
        # orjson also refuses 1e400 and integers of 400 digits, which are JSON; any other refusal stands.
        start = len(error.doc[: error.pos].encode())
        number = _NUMBER.match(raw, start)
        if number is None or not isinf(float(number[0])):
            raise
        return orjson.loads(_narrow(raw, start))


def _narrow(raw: bytes, start: int) -> bytes:
    """Write a 0 of the same width for each number beyond a double from `start` on, a thousand at most."""
    narrowed = bytearray(raw)
    for _ in range(_MOST_WIDE_NUMBERS):
        match = _UP_TO_A_WIDE_NUMBER.match(raw, start)
        if match is None or match[1] is None:
            break
        start = match.end()
        if _NUMBER.fullmatch(match[1]) and isinf(float(match[1])):
            narrowed[match.start(1) : start] = b"0".ljust(len(match[1]))
    return bytes(narrowed)
