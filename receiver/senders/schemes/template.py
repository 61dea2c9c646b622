"""The signed text: a template, compiled once, from which each request's message is composed in pieces."""

import re
from dataclasses import dataclass
from string import Formatter
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from receiver.senders.request import MOST_FIELDS, Detail, begins_as_form
from receiver.senders.schemes.places import Envelope
from receiver.senders.schemes.secret import encode_as_sent

FIELDS = ("body", "timestamp", "id", "header", "method", "url", "form")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 256 * 1024
"""The bytes of the longest form that is signed by its fields; those of Twilio have some kilobytes."""


class Field(NamedTuple):
    """A part of a template that each request fills in; `header` is a name in lower case, of `{header:NAME}` alone."""

    name: str
    header: str = ""


class Texts(NamedTuple):
    """What a request says of its time and id, as it stands there."""

    timestamp: str | None
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """Literal bytes and fields, in order."""

    parts: tuple[bytes | Field, ...]

    def covers(self, name: str, header: str = "") -> bool:
        """Tell whether the message contains a field."""
        return Field(name, header.lower()) in self.parts

    def compose(self, envelope: Envelope, texts: Texts, body: bytes) -> list[bytes] | Detail:
        """Return the message in pieces, or what the request lacks for it.

        Args:
            envelope: the request.
            texts: its time and id.
            body: the bytes for `{body}`.
        """
        pieces = []
        for part in self.parts:
            piece = part if isinstance(part, bytes) else _fill(part, envelope, texts, body)
            if isinstance(piece, Detail):
                return piece
            pieces.append(piece)
        return pieces


def _fill(field: Field, envelope: Envelope, texts: Texts, body: bytes) -> bytes | Detail:
    request = envelope.request
    text: str | None
    lack = Detail.SIGNED_HEADER_MISSING
    match field.name:
        case "body":
            return body
        case "form":
            return _join_form(request.headers.get("content-type", ""), request.body)
        case "timestamp":
            text, lack = texts.timestamp, Detail.TIMESTAMP_MISSING
        case "id":
            text, lack = texts.delivery_id, Detail.ID_MISSING
        case "header":
            text = request.headers.get(field.header)
        case _:
            text = request.method if field.name == "method" else request.url
    return lack if text is None else encode_as_sent(text)


def _join_form(content_type: str, body: bytes) -> bytes | Detail:
    """Return names and values of a form, sorted by name and then by value, as Twilio signs them.

    A body that is no form, such as JSON, or has fields without `=`, is refused: its bytes would not be signed. So is a
    large one, because a stranger's would take seconds.
    """
    if not body:
        return b""
    is_form = content_type.partition(";")[0].strip().lower() == _FORM and begins_as_form(body)
    if not is_form or len(body) > _LONGEST_FORM or body.count(b"&") >= MOST_FIELDS:
        return Detail.NOT_A_FORM
    fields = set()
    for field in body.split(b"&"):
        name, equals, value = field.replace(b"+", b" ").partition(b"=")
        if not equals:
            return Detail.NOT_A_FORM
        fields.add((unquote_to_bytes(name), unquote_to_bytes(value)))
    return b"".join(name + value for name, value in sorted(fields))


def compile_template(text: str) -> Template:
    """Return the template of a text.

    Raises:
        ValueError: a brace is alone, or a field is not known; the message says which.
    """
    parts: list[bytes | Field] = []
    for literal, name, detail, conversion in Formatter().parse(text):
        if literal:
            parts.append(literal.encode())
        if name is not None:
            parts.append(_read_field(name, detail or "", conversion))
    return Template(tuple(parts))


def _read_field(name: str, detail: str, conversion: str | None) -> Field:
    takes_detail = name == "header"
    if name not in FIELDS or conversion or bool(detail) != takes_detail:
        raise ValueError(f"{{{name}{':' if detail else ''}{detail}}} is not known")
    if takes_detail and not HEADER_NAME.fullmatch(detail):
        raise ValueError(f"{detail!r} is no name of a header")
    return Field(name, detail.lower())
