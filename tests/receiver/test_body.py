"""Which bodies are taken, and that DuckDB's JSON type takes each of them."""

import json
import re

import duckdb
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from receiver.senders.request import BodyError, parse_body
from tests.support import bodies
from tests.support.sizes import size

DIGITS_5000 = b"9" * 5000
FORMS = {name: value for name, value in vars(bodies).items() if isinstance(value, bytes)}


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        yield connection


def stored_and_read_back(duck, raw):
    """Return the text that DuckDB keeps of a body, and what it extracts as the member `k`."""
    query = "SELECT j::VARCHAR, j->>'k', json_keys(j) FROM (SELECT ?::VARCHAR::JSON AS j)"
    return duck.execute(query, [raw.decode()]).fetchall()[0]


REFUSED = {
    "nothing": b"",
    "white space": b" \n",
    "NaN": b'{"k":NaN}',
    "Infinity": b'{"k":Infinity}',
    "-Infinity": b'{"k":-Infinity}',
    "byte-order mark": b'\xef\xbb\xbf{"k":1}',
    "UTF-16": '{"k":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"k":1}'.encode("utf-16-le"),
    "Latin-1": b'{"k":"\xe9"}',
    "overlong UTF-8": b'{"k":"\xc0\x80"}',
    "beyond Unicode": b'{"k":"\xf4\x90\x80\x80"}',
    "escaped high surrogate": b'{"k":"\\ud800"}',
    "escaped low surrogate": b'{"k":"\\udc00x"}',
    "escaped surrogates the wrong way round": b'{"k":"\\udc00\\ud800"}',
    "surrogate in a key": b'{"\\ud800":1}',
    "raw surrogate": b'{"k":"\xed\xa0\x80"}',
    "raw surrogate pair": b'{"k":"\xed\xa0\xbd\xed\xb8\x80"}',
    "second document": b"{}{}",
    "something after it": b'{"k":1}x',
    "NUL after it": b"{}\x00",
    "trailing comma in an object": b'{"k":1,}',
    "trailing comma in an array": b'{"k":[1,]}',
    "comment": b'{/*k*/"k":1}',
    "single quotes": b"{'k':1}",
    "raw NUL in a string": b'{"k":"\x00"}',
    "raw line end in a string": b'{"k":"\n"}',
    "raw NUL in a key": b'{"\x00":1}',
    "leading zero": b'{"k":01}',
    "leading plus": b'{"k":+1}',
    "no digit after the point": b'{"k":1.}',
    "no digit before the point": b'{"k":.5}',
    "hexadecimal": b'{"k":0x1}',
    "exponent without digits": b'{"k":1e}',
    "no-break space": b"\xc2\xa0{}",
    "cut off": b'{"k":"v',
    "nested 20,000 deep": b'{"k":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested 20,000 deep and cut off": b'{"k":' + b'{"k":' * 20_000,
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_what_is_no_strict_json_is_refused(raw):
    with pytest.raises(BodyError) as refusal:
        parse_body(raw)
    assert not refusal.value.is_json
    assert re.fullmatch(r"The body is not JSON in UTF-8: [ -~]+\.", refusal.value.detail)


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_a_fault_is_seen_before_and_behind_a_number_beyond_a_double(raw):
    for wrapped in (b'{"n":1e400,"x":' + raw + b"}", b'{"x":' + raw + b',"n":' + DIGITS_5000 + b"}"):
        with pytest.raises(BodyError):
            parse_body(wrapped)


@pytest.mark.parametrize(
    "number",
    b"01e400 +1e400 1.e400 .1e400 1e400.5 1e400e1 1e400-1 --1e400 - 1e400x 1-1e400 1.-1e400 1e-1e400 1e--1e400".split(),
)
def test_what_only_has_a_number_beyond_a_double_in_it_is_refused(number):
    for before in (b"", b'"n":1e400,'):
        with pytest.raises(BodyError):
            parse_body(b"{" + before + b'"k":' + number + b"}")


def test_a_lack_of_memory_makes_no_body_a_wrong_one(monkeypatch):
    def fail(raw):
        raise orjson.JSONDecodeError("Not enough memory to allocate buffer for parsing", raw.decode(), 0)

    monkeypatch.setattr(orjson, "loads", fail)
    with pytest.raises(MemoryError):
        parse_body(b"{}")


def test_the_sentence_says_what_is_wrong_and_where():
    with pytest.raises(BodyError) as plain:
        parse_body(b'{"k":1,}')
    assert plain.value.detail == (
        "The body is not JSON in UTF-8: trailing comma is not allowed: line 1 column 7 (char 6)."
    )
    with pytest.raises(BodyError) as behind_a_wide_number:
        parse_body(b'{"n":1e400,"k":1,}')
    assert behind_a_wide_number.value.detail == (
        "The body is not JSON in UTF-8: trailing comma is not allowed: line 1 column 17 (char 16)."
    )


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"[]", "an array"),
        (b'[{"k":1}]', "an array"),
        (b'"k"', "a string"),
        (b"7", "a number"),
        (b"7.5", "a number"),
        (b"1e400", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
    ],
)
def test_json_that_is_no_object_is_refused_as_such(raw, what):
    with pytest.raises(BodyError) as refusal:
        parse_body(raw)
    assert refusal.value.is_json
    assert refusal.value.detail == f"The body is not a JSON object but {what}."


ACCEPTED = {
    "nothing in it": (b"{}", {}),
    "white space around": (b' \r\n\t{ "k" : "v" } \n', {"k": "v"}),
    "5,000 digits": (b'{"k":' + DIGITS_5000 + b',"n":7}', {"k": 0, "n": 7}),
    "minus 5,000 digits": (b'{"k":-' + DIGITS_5000 + b"}", {"k": 0}),
    "1e400": (b'{"k":1e400}', {"k": 0}),
    "-1.5E+400": (b'{"k":-1.5E+400}', {"k": 0}),
    "1e400 far down": (b'{"a":[{"b":[1e400,"v"]}],"k":1.5}', {"a": [{"b": [0, "v"]}], "k": 1.5}),
    "1e400 in a string": (b'{"k":"1e400","n":1e400}', {"k": "1e400", "n": 0}),
    "1e400 in a key": (b'{"1e400":1e400}', {"1e400": 0}),
    "1e400 behind escapes": (b'{"k":"\\\\\\"1e400","n":1e400}', {"k": '\\"1e400', "n": 0}),
    "an exponent of 20 digits": (b'{"k":1e99999999999999999999}', {"k": 0}),
    "a fraction of 5,000 digits": (b'{"k":0.' + b"0" * 5000 + b"}", {"k": 0.0}),
    "too small for a double": (b'{"k":1e-400}', {"k": 0.0}),
    "0e400": (b'{"k":0e400}', {"k": 0.0}),
    "wider than 64 bits": (b'{"k":18446744073709551616}', {"k": 18446744073709551616.0}),
    "the last key counts": (b'{"k":1,"k":"v"}', {"k": "v"}),
    "the empty key": (b'{"":"v"}', {"": "v"}),
    "escaped NUL": (b'{"k":"a\\u0000b","\\u0000":1}', {"k": "a\x00b", "\x00": 1}),
    "escaped surrogate pair": (b'{"k":"\\ud83d\\ude00"}', {"k": "\U0001f600"}),
    "a backslash before ud800": (b'{"k":"\\\\ud800"}', {"k": "\\ud800"}),
    "non-characters": ('{"k":"\ufffe\uffff"}'.encode(), {"k": "\ufffe\uffff"}),
    "DEL and line separators": ('{"k":"\x7f\u2028\u2029"}'.encode(), {"k": "\x7f\u2028\u2029"}),
}


@pytest.mark.parametrize(("raw", "parsed"), ACCEPTED.values(), ids=ACCEPTED)
def test_odd_but_strict_json_is_taken_and_duckdb_keeps_its_text(duck, raw, parsed):
    assert parse_body(raw) == parsed
    assert stored_and_read_back(duck, raw)[0] == raw.decode()


def test_nesting_is_taken_a_thousand_deep_and_duckdb_keeps_its_text(duck):
    for innermost in (b"1", b"1e400"):
        raw = b'{"k":' + b"[" * 1000 + innermost + b"]" * 1000 + b"}"
        assert parse_body(raw).keys() == {"k"}
        assert stored_and_read_back(duck, raw)[0] == raw.decode()


def test_an_escaped_nul_is_text_like_any_other_to_duckdb(duck):
    raw = b'{"\\u0000":1,"k\\u0000":2,"k":"a\\u0000b"}'
    assert stored_and_read_back(duck, raw) == (raw.decode(), "a\x00b", ["\x00", "k\x00", "k"])


@pytest.mark.parametrize("raw", FORMS.values(), ids=FORMS)
def test_every_form_of_body_the_sender_writes_is_taken(duck, raw):
    assert parse_body(raw) == json.loads(raw)
    assert stored_and_read_back(duck, raw)[0] == raw.decode()


# A loaded machine makes examples slower, not wrong.
PATIENT = settings(max_examples=size(40, 100), deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOOD_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,400})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,4})?", fullmatch=True)
ESCAPES = st.sampled_from(["\\u0000", "\\ud83d\\ude00", "\\\\ud83d", "\\/", "\\n", '\\"', "\\\\", "1e400"])
CHARACTERS = st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1])
GOOD_STRINGS = st.lists(CHARACTERS | ESCAPES, max_size=3).map(lambda parts: '"' + "".join(parts) + '"')
GOOD = GOOD_NUMBERS | GOOD_STRINGS | st.sampled_from(["true", "false", "null", "1e400", "-" + "9" * 400])
BAD = st.sampled_from(["NaN", "-Infinity", "01e400", "1e400x", "", '"\\ud83d"', '"\\udc00"', '"\\x"', '"\x00"', "{}{}"])
SPACE = st.sampled_from(["", " ", "\t\r\n"])


def documents(values):
    """Make the texts of JSON objects, often with a member `k`, and of arrays."""
    members = st.tuples(SPACE, st.just('"k"') | GOOD_STRINGS, SPACE, st.just(":"), values, SPACE).map("".join)
    objects = st.lists(members, max_size=4).map(lambda some: "{" + ",".join(some) + "}")
    return objects | st.lists(values, max_size=4).map(lambda some: "[" + ",".join(some) + "]")


GOOD_BODIES = documents(st.recursive(GOOD, documents, max_leaves=6))


@st.composite
def raw_bodies(draw):
    """Make the bytes of a JSON document; in one of four a value is bad, and in one of four some bytes are."""
    raw = draw(GOOD_BODIES)
    spoilt = draw(st.integers(0, 3))
    if spoilt == 1:
        raw = f'{{"k":{raw},"x":{draw(BAD)}}}'
    raw = raw.encode()
    if spoilt == 2:
        start = draw(st.integers(0, len(raw)))
        raw = raw[:start] + draw(st.binary(max_size=2)) + raw[start + draw(st.integers(0, 2)) :]
    return raw


@PATIENT
@given(raw=raw_bodies())
@example(raw=b'{"k":1e400,"x":"\\ud800"}')
@example(raw=b'{"k":"\\u0000"}')
def test_duckdb_takes_whatever_is_taken_here_and_keeps_its_text(duck, raw):
    try:
        parsed = parse_body(raw)
    except BodyError:
        return
    text, member, keys = stored_and_read_back(duck, raw)
    assert text == raw.decode()
    assert set(keys) == set(parsed)
    assert "k" in parsed or member is None


@PATIENT
@given(raw=raw_bodies())
def test_whatever_is_strict_json_to_the_standard_library_is_taken(raw):
    def refuse(constant):
        raise ValueError(constant)

    def keep_duplicates(members):
        return "object", members

    try:
        expected = json.loads(
            raw.decode(), parse_constant=refuse, parse_int=str, parse_float=str, object_pairs_hook=keep_duplicates
        )
        json.dumps(expected, ensure_ascii=False).encode()
    except ValueError:
        with pytest.raises(BodyError):
            parse_body(raw)
        return
    if isinstance(expected, tuple):
        assert set(parse_body(raw)) == {key for key, _ in expected[1]}
    else:
        with pytest.raises(BodyError):
            parse_body(raw)


def test_more_than_a_thousand_numbers_beyond_a_double_are_refused():
    assert parse_body(b'{"k":[' + b"1e400," * 999 + b"1e400]}") == {"k": [0] * 1000}
    with pytest.raises(BodyError):
        parse_body(b'{"k":[' + b"1e400," * 1000 + b"1e400]}")


def test_a_large_hostile_body_is_refused_without_reading_it_over_and_over():
    for raw in (b'{"k":1e400,"x":"' + b'\\"' * 250_000, b'{"k":1e400,"x":"' + b"\\" * 500_001, b'"' * 500_001):
        with pytest.raises(BodyError):
            parse_body(raw)
