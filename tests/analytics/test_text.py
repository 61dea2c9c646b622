"""How pages show names, bodies and fields that come from outside."""

import json

import pytest

from analytics.senders.phrases import format_text
from analytics.text import (
    as_markdown,
    list_fields,
    make_name_visible,
    make_payload_visible,
    make_visible,
    parse_payload,
    shorten,
)
from tests.support.readable_store import LONG_NAME


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\x00", "a\\nb\\u0000"),
        ("\ufeffé\u2066", "\\ufeffé\\u2066"),
        ("\U000e0041", "\\U000e0041"),
        ("日本 👩\u200d💻", "日本 👩\u200d💻"),
        ("ann\u3164 \u2800", "ann\\u3164 \\u2800"),
        ("ann\ufe00 zoë\u200d", "ann\\ufe00 zoë\\u200d"),
        ("WEB-\u200d01 a_\ufe0f", "WEB-\\u200d01 a_\\ufe0f"),
        *((kept, kept) for kept in ("\u2764\ufe0f", "1\ufe0f\u20e3", "#\ufe0f\u20e3", "نمی\u200cخ", "葛\U000e0100")),
    ],
)
def test_characters_that_hide_are_shown_as_escapes(text, seen):
    assert make_visible(text) == seen


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("   ", "“   ”"),
        ("\u3000", "“\u3000”"),
        ("\u200d \u200d", "“\u200d \u200d”"),
        ("\ufe0f", "“\ufe0f”"),
        ("\n", "\\n"),
        ("", ""),
    ],
)
def test_a_name_of_blanks_alone_stands_in_quotes(name, seen):
    assert (make_name_visible(name), shorten(name)) == (seen, seen)


@pytest.mark.parametrize(("text", "seen"), [("   ", "“   ”"), (" " * 61, f"“{' ' * 59}…”")])
def test_a_value_of_blanks_alone_stands_in_quotes_however_long_it_is(text, seen):
    assert format_text(text) == seen


def test_long_names_end_in_an_ellipsis():
    assert shorten(LONG_NAME, 10) == "LONG01234…"
    assert shorten("exactly ten", 11) == "exactly ten"
    assert len(shorten("\u202e" * 50, 20)) == 20


def test_markdown_of_a_name_has_every_sign_escaped():
    assert as_markdown("![x](y) <b> :red[z] $a$") == r"\!\[x\]\(y\) \<b\> \:red\[z\] \$a\$"


def test_a_payloads_fields_are_its_leaves_in_order():
    body = parse_payload('{"a":{"b":[1,{"c":"x\\u202e"}]},"d":[],"e":null,"f":1.50}')
    assert list(list_fields(body)) == [
        ("a.b[0]", "1"),
        ("a.b[1].c", "x\\u202e"),
        ("d", "[]"),
        ("e", "null"),
        ("f", "1.5"),
    ]


def test_an_absurdly_deep_payload_is_cut_not_an_error():
    deep = parse_payload("[" * 500 + "]" * 500)
    assert "deeper" in json.dumps(make_payload_visible(deep))
    assert parse_payload("[" * 20_000 + "]" * 20_000) is None
