"""Says where a sender's requests have what their signature needs, for people who look for a missing part."""

from collections.abc import Iterator

from receiver.senders.schemes.places import BodyPlace, HeaderPlace, PairPlace, Place
from receiver.senders.schemes.scheme import Scheme
from receiver.senders.schemes.template import Field


def describe_places(scheme: Scheme) -> dict[str, str]:
    """Return the places of `signature`, `timestamp`, `id` and the other signed `headers`, those that there are."""
    return {name: words for name, words in _list_places(scheme) if words}


def _list_places(scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme.signatures is not None:
        places = scheme.signatures.places
        yield "signature", " or ".join(map(_describe, (places,) if isinstance(places, BodyPlace) else places))
    if scheme.timestamp is not None:
        yield "timestamp", _describe(scheme.timestamp.place)
    if scheme.delivery_id is not None:
        yield "id", _describe(scheme.delivery_id)
    signed = [part.header for part in scheme.template.parts if isinstance(part, Field) and part.header]
    yield "headers", ", ".join(f"the header {name}" for name in dict.fromkeys(signed))


def _describe(place: Place) -> str:
    match place:
        case HeaderPlace(name):
            return f"the header {name}"
        case PairPlace(header, key):
            return f"{key}= in the header {header}"
        case BodyPlace(pointer):
            return f"/{'/'.join(pointer)} in the body"
