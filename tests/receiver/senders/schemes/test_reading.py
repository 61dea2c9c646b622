"""Reading the table `[verification]`: what is allowed, and how a mistake is told."""

import re
import tomllib

import pytest

from receiver.errors import ProfileError
from receiver.senders import schemes
from receiver.senders.request import Detail
from receiver.senders.schemes.template import Field, compile_template
from tests.receiver.senders.schemes.rivals import TABLES, read_scheme

PROOFS = {
    "github": "shared-secret",
    "twilio": "shared-secret",
    "standard": "shared-secret",
    "standard-public": "third-party",
    "sendgrid": "third-party",
    "rsa": "third-party",
    "gitlab": "token",
    "mailgun": "token",
}
HMAC = 'type = "hmac"\nheader = "X-S"\n'
MISTAKES = [
    ("", "verification.type is missing; it is one of hmac, ed25519, rsa, ecdsa-p256, token, none."),
    ('type = "hmca"', "verification.type is 'hmca'; allowed are hmac, ed25519, rsa, ecdsa-p256, token, none."),
    ("type = 1", "verification.type is 1; allowed are"),
    ('type = ["hmac"]', "verification.type is ['hmac']; allowed are"),
    ('type = "hmac"', "verification.header must say where it stands; give exactly one of header, body."),
    (HMAC + 'body = "/s"', "verification.header must say where it stands; give exactly one of header, body."),
    (HMAC + 'hsah = "sha1"', "verification.hsah is not known with type = 'hmac' (did you mean hash?); allowed are"),
    (
        HMAC + 'xyz = "sha1"',
        "verification.xyz is not known with type = 'hmac'; allowed are type, id, header, body,",
    ),
    (HMAC + 'hash = "md5"', "verification.hash is 'md5'; allowed are sha1, sha256, sha512."),
    (HMAC + 'secret = "pem"', "verification.secret is 'pem'; allowed are text, base64, hex, whsec."),
    (HMAC + 'encoding = "base32"', "verification.encoding is 'base32'; allowed are hex, base64, base64url."),
    (HMAC + 'prefix = ""', "verification.prefix is empty; it must be a text."),
    (HMAC + "prefix = 1", "verification.prefix must be a text."),
    (HMAC + 'format = "pairs"', "verification.pair is missing; with format = 'pairs' it is the key of signatures"),
    (HMAC + 'pair = "v1"', "verification.pair needs format = 'pairs'."),
    (HMAC + 'separator = ";"', "verification.separator needs format = 'pairs'."),
    (HMAC + 'signed = "{bdoy}"', "verification.signed is no template ({bdoy} is not known); allowed are {body}, "),
    (HMAC + 'signed = "{body!r}"', "verification.signed is no template ({body} is not known); allowed are"),
    (HMAC + 'signed = "{header}"', "verification.signed is no template ({header} is not known); allowed are"),
    (HMAC + 'signed = "{header:a b}"', "verification.signed is no template ('a b' is no name of a header); allowed"),
    (HMAC + 'signed = "{body"', "verification.signed is no template (expected '}' before end of string); allowed"),
    (HMAC + 'signed = "{timestamp}{body}"', "verification.signed contains {timestamp}; say in the table timestamp"),
    (HMAC + 'signed = "{id}{body}"', "verification.signed contains {id}; say in the table id where it stands."),
    (HMAC + "timestamp = 300", "verification.timestamp must be a table."),
    (HMAC + 'timestamp = { header = "X-T" }', "verification.timestamp proves nothing, because it is not signed; let"),
    (HMAC + 'timestamp = { pair = "t" }', "verification.timestamp.pair needs signatures with format = 'pairs'."),
    (
        HMAC + "timestamp = { tolerance = 3 }",
        "verification.timestamp.header must say where it stands; give exactly one",
    ),
    (HMAC + 'timestamp = { body = "/t", unit = "m" }', "verification.timestamp.unit is 'm'; allowed are s, ms, iso."),
    (HMAC + 'timestamp = { body = "/t", tolerance = 0 }', "verification.timestamp.tolerance must be a whole number"),
    (HMAC + 'timestamp = { body = "/t", tolerance = true }', "verification.timestamp.tolerance must be a whole number"),
    (
        HMAC + 'timestamp = { body = "/t", tolernace = 1 }',
        "verification.timestamp.tolernace is not known (did you mean tolerance?); allowed",
    ),
    (HMAC + 'id = { header = "a b" }', "verification.id.header must be the name of a header: letters, digits and hyp"),
    (HMAC + 'id = { body = "id" }', "verification.id.body is 'id'; allowed is a JSON Pointer such as /data/object"),
    ('type = "hmac"\nheader = []', "verification.header must name a header."),
    ('type = "hmac"\nheader = ["X-S", 1]', "verification.header must be a text or a list of texts."),
    ('type = "hmac"\nheader = ["A", "B"]\nformat = "pairs"\npair = "s"', "verification.header must be one header with"),
    (
        'type = "hmac"\nbody = "/s"\nformat = "space"',
        "verification.format must be 'single' for a signature in the body",
    ),
    ('type = "ed25519"\nheader = "X-S"\nhash = "sha1"', "verification.hash is not known with type = 'ed25519'; "),
    ('type = "token"\nheader = "X-S"\nsigned = "{body}"', "verification.signed is not known with type = 'token'; "),
    ('type = "none"\nheader = "X-S"', "verification.header is not known with type = 'none'; allowed are type, id."),
]


def test_a_mistake_is_told_by_its_key_and_what_is_allowed():
    for text, message in MISTAKES:
        with pytest.raises(ProfileError) as caught:
            read_scheme(tomllib.loads(text))
        assert str(caught.value).startswith(f"profile.toml: {message}"), text


def test_a_scheme_says_what_its_signatures_prove():
    assert {name: read_scheme(TABLES[name]).proof for name in PROOFS} == PROOFS
    assert read_scheme({"type": "none"}).proof == "none"
    assert read_scheme({"type": "rsa", "header": "X-S", "signed": "{url}"}).proof == "token"


def test_a_template_is_literal_text_and_fields_and_doubled_braces_are_braces():
    template = compile_template("é{{{timestamp}}}{header:X-A}{body}.{url}{method}{form}{id}")
    assert template.parts == (
        "é{".encode(),
        Field("timestamp"),
        b"}",
        Field("header", "x-a"),
        Field("body"),
        b".",
        *(Field("url"), Field("method"), Field("form"), Field("id")),
    )


def test_schemes_are_frozen_and_equal_tables_make_equal_ones():
    for table in TABLES.values():
        scheme = read_scheme(table)
        assert scheme == read_scheme(table)
        with pytest.raises(AttributeError):
            scheme.proof = "none"


def test_the_packages_text_names_every_key():
    named = set(re.findall(r"^(\w+) {2,}", schemes.__doc__, re.MULTILINE))
    with pytest.raises(ProfileError, match="allowed are") as caught:
        read_scheme({"type": "hmac", "@": 1})
    allowed = str(caught.value).partition("allowed are ")[2].rstrip(".").split(", ")
    assert named == set(allowed)


def test_each_detail_is_a_short_sentence_without_a_subject_of_its_own():
    assert len(set(Detail)) == 18
    for detail in Detail:
        assert re.fullmatch(r"[a-z][A-Za-z, :]{8,80}", detail), detail
