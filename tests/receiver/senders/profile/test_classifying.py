"""Which columns a profile gives a request: places in their order, events by their names, and whatever body there is."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.senders.pointers import follow, parse_pointer
from receiver.senders.profile.sources import compile_template, parse_time
from receiver.senders.request import BodyError
from receiver.senders.sender import MISSING
from tests.receiver.senders.profile.profiles import profile_of, shipped

RECEIVED = datetime(2026, 3, 2, 9, 15, 3, tzinfo=UTC)
RFC_6901 = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


def columns(profile, body, event=None, **headers):
    return profile.classify(event, {name.replace("_", "-"): text for name, text in headers.items()}, body, RECEIVED)


def test_pointers_are_those_of_rfc_6901():
    expected = {
        "": RFC_6901, "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/c%d": 2, "/e^f": 3, "/g|h": 4,
        "/i\\j": 5, '/k"l': 6, "/ ": 7, "/m~0n": 8,
    }  # fmt: skip
    assert {text: follow(RFC_6901, parse_pointer(text)) for text in expected} == expected
    assert parse_pointer("/~01") == ("~1",)
    for text in ("/foo/2", "/foo/-", "/foo/-1", "/foo/x", "/none", "/a~1b/c"):
        assert follow(RFC_6901, parse_pointer(text)) is MISSING


@pytest.mark.parametrize("text", ["{/a", "/a}", "{a}", "{header:}", "{header:x y}", "{/a~2}"])
def test_a_template_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"allowed|brace"):
        compile_template(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T09:15:00Z", (9, 15, 0, 0)),
        ("2026-03-02T10:15:00.123456789+01:00", (9, 15, 0, 123456)),
        ("2026-03-02 09:15:00 UTC", (9, 15, 0, 0)),
        ("2026-03-02 04:15:00 -0500", (9, 15, 0, 0)),
        ("2026-03-02T09:15:00", (9, 15, 0, 0)),
        ("Mon, 02 Mar 2026 04:15:00 -0500", (9, 15, 0, 0)),
        ("Mon, 02 Mar 2026 in the morning", None),
        ("1772442900", (9, 15, 0, 0)),
        ("1772442900.000200", (9, 15, 0, 200)),
        ("1772442900123", (9, 15, 0, 123000)),
        ("2026-03-02", None),
        ("17", None),
        ("9999999999999999", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
    ],
)
def test_times_are_read_as_senders_write_them(text, expected):
    found = parse_time(text)
    assert (found and (found.hour, found.minute, found.second, found.microsecond)) == expected
    assert found is None or (found.tzinfo is UTC and found.date() == RECEIVED.date())


def test_the_first_place_that_has_a_value_counts(tmp_path):
    profile = profile_of(
        tmp_path,
        columns="""
account_alias = { from = ["/a", "header:X-Account", "{/b}-{/c}"], case = "upper" }
actor = ["/who/name", "/who"]
""",
    )
    assert columns(profile, {"a": "kelp", "b": 1, "c": 2}).account_alias == "KELP"
    assert columns(profile, {"a": "", "b": 1, "c": 2}, x_account="moss").account_alias == "MOSS"
    assert columns(profile, {"a": None, "b": 1, "c": 2.0}).account_alias == "1-2"
    assert columns(profile, {"a": True, "b": 1}).account_alias is None
    assert [columns(profile, {"who": who}).actor for who in ({"name": "jo"}, "jo", {}, ["jo"])] == [
        "jo",
        "jo",
        None,
        None,
    ]


EVENTS = """
action = { created = ["*.created", "opened"], deleted = ["*.deleted"] }
[events."member.*"]
category = "team"
act = { path = "members[{/who}]", added = "/who" }
[events."member.created"]
entity_id = "/team"
[events."order.*"]
category = "/kind"
actor = "/by"
[events."order.deleted"]
action = "updated"
actor = []
[events."z*"]
category = "short"
[events."*x.paid"]
category = "long"
"""


def test_a_longer_name_of_an_event_counts_before_a_shorter_one(tmp_path):
    profile = profile_of(tmp_path, columns=EVENTS)

    def row(name, **body):
        found = columns(profile, {"type": name, "id": "i", **body})
        return found.category, found.entity_id, found.action, found.actor

    assert row("issue.created") == ("issue", "i", "Created", None)
    assert row("opened") == ("opened", "i", "Created", None)
    assert row("issue.deleted") == ("issue", "i", "Deleted", None)
    assert row("issue.deleted", id=None) == ("issue", None, None, None)
    assert row("issue.edited") == ("issue", "i", "Updated", None)
    # An act is never the creation of what it acts on.
    assert row("member.created", team="t") == ("team", "t", "Updated", None)
    assert row("order.created", kind="Big Order!", by="jo") == ("big_order", "i", "Created", "jo")
    assert row("order.deleted", by="jo") == ("order", "i", "Updated", None)
    assert row("z.x.paid")[0] == "long"
    assert row(None) == ("unknown", "i", "Updated", None)
    assert row("x" * 1000 + ".created")[2] == "Updated"


def test_an_event_is_stateless_by_the_longest_name_that_says_so_and_a_creation_or_deletion_never(tmp_path):
    more = """
    [events."thing.*"]
    stateless = true
    [events."thing.renamed"]
    stateless = false
    [events."thing.noted"]
    act = { path = "notes", added = "/note" }
    """
    rules = profile_of(tmp_path, more, 'action = { created = ["*.made"], deleted = ["*.gone"] }').rules
    events = ("thing.noted", "thing.moved", "thing.renamed", "thing.made", "thing.gone", "other", None)
    assert [event for event in events if rules.is_stateless(event)] == ["thing.noted", "thing.moved"]


def test_the_end_of_the_route_can_name_the_event(tmp_path):
    path = tmp_path / "profile.toml"
    profile_of(tmp_path)
    path.write_text(path.read_text().replace('"/type"', '["/type", "route"]'))
    from receiver.senders.profile import load_profile

    profile = load_profile(path)
    assert columns(profile, {}, "invoice.paid").event_type == "invoice.paid"
    assert columns(profile, {"type": "a"}, "invoice.paid").event_type == "a"


def test_a_category_has_the_letters_and_digits_of_any_script(tmp_path):
    profile = profile_of(tmp_path)
    expected = {
        "Счёт.оплачен": "счёт",
        "客户.更新": "客户",
        "Line  Item--2/x": "line",
        "__a--B__c.d": "a_b_c",
        "!": "unknown",
    }
    assert {name: columns(profile, {"type": name}).category for name in expected} == expected
    named = profile_of(tmp_path, '[events.a]\ncategory = "счёт_2"')
    assert columns(named, {"type": "a"}).category == "счёт_2"


def test_a_form_holds_json_in_its_first_field_or_is_the_object(tmp_path):
    profile = profile_of(tmp_path, '[body]\nform = ["payload", "*"]')
    assert profile.read_body(urlencode({"payload": '{"a": "é"}'}).encode()) == {"a": "é"}
    assert profile.read_body(b"payload=%7B%7D&payload=%7B%22a%22:1%7D") == {}
    assert profile.read_body(b"a=1&b=&a=2") == {"a": "2", "b": ""}
    assert profile.read_body(b"a[b]=1&payload={}") == {"a[b]": "1", "payload": "{}"}
    for body in (b"payload=[1]", b"payload=%7B", b"", b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 1001)):
        with pytest.raises(BodyError):
            profile.read_body(body)
    with pytest.raises(BodyError):
        profile_of(tmp_path).read_body(b"payload={}")


def test_json_is_never_read_as_a_form_whatever_its_texts_hold(tmp_path):
    profile = profile_of(tmp_path, '[body]\nform = ["payload", "*"]')
    for body in (b'{"a=":"&payload={}&"}', b' \t\r\n{"a=":"&payload={}&"}'):
        assert profile.read_body(body) == {"a=": "&payload={}&"}
    for body in (b'["&payload={}&"]', b'"a=&payload={}&"', b'a "b=&payload={}', b"&payload={}", b" payload={}"):
        with pytest.raises(BodyError, match="The body is not"):
            profile.read_body(body)


def test_a_form_that_does_not_begin_with_the_field_of_the_profile_is_refused(tmp_path):
    profile = profile_of(tmp_path, '[body]\nform = "payload"')
    with pytest.raises(BodyError, match="must begin with the field payload"):
        profile.read_body(b"a=1&payload=%7B%7D")


def test_slack_is_answered_with_its_challenge_alone_and_never_with_markup():
    slack = shipped()["slack"]
    assert slack.answer_handshake({}, {"type": "url_verification", "challenge": "3eZb-r_w.1"}) == (
        "text/plain",
        "3eZb-r_w.1",
    )
    for challenge in ("<b>", "a b", "", "a\n", "x" * 201, True, None, ["a"]):
        assert slack.answer_handshake({}, {"type": "url_verification", "challenge": challenge}) is None
    assert slack.answer_handshake({}, {"type": "event_callback", "challenge": "abc"}) is None
    assert slack.answer_handshake({}, {"challenge": "abc"}) is None
    assert shipped()["github"].answer_handshake({"x-github-event": "ping"}, {"zen": "Speak."}) is None


def test_a_handshake_needs_all_of_its_texts(tmp_path):
    profile = profile_of(tmp_path, '[handshake]\nwhen = { "/type" = "a", "header:X-Kind" = "b" }\necho = "/echo"')
    assert profile.answer_handshake({"x-kind": "b"}, {"type": "a", "echo": "c"}) == ("text/plain", "c")
    assert profile.answer_handshake({"x-kind": "c"}, {"type": "a", "echo": "c"}) is None
    assert profile.answer_handshake({"x-kind": "b"}, {"type": "b", "echo": "c"}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "action", "repository", "object_attributes", "changes", "from", "data", "object",
                         "id", "event", "channel", "previous_attributes", "labels", "name", "previous"])
        | st.text(max_size=3),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip
EVENT_NAMES = [
    "member.added",
    "issues.labeled",
    "push",
    "branch_protection_rule.edited",
    "repository",
    "",
    "*",
    "a" * 300,
]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=3) | st.sampled_from(["changes", "data", "type", "event", "repository"]), JSON),
       st.sampled_from(EVENT_NAMES))  # fmt: skip
def test_no_body_makes_a_shipped_profile_raise(body, name):
    headers = {"x-github-event": name, "x-shopify-topic": name, "x-event": name}
    for profile in shipped().values():
        found = profile.classify(name, headers, body, RECEIVED)
        assert isinstance(found.category, str)
        assert found.occurred_at.tzinfo is not None
        assert isinstance(list(profile.comparison.tell(found.event_type, body)), list)
        assert isinstance(list(profile.comparison.tell(name, body)), list)
        profile.answer_handshake(headers, body)
        profile.comparison.align(found.category, body, {})
