"""Reading the table `[verification]` of a profile."""

from typing import cast, get_args

from receiver.notification import Proof
from receiver.senders.pointers import read_pointer
from receiver.senders.schemes.places import (
    BodyPlace,
    Format,
    HeaderPlace,
    PairPlace,
    Place,
    Separator,
    Signatures,
    Timestamp,
    Unit,
)
from receiver.senders.schemes.scheme import Scheme
from receiver.senders.schemes.secret import Algorithm, Encoding, Hash, Kind, SecretForm
from receiver.senders.schemes.template import FIELDS, HEADER_NAME, Template, compile_template
from receiver.senders.tables import Table

DEFAULT_TOLERANCE = 300

_TYPES = (*get_args(Kind), "none")
_SHARED_FORMS = ("text", "base64", "hex", "whsec")
_PUBLIC_FORMS = ("pem", "base64", "hex", "whpk")
_PLACE_KEYS = ("header", "body", "prefix")
_SIGNING_KEYS = (*_PLACE_KEYS, "secret", "encoding", "format", "pair", "separator", "signed", "timestamp")
_KEYS = {
    "none": (),
    "token": _PLACE_KEYS,
    "ed25519": _SIGNING_KEYS,
    **dict.fromkeys(("hmac", "rsa", "ecdsa-p256"), (*_SIGNING_KEYS, "hash")),
}
_NOTHING = Template(())


def read_scheme(keys: Table) -> Scheme:
    """Return the scheme of a table.

    Raises:
        ProfileError: a key or a value is not known; the message names it and says what is allowed.
    """
    kind = keys.choose("type", _TYPES)
    keys.allow(("type", "id", *_KEYS[kind]), f" with type = '{kind}'")
    delivery_id = _read_id(keys)
    if kind == "none":
        return Scheme("none", None, None, _NOTHING, None, delivery_id)
    if kind == "token":
        algorithm = Algorithm("token", "sha256", "text")
        return Scheme("token", algorithm, _read_signatures(keys, is_token=True), _NOTHING, None, delivery_id)
    algorithm = _read_algorithm(keys, cast("Kind", kind))
    signatures = _read_signatures(keys, is_token=False)
    template = _read_template(keys)
    timestamp = _read_timestamp(keys, signatures)
    _check_fields(keys, template, timestamp, delivery_id)
    return Scheme(_find_proof(algorithm, template), algorithm, signatures, template, timestamp, delivery_id)


def _read_algorithm(keys: Table, kind: Kind) -> Algorithm:
    hash_name = cast("Hash", keys.choose("hash", get_args(Hash), "sha256"))
    forms = _SHARED_FORMS if kind == "hmac" else _PUBLIC_FORMS
    return Algorithm(kind, hash_name, cast("SecretForm", keys.choose("secret", forms, forms[0])))


def _find_proof(algorithm: Algorithm, template: Template) -> Proof:
    """Return what a signature proves; one that does not cover the body is worth no more than a token."""
    if not (template.covers("body") or template.covers("form")):
        return "token"
    return "shared-secret" if algorithm.is_shared else "third-party"


def _read_signatures(keys: Table, *, is_token: bool) -> Signatures:
    keys.need_one_of("header", "body")
    form = cast("Format", keys.choose("format", get_args(Format), "single"))
    if form != "single" and keys.has("body"):
        keys.refuse("format", "must be 'single' for a signature in the body")
    if form == "pairs" and not keys.has("pair"):
        keys.refuse("pair", "is missing; with format = 'pairs' it is the key of signatures, such as v1")
    for key in ("pair", "separator"):
        if form != "pairs" and keys.has(key):
            keys.refuse(key, "needs format = 'pairs'")
    places = (_read_body_place(keys),) if keys.has("body") else _read_headers(keys)
    if form == "pairs" and len(places) > 1:
        keys.refuse("header", "must be one header with format = 'pairs'")
    return Signatures(
        places=places,
        format=form,
        prefix=keys.read_optional_text("prefix") or "",
        pair=keys.read_optional_text("pair") or "",
        separator=cast("Separator", keys.choose("separator", get_args(Separator), ",")),
        encoding=None if is_token else cast("Encoding", keys.choose("encoding", get_args(Encoding), "hex")),
    )


def _read_template(keys: Table) -> Template:
    try:
        return compile_template(keys.read_optional_text("signed") or "{body}")
    except ValueError as error:
        fields = ", ".join(f"{{{'header:NAME' if name == 'header' else name}}}" for name in FIELDS)
        reason = f"is no template ({error}); allowed are {fields}, and {{{{ and }}}} for braces"
        keys.refuse("signed", reason)


def _read_timestamp(keys: Table, signatures: Signatures) -> Timestamp | None:
    if not keys.has("timestamp"):
        return None
    inner = keys.read_table("timestamp")
    inner.allow(("header", "body", "pair", "unit", "tolerance"))
    inner.need_one_of("header", "body", "pair")
    place: Place
    if not inner.has("pair"):
        place = _read_place(inner)
    elif signatures.format == "pairs":
        place = PairPlace(signatures.headers[0], inner.read_text("pair"), signatures.separator)
    else:
        inner.refuse("pair", "needs signatures with format = 'pairs'")
    unit = cast("Unit", inner.choose("unit", get_args(Unit), "s"))
    return Timestamp(place, unit, inner.read_positive("tolerance", DEFAULT_TOLERANCE))


def _read_id(keys: Table) -> Place | None:
    if not keys.has("id"):
        return None
    inner = keys.read_table("id")
    inner.allow(("header", "body"))
    inner.need_one_of("header", "body")
    return _read_place(inner)


def _read_place(keys: Table) -> HeaderPlace | BodyPlace:
    return _read_body_place(keys) if keys.has("body") else HeaderPlace(_read_header(keys, keys.read_text("header")))


def _read_body_place(keys: Table) -> BodyPlace:
    pointer = read_pointer(keys, "body")
    if not pointer:
        keys.refuse("body", "must be a JSON Pointer such as /signature/timestamp")
    return BodyPlace(pointer)


def _read_headers(keys: Table) -> tuple[HeaderPlace, ...]:
    names = keys.read_texts("header")
    if not names:
        keys.refuse("header", "must name a header")
    return tuple(HeaderPlace(_read_header(keys, name)) for name in names)


def _read_header(keys: Table, name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        keys.refuse("header", "must be the name of a header: letters, digits and hyphens")
    return name


def _check_fields(keys: Table, template: Template, timestamp: Timestamp | None, delivery_id: Place | None) -> None:
    """Refuse a signed text that names what no key places, and a time that anybody could alter."""
    if timestamp is None and template.covers("timestamp"):
        keys.refuse("signed", "contains {timestamp}; say in the table timestamp where it stands")
    if delivery_id is None and template.covers("id"):
        keys.refuse("signed", "contains {id}; say in the table id where it stands")
    if timestamp is not None and not _covers_time(template, timestamp.place):
        keys.refuse("timestamp", "proves nothing, because it is not signed; let signed contain {timestamp}")


def _covers_time(template: Template, place: Place) -> bool:
    """Tell whether a signature covers the time at a place, by its own field or with what it stands in."""
    if template.covers("timestamp"):
        return True
    if isinstance(place, BodyPlace):
        return template.covers("body")
    return isinstance(place, HeaderPlace) and template.covers("header", place.name)
