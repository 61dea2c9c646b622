"""Handshakes: requests by which a sender asks whether the receiver is there, and the answers.

An answer may contain a signature of a text that the request brings, made with the key that signs notifications. So only
texts are signed that no signed text of a notification is: they have no brace, and every notification is a JSON object.
"""

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Final, Literal, NamedTuple, cast, get_args
from urllib.parse import parse_qsl

import orjson

from receiver.senders.pointers import follow, parse_pointer
from receiver.senders.profile.sources import Read, Request, as_text, compile_source
from receiver.senders.schemes import Scheme, Secret
from receiver.senders.schemes.secret import Encoding, encode
from receiver.senders.sender import Body
from receiver.senders.tables import Table

_KEYS = ("method", "when", "echo", "answer", "encoding")
_FIELDS: Final = {"text", "signature"}
_HARMLESS = re.compile(r"[A-Za-z0-9_.~+/=-]{1,200}")
"""What is ever echoed or signed: no markup, no brace, no space, no line end."""
_MOST_PARAMETERS = 20


class Handshake(NamedTuple):
    """The answer to a handshake."""

    content_type: str
    body: str


class HandshakeRules(NamedTuple):
    """How handshakes are told, and answered.

    Args:
        method: `GET` where the sender asks by the URL's parameters and headers, which nothing signs, or `POST`.
        when: reads texts of a request, and the text that each must be.
        echo: reads the text to echo or to sign.
        answer: the fields of a JSON answer, in which `{text}` and `{signature}` stand for the two; without any the text
            itself is the answer.
        encoding: of the signature.
    """

    method: Literal["GET", "POST"]
    when: tuple[tuple[Read, str], ...]
    echo: Read
    answer: Mapping[str, str]
    encoding: Encoding

    def answer_posted(self, headers: Mapping[str, str], body: Body, secret: Secret | None) -> Handshake | None:
        """Return the answer to a posted handshake, whose signature holds; None for any other request."""
        return self._answer(Request(None, headers, body), secret) if self.method == "POST" else None

    def answer_asked(self, headers: Mapping[str, str], query: str, secret: Secret | None) -> Handshake | None:
        """Return the answer to a URL's query that was asked for with some headers; None where it is no handshake."""
        if self.method != "GET":
            return None
        try:
            parameters = dict(parse_qsl(query, max_num_fields=_MOST_PARAMETERS, errors="strict"))
        except ValueError:
            return None
        return self._answer(Request(None, headers, parameters), secret)

    def _answer(self, request: Request, secret: Secret | None) -> Handshake | None:
        if any(read(request) != text for read, text in self.when):
            return None
        text = self.echo(request)
        if text is None or not _HARMLESS.fullmatch(text):
            return None
        if not self.answer:
            return Handshake("text/plain", text)
        values = {"text": text}
        if self.signs:
            if secret is None:
                return None
            values["signature"] = encode(secret.sign([text.encode()]), self.encoding)
        fields = {name: template.format_map(values) for name, template in self.answer.items()}
        return Handshake("application/json", orjson.dumps(fields).decode())

    @property
    def signs(self) -> bool:
        """Tell whether the answer contains a signature."""
        return any("signature" in _find_fields(template) for template in self.answer.values())


def read_handshake(root: Table, scheme: Scheme, forms: Sequence[str]) -> HandshakeRules | None:
    """Read the table `handshake`; None where the sender asks for none.

    Raises:
        ProfileError: a value is not allowed, or a notification could be signed by a handshake.
    """
    if not root.has("handshake"):
        return None
    table = root.read_table("handshake", _KEYS)
    method = cast("Literal['GET', 'POST']", table.read_word("method", ("GET", "POST")) or "POST")
    encoding = cast("Encoding", table.read_word("encoding", get_args(Encoding)) or "hex")
    rules = HandshakeRules(
        method, _read_when(table, method), _read_echo(table, method), _read_answer(table.read_table("answer")), encoding
    )
    if rules.signs and (scheme.algorithm is None or scheme.algorithm.kind != "hmac"):
        table.refuse("answer", "has {signature}, which needs type = 'hmac' in verification")
    if rules.signs and (forms or not scheme.template.covers("body")):
        table.refuse("answer", "has {signature}, which needs {body} in signed and no forms; else strangers could sign")
    return rules


def _read_when(table: Table, method: str) -> tuple[tuple[Read, str], ...]:
    when = table.read_table("when")
    if not when.values and method == "POST":
        table.refuse("when", "is missing; it must say by which texts a handshake is told")
    try:
        compiled = [(_compile_asked(place) if method == "GET" else compile_source(place)) for place in when.values]
    except ValueError as error:
        table.refuse("when", str(error))
    return tuple(zip(compiled, map(when.read_text, when.values), strict=True))


def _read_echo(table: Table, method: str) -> Read:
    if not table.has("echo"):
        table.refuse("echo", "is missing; it must say where the text stands that is the answer")
    name = table.read_text("echo")
    try:
        if method == "GET":
            return _compile_asked(name)
        pointer = parse_pointer(name)
    except ValueError as error:
        table.refuse("echo", str(error))
    return lambda request: as_text(follow(request.body, pointer))


def _compile_asked(name: str) -> Read:
    """Make the function that reads a parameter of a URL, or for `header:NAME` a header.

    Raises:
        ValueError: NAME is no name of a header.
    """
    return compile_source(name) if name.startswith("header:") else lambda request: as_text(request.body.get(name))


def _read_answer(table: Table) -> dict[str, str]:
    answer = {name: table.read_text(name) for name in table.values}
    for name, template in answer.items():
        if not _find_fields(template) <= _FIELDS:
            table.refuse(name, f"is {template!r}; allowed in braces are {{text}} and {{signature}}")
    return answer


def _find_fields(template: str) -> set[str]:
    """Return the names in braces; of a text with a lone brace or with a format, that text itself."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return {template}
    if any(form or conversion for _, _, form, conversion in parts):
        return {template}
    return {name for _, name, _, _ in parts if name is not None}
