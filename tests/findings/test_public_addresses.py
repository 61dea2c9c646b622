"""Which public addresses are found, whatever form a server's bodies have and whatever time they claim."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics import connect
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.settings import Settings
from tests.support.sizes import take_few
from tests.support.stored import Received, store_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = RuleSet([rule for rule in load_rules().rules if rule.name == "public_address_added"], [])
SETTINGS = Settings(_env_file=None, time_zone="UTC", rules=None)
PUBLIC, OTHER, INTERNAL = "203.0.113.9", "198.51.100.7", "10.8.1.11"


def flat(*addresses):
    listed = [{"address": address} for address in addresses]
    return {"accountAlias": "ACME", "name": "WA1ACMEWEB01", "status": "Active", "cpu": 2, "ipAddresses": listed}


def paired(*items, modified="2026-03-01T00:00:00Z"):
    return {
        "name": "WA1ACMEWEB01",
        "status": "active",
        "details": {"ipAddresses": list(items), "cpu": 2},
        "changeInfo": {"modifiedBy": "eve", "modifiedDate": modified},
        "links": [{"rel": "account", "id": "acme"}],
    }


GONE = {"accountAlias": "ACME", "name": "WA1ACMEWEB01"}


def sentences(tmp_path, *sent, since=NOON - 30 * DAY, until=NOON + 30 * DAY):
    """Return what is found of notifications (event, days after noon, body)."""
    received = [Received(event, NOON + days * DAY, json.dumps(body)) for event, days, body in sent]
    with connect(str(store_of(tmp_path, received))) as client:
        found = find(client, since, until, rules=RULES, settings=SETTINGS)
    assert found.problems == []
    return [finding.sentence for finding in found.findings]


def added(*addresses, actor="eve"):
    what, were = ("address", "was") if len(addresses) == 1 else ("addresses", "were")
    which = f"public {what} {', '.join(addresses)}"
    deed = f"{actor} added the {which}" if actor else f"The {which} {were} added"
    return f"{deed} to WA1ACMEWEB01 of ACME."


def test_an_address_that_comes_with_the_old_form_after_the_new_one_is_found(tmp_path):
    before = paired({"public": PUBLIC, "internal": INTERNAL})
    sent = [("Server.Updated", 0, before), ("Server.Updated", 1, flat(PUBLIC, OTHER, INTERNAL))]
    assert sentences(tmp_path, *sent) == [added(OTHER, actor=None)]


def test_the_same_addresses_in_one_form_after_the_other_are_silent(tmp_path):
    old, new = flat(PUBLIC, INTERNAL), paired({"public": PUBLIC, "internal": INTERNAL})
    moved = paired({"public": PUBLIC, "internal": "10.8.1.99"})
    sent = [("Server.Updated", day, body) for day, body in enumerate([old, new, old, moved, old])]
    assert sentences(tmp_path, *sent) == []


def test_of_the_old_form_all_but_internal_addresses_are_public(tmp_path):
    internal = [INTERNAL, "172.20.0.1", "192.168.3.4", "169.254.0.7", "fd00::1", "FE80::1", "?", ""]
    body = flat(PUBLIC, *internal, "2001:db8::9", "172.32.0.1")
    found = [added("172.32.0.1", "2001:db8::9", PUBLIC, actor=None)]
    assert sentences(tmp_path, ("Server.Created", 0, body)) == found


@pytest.mark.parametrize("modified", take_few(["9999-12-31T23:59:59Z", "2026-03-05T00:00:00Z"], 1))
def test_a_time_that_is_still_to_come_hides_no_server_that_is_created_public(tmp_path, modified):
    body = paired({"public": PUBLIC, "internal": INTERNAL}, modified=modified)
    assert sentences(tmp_path, ("Server.Created", 0, body), until=NOON + timedelta(seconds=1)) == [added(PUBLIC)]


@pytest.mark.parametrize(("days", "found"), [(6.9, [added(PUBLIC)]), (7.1, [])])
def test_a_server_that_an_update_brings_back_is_looked_at_for_seven_days(tmp_path, days, found):
    back = paired({"public": PUBLIC, "internal": INTERNAL}, modified=(NOON + days * DAY).isoformat())
    assert sentences(tmp_path, ("Server.Deleted", 0, GONE), ("Server.Updated", days, back)) == found


def test_an_address_that_a_server_did_not_have_before_its_deletion_is_found_at_any_time_after_it(tmp_path):
    before, back = (
        paired(address, modified=(NOON + days * DAY).isoformat())
        for days, address in ((-1, {"internal": INTERNAL}), (20, {"public": PUBLIC, "internal": INTERNAL}))
    )
    sent = [("Server.Updated", -1, before), ("Server.Deleted", 0, GONE), ("Server.Updated", 20, back)]
    assert sentences(tmp_path, *sent) == [added(PUBLIC)]


def test_an_update_that_comes_again_as_a_deletion_makes_no_server_come_back_before_it(tmp_path):
    known = paired({"public": PUBLIC, "internal": INTERNAL})
    assert sentences(tmp_path, ("Server.Updated", 0, known), ("Server.Deleted", 1, known)) == []


INNER, PAIR = {"internal": INTERNAL}, {"internal": INTERNAL, "public": PUBLIC}
SECOND = "10.8.1.12"


def with_addresses(hour, **details):
    """Return an update at an hour of noon's day, with these lists of addresses."""
    body = paired(INNER, modified=(NOON + timedelta(hours=hour)).isoformat())
    return ("Server.Updated", hour / 24, {**body, "details": {**body["details"], **details}})


@pytest.mark.parametrize(
    ("befores", "details", "found"),
    take_few(
        [
            ({}, {"secondaryIPAddresses": [PAIR]}, [PUBLIC]),
            ({"ipAddresses": [PAIR]}, {"ipAddresses": [INNER], "secondaryIPAddresses": [PAIR]}, []),
            ({"secondaryIPAddresses": []}, {"secondaryIPAddresses": [PAIR]}, [PUBLIC]),
            ({"secondaryIPAddresses": [INNER]}, {"secondaryIPAddresses": [PAIR]}, [PUBLIC]),
            ({"secondaryIPAddresses": [PAIR]}, {"secondaryIPAddresses": [{**PAIR, "public": OTHER}]}, [OTHER]),
            ({"secondaryIPAddresses": [PAIR]}, {"secondaryIPAddresses": [PAIR, {"public": OTHER}]}, [OTHER]),
            ({"secondaryIPAddresses": [PAIR]}, {"secondaryIPAddresses": [INNER, PAIR, {"public": OTHER}]}, [OTHER]),
            ({"ipAddresses": [PAIR]}, {"ipAddresses": [INNER, INNER], "secondaryIPAddresses": [PAIR]}, []),
            ({"secondaryIPAddresses": [PAIR]}, {"secondaryIPAddresses": []}, []),
        ],
        3,
    ),
)
def test_a_secondary_address_is_found_like_any_other(tmp_path, befores, details, found):
    sent = [with_addresses(0, **befores), with_addresses(1, **details)]
    assert sentences(tmp_path, *sent) == [added(address) for address in found]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    take_few(
        [
            ([INNER], PAIR, [PUBLIC]),
            ([PAIR], PAIR, []),
            (None, PAIR, [PUBLIC]),
            (INNER, PAIR, [PUBLIC]),
            (PAIR, [PAIR], []),
            (PAIR, [PAIR, {"internal": SECOND, "public": OTHER}], [OTHER]),
            (PAIR, {**PAIR, "public": OTHER}, [OTHER]),
            (PAIR, INNER, []),
            (None, [PAIR, PAIR], [PUBLIC]),
        ],
        2,
    ),
)
def test_an_address_that_is_no_list_is_found(tmp_path, before, now, found):
    sent = [with_addresses(0, ipAddresses=before), with_addresses(1, ipAddresses=now)]
    assert sentences(tmp_path, *sent) == [added(address) for address in found]


@pytest.mark.parametrize("blank", take_few(["", None], 1))
def test_a_blank_address_is_none(tmp_path, blank):
    empty = {"internal": INTERNAL, "public": blank}
    sent = [
        with_addresses(0, ipAddresses=[INNER]),
        with_addresses(1, ipAddresses=[empty]),
        with_addresses(2, ipAddresses=[empty, {"internal": SECOND, "public": blank}]),
        with_addresses(3, ipAddresses=[empty, empty]),
        with_addresses(4, ipAddresses=empty),
        with_addresses(5, ipAddresses=[INNER], secondaryIPAddresses=[empty]),
        with_addresses(6, ipAddresses=[PAIR, {"internal": SECOND, "public": blank}]),
    ]
    assert sentences(tmp_path, *sent) == [added(PUBLIC)]


@pytest.mark.parametrize(
    ("details", "found"),
    take_few(
        [
            ({"ipAddresses": PAIR}, [PUBLIC]),
            ({"ipAddresses": [INNER], "secondaryIPAddresses": [PAIR]}, [PUBLIC]),
            ({"ipAddresses": [PAIR], "secondaryIPAddresses": [{"public": OTHER}]}, [OTHER, PUBLIC]),
            ({"ipAddresses": [{"internal": INTERNAL, "public": ""}]}, []),
        ],
        2,
    ),
)
def test_a_server_is_created_with_a_secondary_address_or_one_that_is_no_list_or_none(tmp_path, details, found):
    _, hour, body = with_addresses(0, **details)
    assert sentences(tmp_path, ("Server.Created", hour, body)) == ([added(*found)] if found else [])


def without_lists(hour):
    """Return an update at an hour whose details name no addresses."""
    event, days, body = with_addresses(hour)
    return event, days, {**body, "details": {"cpu": 2}}


def without_details(hour):
    """Return an update at an hour that has no details."""
    event, days, body = with_addresses(hour)
    return event, days, {name: value for name, value in body.items() if name != "details"}


TWO_OF_ONE = [PAIR, {**PAIR, "public": OTHER}]


@pytest.mark.parametrize("partial", [without_lists, without_details])
@pytest.mark.parametrize(
    ("before", "after", "found"),
    take_few(
        [
            ({"ipAddresses": [PAIR]}, {"ipAddresses": [PAIR]}, []),
            ({"ipAddresses": [INNER]}, {"ipAddresses": [PAIR]}, [PUBLIC]),
            ({"ipAddresses": PAIR}, {"ipAddresses": [PAIR]}, []),
            ({"ipAddresses": TWO_OF_ONE}, {"ipAddresses": TWO_OF_ONE}, []),
            ({"secondaryIPAddresses": [PAIR]}, {"secondaryIPAddresses": [PAIR]}, []),
            ({"ipAddresses": [PAIR]}, {"ipAddresses": [{**PAIR, "public": OTHER}]}, [OTHER]),
        ],
        2,
    ),
)
def test_an_address_that_a_body_does_not_name_is_not_taken_as_removed(tmp_path, partial, before, after, found):
    sent = [with_addresses(0, **before), partial(1), partial(2), with_addresses(3, **after)]
    assert sentences(tmp_path, *sent) == [added(address) for address in found]


@pytest.mark.parametrize("partial", take_few([without_lists, without_details], 1))
@pytest.mark.parametrize("between", take_few([[], [INNER]], 1))
def test_an_address_that_is_gone_when_a_body_names_the_others_again_is_found_when_it_comes_back(
    tmp_path, partial, between
):
    sent = [with_addresses(0, ipAddresses=[PAIR]), partial(1)]
    sent += [with_addresses(2, ipAddresses=between), with_addresses(3, ipAddresses=[PAIR])]
    assert sentences(tmp_path, *sent) == [added(PUBLIC)]


@pytest.mark.parametrize("partial", take_few([without_lists, without_details], 1))
@pytest.mark.parametrize("comes_back", [[], [without_details(3)]])
def test_an_address_that_a_body_did_not_name_before_a_deletion_is_found_when_the_server_comes_back(
    tmp_path, partial, comes_back
):
    sent = [with_addresses(0, ipAddresses=[PAIR]), partial(1), ("Server.Deleted", 2 / 24, GONE)]
    sent += [*comes_back, with_addresses(4, ipAddresses=[PAIR])]
    assert sentences(tmp_path, *sent) == [added(PUBLIC)]


@pytest.mark.parametrize("before", take_few([without_details(0), ("Server.Updated", 0, flat(INTERNAL))], 1))
def test_a_secondary_address_is_found_after_a_body_that_could_not_name_it(tmp_path, before):
    assert sentences(tmp_path, before, with_addresses(1, secondaryIPAddresses=[{"public": PUBLIC}])) == [added(PUBLIC)]
