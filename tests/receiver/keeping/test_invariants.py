"""The invariants: each says nothing of what is right and names what is wrong."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from receiver.changes.values import PLAIN
from receiver.keeping.verification.invariants import (
    Handed,
    Original,
    Violation,
    check_copy,
    check_handed,
    check_order,
    check_row,
)
from receiver.notification import NumberedNotification
from receiver.senders.centurylink.signature import load_public_key, sign
from receiver.senders.keys import compute_fingerprint, index_by_fingerprint, load_private_key
from receiver.senders.profile import load_shipped
from receiver.senders.profile.events import EventRules, Rules
from receiver.senders.sender import Sender
from tests.durability.support.promise import Kept, check_acknowledged
from tests.support.keys import key_directory
from tests.support.rows import NOON, notification, notification_of_github

ONE, TWO = UUID(int=1), UUID(int=2)
BODY = b'{"userName":"user1@acme.example","accountAlias":"ACME","n":1.50}'


def key():
    return load_public_key(key_directory() / "public.pem")


def keys():
    return index_by_fingerprint([key()])


def signature_of(body):
    from base64 import b64decode

    return b64decode(sign(load_private_key(key_directory() / "private.pem"), body))


def stored(seq=7, duplicate_of=None, **changed):
    noted = compute_fingerprint(key())
    right = {"payload": BODY, "signature": signature_of(BODY), "key_fingerprint": noted, **changed}
    return NumberedNotification(seq, notification(1, **right), duplicate_of)


def words(violations):
    return [(violation.what, violation.detail) for violation in violations]


def test_what_was_acknowledged_and_is_kept_once_with_its_bytes_is_right():
    assert list(check_acknowledged({ONE: "aa"}, [Kept(ONE, "aa", 1), Kept(TWO, "bb")])) == []


def test_what_is_in_neither_store_nor_spool_is_lost():
    (found,) = check_acknowledged({ONE: "aa", TWO: "bb"}, [Kept(ONE, "aa", 1)])
    assert found[:3] == ("lost", TWO, None)


def test_what_is_in_both_store_and_spool_is_doubled():
    (found,) = check_acknowledged({ONE: "aa"}, [Kept(ONE, "aa", 1), Kept(ONE, "aa")])
    assert found[:2] == ("doubled", ONE)


def test_other_bytes_than_those_acknowledged_are_altered():
    (found,) = check_acknowledged({ONE: "aa"}, [Kept(ONE, "ab", 3)])
    assert found[:3] == ("altered", ONE, 3)


def test_a_seq_that_does_not_grow_is_named_and_gaps_are_not():
    rows = [(1, ONE), (3, ONE), (3, TWO), (2, ONE), (4, TWO)]
    assert [found[:3] for found in check_order(rows)] == [("order", TWO, 3), ("order", ONE, 2)]
    assert [found.seq for found in check_order([(5, ONE)], after=5)] == [5]


def test_a_row_as_the_listener_makes_it_is_right():
    assert list(check_row(stored(), keys())) == []


def test_a_row_whose_route_left_the_action_open_is_right():
    assert list(check_row(stored(event_type=None, action=None), keys())) == []


@pytest.mark.parametrize("changed", [{"payload": BODY.replace(b"1.50", b"1.5")}, {"signature": None}])
def test_a_row_that_its_signature_does_not_sign_is_named(changed):
    (found,) = check_row(stored(**changed), keys())
    assert (found.what, found.seq) == ("signature", 7)
    assert "does not sign" in found.detail


def test_a_signature_that_is_good_though_marked_invalid_is_named():
    (found,) = check_row(stored(signature_status="invalid"), keys())
    assert "though signature_status is invalid" in found.detail
    assert list(check_row(stored(signature_status="invalid", signature=b"else"), keys())) == []
    assert list(check_row(stored(signature_status="invalid", signature=None), keys())) == []


def test_a_signature_that_is_there_though_marked_missing_is_named():
    assert words(check_row(stored(signature_status="missing"), keys())) == [
        ("signature", "It has a signature, though signature_status is missing.")
    ]
    assert list(check_row(stored(signature_status="missing", signature=None), keys())) == []


def test_an_unknown_signature_status_is_named():
    assert words(check_row(stored(signature_status="fine"), keys())) == [("signature", "Its signature_status is fine.")]


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"event_type": "User.Created"}, "Its event_type is User.Created, but payload and event make it User.Updated."),
        ({"account_alias": "ACMF"}, "Its account_alias is ACMF, but payload and event make it ACME."),
        ({"entity_id": None}, "Its entity_id is None, but payload and event make it USER1@ACME.EXAMPLE."),
        ({"actor": "kim"}, "Its actor is kim, but payload and event make it None."),
        ({"category": "Cloud"}, "There is no event of category Cloud and action Updated."),
        ({"action": "Notification"}, "There is no event of category User and action Notification."),
    ],
)
def test_a_derived_column_that_disagrees_with_the_payload_is_named(changed, detail):
    assert words(check_row(stored(**changed), keys())) == [("derived", detail)]


def test_an_id_of_another_time_than_received_at_is_named():
    right = stored()
    later = right.row.received_at + timedelta(seconds=1)
    moved = right._replace(row=right.row._replace(received_at=later, occurred_at=later))
    ((what, detail),) = words(check_row(moved, keys()))
    assert (what, "does not match the time in the id" in detail) == ("derived", True)


def test_a_payload_that_no_listener_accepts_is_named():
    body = b"[1]"
    ((what, detail),) = words(check_row(stored(payload=body, signature=signature_of(body)), keys()))
    assert (what, "not what the listener accepts" in detail) == ("derived", True)


def test_a_copy_with_its_original_is_right():
    right = Original(seq=3, is_copy=False, event_type="User.Updated", same_payload=True, is_valid=True)
    assert list(check_copy(stored(duplicate_of=ONE), right)) == []


@pytest.mark.parametrize(
    ("changed", "words_in_it"),
    [
        ({"seq": None}, "is not there"),
        ({"seq": 7}, "comes later, at seq 7"),
        ({"is_copy": True}, "is a copy itself"),
        ({"event_type": "User.Created"}, "is of another event"),
        ({"same_payload": False}, "is not that of its original"),
        ({"is_valid": False}, "has no valid one"),
    ],
)
def test_a_copy_without_its_original_is_named(changed, words_in_it):
    right = Original(seq=3, is_copy=False, event_type="User.Updated", same_payload=True, is_valid=True)
    original = right._replace(**changed)
    (found,) = check_copy(stored(duplicate_of=ONE), original)
    assert (found.what, found.seq) == ("duplicate_of", 7)
    assert words_in_it in found.detail


def test_what_has_no_valid_signature_may_be_the_copy_of_what_has_none():
    original = Original(seq=3, is_copy=False, event_type="User.Updated", same_payload=True, is_valid=False)
    for status in ("missing", "invalid"):
        assert list(check_copy(stored(duplicate_of=ONE, signature_status=status), original)) == []


@pytest.mark.parametrize(
    ("position", "before", "after", "in_store", "what"),
    [
        (5, 5, 5, True, None),
        (5, 4, 5, True, None),  # appended in between
        (5, 4, 5, False, None),
        (5, 4, 4, False, None),
        (5, 5, 5, False, "lost"),
        (5, 4, 4, True, "doubled"),
    ],
)
def test_a_spooled_row_is_stored_if_the_watermark_has_passed_it_and_else_waits(position, before, after, in_store, what):
    digest = sha256(BODY).hexdigest()
    row = Handed(ONE, position, before, after, digest, digest if in_store else None)
    assert [found.what for found in check_handed([row])] == ([what] if what else [])


def test_a_spooled_row_with_other_bytes_in_the_store_is_altered():
    assert [found.what for found in check_handed([Handed(ONE, 1, 1, 1, "aa", "ab")])] == ["altered"]


def test_a_violation_is_one_line():
    assert str(Violation("lost", ONE, 3, "It is gone.")) == (
        "lost seq 3 id 00000000-0000-0000-0000-000000000001: It is gone."
    )
    assert str(Violation("view", None, None, "It differs.")) == "view: It differs."


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"proof": "shared-secret"}, "Its proof is shared-secret, though its sender signs for anybody to check."),
        ({"signature_detail": "stale"}, "Its signature_detail is stale, though signature_status is valid."),
    ],
)
def test_a_proof_or_a_detail_that_can_not_be_is_named(changed, detail):
    assert words(check_row(stored(**changed), keys())) == [("signature", detail)]


def test_a_proof_that_the_signature_of_another_sender_does_not_give_is_named():
    github = load_shipped()["github"]
    for proof, found in (("shared-secret", []), ("third-party", ["signature"])):
        row = NumberedNotification(7, notification_of_github(1, "push", {"ref": "main"}, proof=proof), None)
        assert [violation.what for violation in check_row(row, keys(), github, lambda _: True)] == found
        assert list(check_row(row, keys(), github, lambda _: None)) == []


@pytest.mark.parametrize("wrong", [{"actor": "forged"}, {"entity_id": "acme/shop"}, {"account_alias": None}])
def test_a_column_that_body_and_profile_of_another_sender_do_not_make_is_named(wrong):
    github = load_shipped()["github"]
    nothing_told = replace(github, rules=EventRules(Rules(), (), (), ()))
    repository = {"full_name": "Acme/web", "owner": {"login": "Acme"}}
    right = notification_of_github(1, "repository", {"repository": repository, "sender": {"login": "ann"}})
    of_then = right._replace(action=None, account_alias=None, entity_id=None, actor=None)

    def check(row, *former):
        return words(check_row(NumberedNotification(7, row, None), {}, github, former=former))

    assert check(right) == check(right, nothing_told) == check(of_then, nothing_told) == []
    ((name, value),) = wrong.items()
    ((what, detail),) = check(right._replace(**wrong), nothing_told)
    made = f"Its {name} is {value}, but payload and profile make it {getattr(right, name)}: it was altered, or "
    lacking = "CLC_DATA_DIR/remembered_profiles lacks the profile under which it was received."
    assert (what, detail) == ("derived", made + lacking)


@pytest.mark.parametrize(
    "sender",
    [None, Sender(name="another", title="Another", account_category=None, comparison=PLAIN)],
    ids=["not known", "without a published key"],
)
def test_of_another_sender_all_is_checked_but_what_needs_its_secret_or_its_headers(sender):
    other = {"sender": "another", "category": "repository", "event_type": "push", "action": None, "proof": "token"}
    assert list(check_row(stored(**other, signature=b"else", payload=b'{"n":1}'), keys(), sender)) == []
    for wrong, what in (
        ({"payload": b"no json"}, "derived"),
        ({"received_at": NOON + timedelta(days=1)}, "derived"),
        ({"signature_status": "missing"}, "signature"),
        ({"signature_status": "fine"}, "signature"),
        ({"signature_detail": "stale"}, "signature"),
    ):
        row = stored(**other)
        found = check_row(row._replace(row=row.row._replace(**wrong)), keys(), sender)
        assert [violation.what for violation in found] == [what], wrong
