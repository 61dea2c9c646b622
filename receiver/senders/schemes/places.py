"""Where a request says its signature, its time and its delivery's id, and whether that time is close to the check's."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import orjson

from receiver.senders.pointers import Pointer, follow
from receiver.senders.request import Detail, SignedRequest
from receiver.senders.schemes.secret import Encoding, decode, encode, encode_as_sent

Format = Literal["single", "space", "pairs"]
Separator = Literal[",", ";"]

MOST_SIGNATURES = 16
"""So many signatures of a request are looked at: a sender has two while it changes its secret."""
_MOST_ENTRIES = 64
_LONGEST = 4096
"""The characters of the longest signature, token or id that is read; a signature of RSA 8192 has 2,048."""
Unit = Literal["s", "ms", "iso"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"[0-9]{1,14}")


class Envelope:
    """A request, with its body parsed at most once, and only if something is looked for there."""

    def __init__(self, request: SignedRequest) -> None:
        """Take the request."""
        self.request = request

    def find_header(self, name: str) -> str | None:
        """Return the text of a header by its name in lower case; None if there is none, or an empty one."""
        return (self.request.headers.get(name) or "").strip() or None

    def list_pairs(self, name: str, separator: Separator) -> list[tuple[str, str]]:
        """Return the first keys and values of a header of the form `t=1,v1=2`."""
        entries = (self.find_header(name) or "").split(separator, _MOST_ENTRIES)[:_MOST_ENTRIES]
        halves = (entry.strip().partition("=") for entry in entries)
        return [(key, value) for key, equals, value in halves if equals]

    def find_member(self, pointer: Pointer) -> str | None:
        """Return a text or whole number of the JSON body; None if it has neither there."""
        value = follow(self._document, pointer)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) and value else None

    @cached_property
    def _document(self) -> Any:
        try:
            return orjson.loads(self.request.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class HeaderPlace:
    """A header. `name` is as the sender spells it."""

    name: str

    def read(self, envelope: Envelope) -> str | None:
        """Return the text that stands here, if any."""
        return envelope.find_header(self.name.lower())


@dataclass(frozen=True, slots=True)
class PairPlace:
    """A value beside the signatures in their header."""

    header: str
    key: str
    separator: Separator

    def read(self, envelope: Envelope) -> str | None:
        """Return the text that stands here, if any."""
        pairs = envelope.list_pairs(self.header.lower(), self.separator)
        return next((value for key, value in pairs if key == self.key), None) or None


@dataclass(frozen=True, slots=True)
class BodyPlace:
    """A member of the JSON body."""

    pointer: Pointer

    def read(self, envelope: Envelope) -> str | None:
        """Return the text that stands here, if any."""
        return envelope.find_member(self.pointer)


Place = HeaderPlace | PairPlace | BodyPlace


def read_bounded(place: Place, envelope: Envelope) -> str | None:
    """Return a printable text of usual length; None for any other."""
    text = place.read(envelope)
    return text if text is not None and len(text) <= _LONGEST and text.isprintable() else None


@dataclass(frozen=True, slots=True)
class Signatures:
    """Where signatures stand, and how they are written."""

    places: tuple[HeaderPlace, ...] | tuple[BodyPlace]
    """The headers that may have signatures, or the member of the body that is one."""
    format: Format
    prefix: str
    pair: str
    """The key of signatures among pairs."""
    separator: Separator
    encoding: Encoding | None
    """None where the text itself is the token."""

    def read(self, envelope: Envelope) -> list[bytes] | Detail:
        """Return the signatures that can be read, or why there are none."""
        in_body = isinstance(self.places[0], BodyPlace)
        texts = [text for place in self.places if (text := place.read(envelope)) is not None]
        if not texts:
            return Detail.SIGNATURE_MISSING if in_body else Detail.HEADER_MISSING
        malformed = Detail.SIGNATURE_MALFORMED if in_body else Detail.HEADER_MALFORMED
        return self._decode(self._split(texts, envelope)) or malformed

    @property
    def headers(self) -> list[str]:
        """The names of the headers that may have signatures."""
        return [place.name for place in self.places if isinstance(place, HeaderPlace)]

    def _split(self, texts: list[str], envelope: Envelope) -> list[str]:
        if self.format == "pairs":
            pairs = [pair for name in self.headers for pair in envelope.list_pairs(name.lower(), self.separator)]
            return [value for key, value in pairs if key == self.pair]
        if self.format == "space":
            return [entry for text in texts for entry in text.split(None, _MOST_ENTRIES)[:_MOST_ENTRIES]]
        return texts

    def _decode(self, entries: list[str]) -> list[bytes]:
        texts = [text.removeprefix(self.prefix) for text in entries if text.startswith(self.prefix)]
        usual = [text for text in texts[:MOST_SIGNATURES] if 0 < len(text) <= _LONGEST]
        if self.encoding is None:
            return [encode_as_sent(text) for text in usual]
        decoded = (decode(text, self.encoding) for text in usual)
        return [signature for signature in decoded if signature is not None]

    def write(self, signature: bytes, timestamp: tuple[str, str] | None) -> dict[str, str]:
        """Return the header that says a signature; `timestamp` is the pair beside it, if there is one.

        Raises:
            ValueError: the signature stands in the body.
        """
        if not self.headers:
            raise ValueError("This scheme has its signature in the body, and headers can't carry it.")
        text = signature.decode("latin-1") if self.encoding is None else encode(signature, self.encoding)
        text = self.prefix + text
        if self.format == "pairs":
            pairs = [*([timestamp] if timestamp else []), (self.pair, text)]
            text = self.separator.join(f"{key}={value}" for key, value in pairs)
        return {self.headers[0]: text}


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Where a request says its time, in which unit, and by how many seconds that may differ from the check's."""

    place: Place
    unit: Unit
    tolerance: int

    def judge(self, text: str | None, now: datetime) -> Detail | None:
        """Return why a time is not accepted; None if it is."""
        if text is None:
            return Detail.TIMESTAMP_MISSING
        moment = self._read(text)
        if moment is None:
            return Detail.TIMESTAMP_MALFORMED
        age = now.timestamp() - moment
        if age > self.tolerance:
            return Detail.STALE
        return Detail.FUTURE if -age > self.tolerance else None

    def _read(self, text: str) -> float | None:
        """Return seconds since 1970."""
        if self.unit != "iso":
            return int(text) / (1000 if self.unit == "ms" else 1) if _WHOLE.fullmatch(text) else None
        try:
            moment = datetime.fromisoformat(text)
            return None if moment.tzinfo is None else moment.timestamp()
        except ValueError:
            return None

    def write(self, now: datetime) -> str:
        """Return a time as a request says it."""
        if self.unit == "iso":
            return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return str((now - _EPOCH) // timedelta(milliseconds=1 if self.unit == "ms" else 1000))
