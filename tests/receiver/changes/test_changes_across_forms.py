"""What `changes` says where a body of the platform's old form meets one of the new form."""

import json
from functools import partial
from typing import Any

import pytest

from receiver.changes import differ
from receiver.changes.change import Snapshot
from receiver.changes.differ import Differ
from receiver.senders import CENTURYLINK

FLAT = {
    "accountAlias": "ACME", "accountUri": "/v2/accounts/ACME", "cpu": 2, "description": "Shop", "diskCount": 1,
    "groupUri": "/v2/serverGroups/WA1/4491", "id": "109945",
    "ipAddresses": [{"address": "203.0.113.9"}, {"address": "10.1.2.3"}, {"address": "10.1.2.4"}],
    "isTemplate": False, "locationAlias": "WA1", "memoryMB": 4096, "name": "WA1ACMEWEB01", "osType": "CentOS 6 64-bit",
    "powerState": "Started", "status": "Active", "storageGB": 24, "uri": "/v2/servers/WA1/WA1ACMEWEB01",
}  # fmt: skip
PAIRED = [{"public": "203.0.113.9", "internal": "10.1.2.3"}, {"internal": "10.1.2.4"}]
NEW: dict[str, Any] = {
    "id": "wa1acmeweb01", "name": "WA1ACMEWEB01", "description": "Shop", "groupId": "2a5c", "isTemplate": False,
    "locationId": "WA1", "osType": "CentOS 6 64-bit", "os": "centOS6_64Bit", "status": "active", "type": "standard",
    "details": {
        "ipAddresses": PAIRED, "secondaryIPAddresses": [], "alertPolicies": [], "cpu": 2, "diskCount": 1,
        "memoryMB": 4096, "powerState": "started", "storageGB": 24.0, "disks": [{"id": "0:0", "sizeGB": 24}],
        "inMaintenanceMode": False, "snapshots": [], "customFields": [{"id": 22, "value": "IT"}],
    },
    "changeInfo": {"modifiedBy": "kim", "modifiedDate": "2026-03-04T12:00:00Z"},
    "links": [{"rel": "account", "id": "acme"}],
}  # fmt: skip
OLD_ACCOUNT = {
    "uri": "/v2/accounts/RLS1", "alias": "RLS1", "businessName": "Toys", "addressLine1": "110th Ave",
    "city": "Bellevue", "telephone": "800-BUY-TOYS", "fax": None, "status": "Active",
}  # fmt: skip
NEW_ACCOUNT = {
    "accountAlias": "rls1", "businessName": "Toys", "addressLine1": "110th Ave", "city": "Bellevue",
    "telephone": "800-BUY-TOYS", "status": "Active", "isManaged": True, "parentAlias": "T3N",
    "links": [{"rel": "self", "href": "/v2/accounts/RLS1"}], "primaryDataCenter": "WA1",
}  # fmt: skip

changes_of = partial(differ.list_changes, Differ(CENTURYLINK.comparison))


def shown(before, now, category="Server"):
    """Return what is no noise; an `unseen` row is left out, as it says that nothing shows."""
    states = [Snapshot(category, "Updated", json.dumps(body).encode()) for body in (before, now)]
    rows = changes_of(*states)
    return [
        (row.path, row.kind, row.old_value and json.loads(row.old_value), row.new_value and json.loads(row.new_value))
        for row in rows
        if not row.noise and row.kind != "unseen"
    ]


def with_addresses(body, addresses):
    if body is FLAT:
        return {**FLAT, "ipAddresses": [{"address": text} for text in addresses]}
    return {**NEW, "details": {**NEW["details"], "ipAddresses": addresses}}


def with_details(**details):
    return {**NEW, "details": {**NEW["details"], **details}}


def without(body, *fields):
    return {key: value for key, value in body.items() if key not in fields}


def test_another_form_alone_changes_nothing():
    assert shown(FLAT, NEW) == []
    assert shown(NEW, FLAT) == []
    assert shown(OLD_ACCOUNT, NEW_ACCOUNT, "Account") == []
    assert shown(NEW_ACCOUNT, OLD_ACCOUNT, "Account") == []


def test_a_secondary_address_of_the_new_form_is_one_that_the_old_form_listed_with_the_others():
    now = with_details(ipAddresses=PAIRED[:1], secondaryIPAddresses=PAIRED[1:])
    assert shown(FLAT, now) == []
    assert shown(now, FLAT) == []


def test_a_public_address_that_comes_shows_across_forms():
    [item, other] = PAIRED
    both_public = [item, {**other, "public": "198.51.100.7"}]
    assert shown(FLAT, with_addresses(NEW, both_public)) == [
        ("details.ipAddresses[10.1.2.4].public", "added", None, "198.51.100.7")
    ]
    now = with_addresses(FLAT, ["203.0.113.9", "198.51.100.7", "10.1.2.3", "10.1.2.4"])
    assert shown(NEW, now) == [("details.ipAddresses[198.51.100.7]", "added", None, {"public": "198.51.100.7"})]


def test_an_address_that_goes_shows_across_forms():
    assert shown(FLAT, with_addresses(NEW, [{"internal": "10.1.2.3"}, {"internal": "10.1.2.4"}])) == [
        ("details.ipAddresses[203.0.113.9]", "removed", {"public": "203.0.113.9"}, None)
    ]
    assert shown(NEW, with_addresses(FLAT, ["10.1.2.3", "10.1.2.4"])) == [
        ("details.ipAddresses[10.1.2.3].public", "removed", "203.0.113.9", None)
    ]
    assert shown(FLAT, with_addresses(NEW, PAIRED[:1])) == [
        ("details.ipAddresses[10.1.2.4]", "removed", {"internal": "10.1.2.4"}, None)
    ]


def test_lists_in_which_an_address_comes_twice_show_only_what_differs():
    twice = with_addresses(FLAT, ["203.0.113.9", "203.0.113.9", "10.1.2.3", "10.1.2.4"])
    assert shown(twice, NEW) == []
    [row] = shown(twice, with_addresses(NEW, [*PAIRED, {"public": "198.51.100.7"}]))
    assert row[:2] == ("details.ipAddresses", "changed")


@pytest.mark.parametrize("field", ["diskCount", "memoryMB", "powerState", "storageGB"])
def test_a_detail_that_both_forms_have_shows_when_it_comes_or_goes(field):
    value = NEW["details"][field]
    assert shown(without(FLAT, field), NEW) == [(f"details.{field}", "added", None, value)]
    assert shown(NEW, without(FLAT, field)) == [(f"details.{field}", "removed", value, None)]


@pytest.mark.parametrize("field", ["description", "isTemplate", "name", "osType", "status"])
def test_a_field_that_both_forms_have_shows_when_it_comes_or_goes(field):
    assert shown(without(FLAT, field), NEW) == [(field, "added", None, NEW[field])]
    assert shown(NEW, without(FLAT, field)) == [(field, "removed", NEW[field], None)]


@pytest.mark.parametrize("field", ["businessName", "addressLine1", "city", "telephone", "status"])
def test_a_field_of_accounts_that_both_forms_have_shows_when_it_comes_or_goes(field):
    value = NEW_ACCOUNT[field]
    assert shown(without(OLD_ACCOUNT, field), NEW_ACCOUNT, "Account") == [(field, "added", None, value)]
    assert shown(NEW_ACCOUNT, without(OLD_ACCOUNT, field), "Account") == [(field, "removed", value, None)]


@pytest.mark.parametrize("blank", [None, ""])
def test_a_field_that_says_nothing_is_no_difference_across_forms(blank):
    assert shown({**FLAT, "description": blank}, without(NEW, "description")) == []
    assert shown({**NEW, "description": blank}, {**FLAT, "description": "" if blank is None else None}) == []


def test_a_body_without_details_takes_nothing_away_from_the_old_form():
    early = {**without(NEW, "details"), "status": "queuedForRestore"}
    assert shown(FLAT, early) == [("status", "changed", "Active", "queuedForRestore")]
