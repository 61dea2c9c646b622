"""Where a value stands in a request: a JSON Pointer, a header, the route, or a template of these; tried in order."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from receiver.senders.pointers import follow, parse_pointer
from receiver.senders.sender import Body
from receiver.senders.tables import Table

Case = Literal["lower", "upper"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_HEADER = re.compile(r"header:([A-Za-z0-9-]+)")
_OUTSIDE = re.compile(r"(?:^|\{)(?:header:|route(?:\}|$))")
_NUMBER = re.compile(r"\d{9,16}(?:\.\d{1,9})?")
_OFFSET = re.compile(r" ?(?:UTC|([+-]\d{2}):?(\d{2}))$")
_MAIL = re.compile(r"[A-Z][a-z]{2}, [0-9A-Za-z :+-]{15,40}")
_LEAST_MILLISECONDS = 10**11
"""As seconds, this is the year 5138."""


class Request(NamedTuple):
    """A request from which values are read: the part of its route after the sender's name, headers and body."""

    route: str | None
    headers: Mapping[str, str]
    body: Body


Read = Callable[[Request], str | None]


class Sources(NamedTuple):
    """The places of one value; the first that has a value counts.

    Args:
        reads: read them.
        case: that of the value.
        are_in_body: whether all of them are in the body, which is stored; headers and route are not.
        templates: the places in braces, and the templates, as the profile has them.
    """

    reads: tuple[Read, ...] = ()
    case: Case | None = None
    are_in_body: bool = True
    templates: tuple[str, ...] = ()

    def read(self, request: Request) -> str | None:
        """Return the value as text; None where no place has one."""
        for read in self.reads:
            text = read(request)
            if text is not None:
                return text.lower() if self.case == "lower" else text.upper() if self.case == "upper" else text
        return None


def read_sources(table: Table, name: str, *, headers: bool = True, route: bool = False, word: bool = False) -> Sources:
    """Read the places of a value: a text, a list of texts, or a table of `from` and `case`.

    Args:
        table: the table with the key.
        name: the key; where it is missing, the value stands nowhere.
        headers: whether a header will do.
        route: whether the route will do.
        word: whether a text that names no place is the value itself.

    Raises:
        ProfileError: a text is none of these.
    """
    case: Any = None
    if isinstance(table.values.get(name), dict):
        table = table.read_table(name, ("from", "case"))
        name, case = "from", table.read_word("case", ("lower", "upper"))
    try:
        texts = table.read_texts(name)
        templates = tuple(f"{{{text}}}" if text.startswith("/") else text for text in texts)
        reads = tuple(compile_source(text, headers=headers, route=route, word=word) for text in texts)
    except ValueError as error:
        table.refuse(name, str(error))
    return Sources(reads, case, not any(map(_OUTSIDE.search, texts)), templates)


def compile_source(text: str, *, headers: bool = True, route: bool = False, word: bool = False) -> Read:
    """Make the function that reads a value.

    Raises:
        ValueError: the text is no source; the message says what is allowed.
    """
    if "{" in text or "}" in text:
        return compile_template(text, headers=headers, route=route)
    if word and re.fullmatch(r"[^\W\d_]\w*", text) and text == text.lower():
        return lambda _: text
    if text == "route" and route:
        return lambda request: request.route or None
    if headers and (header := _HEADER.fullmatch(text)):
        lower = header[1].lower()
        return lambda request: request.headers.get(lower) or None
    if text.startswith("/") or text == "":
        pointer = parse_pointer(text)
        return lambda request: as_text(follow(request.body, pointer))
    allowed = ["a JSON Pointer such as /data/id"]
    allowed += ["header:NAME"] if headers else []
    allowed += ["route"] if route else []
    allowed += ["a word in lower case"] if word else []
    raise ValueError(f"is {text!r}; allowed are {', '.join(allowed)}, and a template of these in braces")


def compile_template(text: str, *, headers: bool = True, route: bool = False) -> Read:
    """Make the function that fills a template such as `{/repository/full_name}#{/issue/number}`.

    It returns None where one of its values is missing. `{}` is the whole value, `{{` and `}}` are braces.

    Raises:
        ValueError: a brace is alone, or what stands in braces is no source.
    """
    pieces: list[str | Read] = []
    end = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        if match[1] is not None:
            pieces.append(compile_source(match[1], headers=headers, route=route, word=False))
        elif len(match[0]) == 1:
            raise ValueError(f"is {text!r}; write a brace that is none of a template as {match[0] * 2}")
        else:
            pieces.append(match[0][0])
    pieces.append(text[end:])

    def fill(request: Request) -> str | None:
        filled = [piece if isinstance(piece, str) else piece(request) for piece in pieces]
        return None if None in filled else "".join(map(str, filled))

    return fill


def as_text(value: Any) -> str | None:
    """Return a text or a number as text; None for anything else and for the empty text."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def parse_time(text: str, *, as_mail: bool = True) -> datetime | None:
    """Return a time in UTC: ISO 8601, seconds or milliseconds since 1970, or as in e-mails (RFC 2822), if `as_mail`.

    Without an offset it is UTC already. None where it can't be read or has no time of day.
    """
    try:
        if _NUMBER.fullmatch(text):
            number = Decimal(text)
            seconds = number / 1000 if number >= _LEAST_MILLISECONDS else number
            return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
        if "T" not in text and " " not in text:
            return None
        if as_mail and _MAIL.fullmatch(text):
            time = parsedate_to_datetime(text)
        else:
            text = _OFFSET.sub(lambda match: f"{match[1]}:{match[2]}" if match[1] else "Z", text)
            time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, DecimalException):
        return None
