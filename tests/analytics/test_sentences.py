"""Changes in words."""

import json

import pytest

from analytics.senders import list_senders
from analytics.words.sentences import (
    Change,
    label_path,
    list_items,
    make_pattern,
    make_sentence,
    phrase,
    summarize_changes,
)

ABSENT = object()


def change(
    path, kind, old=ABSENT, new=ABSENT, *, category="Server", entity="WA1ACMEWEB01", actor="SVC_OPS", action=None
):
    old_value, new_value = (None if value is ABSENT else json.dumps(value) for value in (old, new))
    return Change(category, entity, actor, path, kind, old_value, new_value, action)


def user(path, kind, old=ABSENT, new=ABSENT, action=None):
    return change(path, kind, old, new, category="User", entity="KIM@ACME.EXAMPLE", actor=None, action=action)


ADDRESS = {"public": "203.0.113.9", "internal": "10.1.2.3"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            change("details.ipAddresses[10.1.2.3]", "added", new=ADDRESS),
            "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01",
        ),
        (
            change("details.ipAddresses[10.1.2.3].public", "added", new="203.0.113.9"),
            "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01",
        ),
        (
            change("details.ipAddresses[10.1.2.3].public", "removed", old="203.0.113.9"),
            "SVC_OPS removed public address 203.0.113.9 from WA1ACMEWEB01",
        ),
        (
            change("details.ipAddresses[10.1.2.3].public", "changed", "203.0.113.9", "203.0.113.10"),
            "SVC_OPS replaced public address 203.0.113.9 of WA1ACMEWEB01 by 203.0.113.10",
        ),
        (
            change("details.ipAddresses[10.1.2.4]", "removed", old={"internal": "10.1.2.4"}),
            "SVC_OPS removed internal address 10.1.2.4 from WA1ACMEWEB01",
        ),
        (
            change("details.disks[0:3]", "added", new={"id": "0:3", "sizeGB": 50, "partitionPaths": []}),
            "SVC_OPS added disk 0:3 (50 GB) to WA1ACMEWEB01",
        ),
        (
            change("details.disks[0:3].sizeGB", "changed", 14, 50.0),
            "SVC_OPS resized disk 0:3 of WA1ACMEWEB01 from 14 GB to 50 GB",
        ),
        (
            change("details.partitions[/boot].sizeGB", "changed", 0.482, 1.5),
            "SVC_OPS resized partition /boot of WA1ACMEWEB01 from 0.482 GB to 1.5 GB",
        ),
        (
            change("details.snapshots[Before, the upgrade]", "added", new={"name": "Before, the upgrade"}),
            "SVC_OPS added snapshot Before, the upgrade to WA1ACMEWEB01",
        ),
        (
            change("details.customFields[22].value", "changed", "IT-DEV", "IT OPS"),
            "SVC_OPS changed the value of custom field 22 of WA1ACMEWEB01 from IT-DEV to “IT OPS”",
        ),
        (change("details.cpu", "changed", 2, 4), "SVC_OPS changed the number of CPUs of WA1ACMEWEB01 from 2 to 4"),
        (
            change("details.memoryMB", "changed", 4096, 5000),
            "SVC_OPS changed the memory of WA1ACMEWEB01 from 4 GB to 5,000 MB",
        ),
        (change("details.powerState", "changed", "started", "Stopped"), "SVC_OPS powered WA1ACMEWEB01 off"),
        (change("details.inMaintenanceMode", "changed", False, True), "SVC_OPS put WA1ACMEWEB01 into maintenance mode"),
        (change("isTemplate", "changed", False, True), "SVC_OPS converted WA1ACMEWEB01 to a template"),
        (change("status", "changed", "active", "archived"), "SVC_OPS archived WA1ACMEWEB01"),
        (change("status", "changed", "archived", "active"), "SVC_OPS restored WA1ACMEWEB01"),
        (change("status", "changed", "active", "queuedForDelete"), "SVC_OPS queued WA1ACMEWEB01 for deletion"),
        (
            change("status", "changed", "underConstruction", "active"),
            "SVC_OPS changed the status of WA1ACMEWEB01 from underConstruction to active",
        ),
        (
            change("description", "changed", None, "My web server"),
            "SVC_OPS changed the description of WA1ACMEWEB01 from nothing to “My web server”",
        ),
        (
            change("details.hostName", "removed", old="web"),
            "SVC_OPS removed the host name from WA1ACMEWEB01 (it was web)",
        ),
        (change("", "added", action="Created"), "SVC_OPS created server WA1ACMEWEB01"),
        (change("", "added", action="Updated"), "Server WA1ACMEWEB01 is seen for the first time"),
        (change("", "added", old="deleted", action="Updated"), "Server WA1ACMEWEB01 came back after its deletion"),
        (
            change("", "added", old="deleted", action="Created"),
            "SVC_OPS created server WA1ACMEWEB01 again after its deletion",
        ),
        (
            user("", "added", old="deleted", action="Created"),
            "User KIM@ACME.EXAMPLE was created again after its deletion (actor not reported)",
        ),
        (change("", "removed", action="Deleted"), "SVC_OPS deleted server WA1ACMEWEB01"),
        (change("", "unseen"), "SVC_OPS updated WA1ACMEWEB01, but no visible field changed"),
        (
            user("", "unseen"),
            "KIM@ACME.EXAMPLE was updated, but no visible field changed (perhaps a password)",
        ),
        (user("", "added", action="Created"), "User KIM@ACME.EXAMPLE was created (actor not reported)"),
        (user("status", "changed", "Active", "Disabled"), "Somebody disabled KIM@ACME.EXAMPLE"),
        (user("status", "changed", "Disabled", "Active"), "Somebody enabled KIM@ACME.EXAMPLE"),
        (
            user("emailAddress", "changed", "kim@acme.example", "x@evil.example"),
            "Somebody changed the e-mail address of KIM@ACME.EXAMPLE from kim@acme.example to x@evil.example",
        ),
    ],
)
def test_a_change_is_told_in_a_sentence(told, expected):
    assert make_sentence(told) == expected


PUBLIC = "details.ipAddresses[10.1.2.3].public"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (change("details.cpu", "changed", "4", 4), "changed the number of CPUs from the text “4” to 4"),
        (change("details.cpu", "changed", 4, "4"), "changed the number of CPUs from 4 to the text “4”"),
        (change("details.cpu", "changed", "4", "8"), "changed the number of CPUs from 4 to 8"),
        (change("details.memoryMB", "changed", "4096", 4096), "changed the memory from the text “4096” to 4 GB"),
        (change("isManaged", "changed", True, "yes"), "changed the managed state from yes to the text “yes”"),
        (
            change("description", "changed", None, "nothing"),
            "changed the description from nothing to the text “nothing”",
        ),
        (change("details.disks[0:1].sizeGB", "changed", "2", 2), "resized disk 0:1 from the text “2” to 2 GB"),
        (change("details.disks[0:1].sizeGB", "changed", None, 2), "changed the size of disk 0:1 from nothing to 2 GB"),
        (change("groupId", "changed", None, "a1"), "changed the group from nothing to a1"),
        (change("groupId", "changed", "a1", "b2"), "moved it from group a1 to group b2"),
        (
            change("description", "changed", "x" * 80, "x" * 80 + "y"),
            f"changed the description (it begins with {'x' * 59}… before and after)",
        ),
        (
            change("details.tags", "changed", ["x" * 80, "a"], ["x" * 80, "two words"]),
            "changed the tags by removing a and adding “two words”",
        ),
        (
            change("details.tags", "changed", [1, 2.0, "b"], [True, 2, "b"]),
            "changed the tags by removing 1 and adding yes",
        ),
        (change("details.tags", "changed", ["a", "a"], ["a"]), "changed the tags by removing a"),
        (
            change("details.tags", "changed", [], [f"t{number}" for number in range(1_007)]),
            "changed the tags by adding t0, t1, t2, t3, t4 and 1,002 more",
        ),
        (change("details.tags", "changed", [[1]], [[2]]), "changed the tags from [[1]] to [[2]]"),
        (change("details.tags", "changed", [1], ["1"]), 'changed the tags from [1] to ["1"]'),
        (change("details.tags", "changed", [True], ["yes"]), 'changed the tags from [true] to ["yes"]'),
        (change("details.tags", "changed", ["a"], ["a", None]), "changed the tags by adding null"),
        (
            change("details.tags", "changed", ["x" * 80], ["x" * 81]),
            f'changed the tags (it begins with ["{"x" * 57}… before and after)',
        ),
        (
            change("details.tags", "changed", [["x" * 80]], [["x" * 80, "y"]]),
            f'changed the tags (it begins with [["{"x" * 56}… before and after)',
        ),
        (change(PUBLIC, "changed", None, "203.0.113.9"), "added public address 203.0.113.9"),
        (change(PUBLIC, "changed", "", "203.0.113.9"), "added public address 203.0.113.9"),
        (change(PUBLIC, "changed", "203.0.113.9", None), "removed public address 203.0.113.9"),
        (change(PUBLIC, "changed", "203.0.113.9", ""), "removed public address 203.0.113.9"),
        (change(PUBLIC, "changed", "", None), "changed the public address from “” to nothing"),
        (change(PUBLIC, "changed", None, ""), "changed the public address from nothing to “”"),
        (change(PUBLIC, "added", new=""), "added an empty public address"),
        (change(PUBLIC, "removed", old=None), "removed an empty public address"),
        (change("details.ipAddresses.public", "added", new="203.0.113.9"), "added public address 203.0.113.9"),
        (change("details.secondaryIPAddresses.public", "changed", "", "1.2.3.4"), "added public address 1.2.3.4"),
    ],
)
def test_two_values_that_differ_are_not_told_alike_and_none_is_no_address(told, expected):
    assert phrase(told).make_sentence_alone() == expected


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("pushed_at", 1795552425, 1795552725, "from 2026-11-24 20:33:45 UTC to 2026-11-24 20:38:45 UTC"),
        ("plan.canceledAt", None, 1795552425999, "from nothing to 2026-11-24 20:33:45 UTC"),
        ("pushed_at", 7, 25_123_456, "from 7 to 25,123,456"),
        ("sentAt", 1795552425001, 1795552425002, "from 1,795,552,425,001 to 1,795,552,425,002"),
        ("repeat", 1795552425, 1795552725, "from 1,795,552,425 to 1,795,552,725"),
    ],
)
def test_a_number_of_a_field_of_moments_is_told_as_its_moment(path, old, new, expected):
    assert make_sentence(change(path, "changed", old, new)).endswith(expected)


def test_an_address_that_comes_or_goes_by_a_change_reads_with_actor_and_server():
    came = change(PUBLIC, "changed", None, "203.0.113.9")
    assert make_sentence(came) == "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01"
    went = change(PUBLIC, "changed", "203.0.113.9", "")
    assert make_sentence(went) == "SVC_OPS removed public address 203.0.113.9 from WA1ACMEWEB01"


def test_without_who_and_of_what_the_rest_still_reads():
    assert (
        phrase(change("details.powerState", "changed", "stopped", "started")).make_sentence_alone() == "powered it on"
    )
    assert (
        phrase(change("details.cpu", "changed", 2, 4)).make_sentence_alone() == "changed the number of CPUs from 2 to 4"
    )
    assert phrase(user("status", "changed", "Active", "Disabled")).make_sentence_alone() == "disabled"
    assert (
        phrase(user("", "added", "deleted", action="Updated")).make_sentence_alone() == "came back after its deletion"
    )
    assert (
        phrase(user("", "added", "deleted", action="Created")).make_sentence_alone()
        == "created again after its deletion"
    )


def test_changes_of_one_notification_are_told_together_each_once_and_the_first_three():
    resized = [
        change("details.cpu", "changed", 2, 4),
        change("details.memoryMB", "changed", 4096, 8192),
        change("details.ipAddresses[10.1.2.3].public", "added", new="203.0.113.9"),
        change("details.ipAddresses[10.1.2.3]", "added", new=ADDRESS),
        change("details.storageGB", "changed", 50, 66),
        change("description", "changed", "a", "b"),
    ]
    assert summarize_changes(resized) == (
        "changed the number of CPUs from 2 to 4; changed the memory from 4 GB to 8 GB; "
        "added public address 203.0.113.9; and 2 more changes"
    )


def test_what_can_not_be_seen_is_spelled_and_what_is_long_is_cut():
    told = make_sentence(change("description", "changed", "a\u202eb", "x" * 10_000, entity="WA1\u2066" + "L" * 5_000))
    assert "a\\u202eb" in told
    assert "\u2066" not in told
    assert len(told) < 300


@pytest.mark.parametrize("deep", ["[" * 900 + "1" + "]" * 900, '{"a":' * 900 + "1" + "}" * 900])
def test_a_value_that_is_nested_deep_is_told_by_its_begin(deep):
    told = summarize_changes([change("x", "changed")._replace(old_value=deep, new_value="1")])
    assert told.startswith(f"changed the x from {deep[:20]}")
    assert told.endswith(" to 1")
    assert len(told) < 120


@pytest.mark.parametrize("value", ["{who}", "%s", "{0.__class__}", "<b>", "of WA1 from"])
def test_text_from_outside_is_never_a_template(value):
    told = make_sentence(change("details.hostName", "changed", value, f"{value}2", entity=value.upper(), actor=value))
    assert told.startswith(f"{value} changed the host name of {value.upper()} from ")


@pytest.mark.parametrize(
    ("path", "pattern", "items", "label"),
    [
        ("status", "status", [], "status"),
        ("details.disks[0:3].sizeGB", "details.disks[].sizeGB", ["0:3"], "size of disk 0:3"),
        ("details.partitions[(swap)]", "details.partitions[]", ["(swap)"], "partition (swap)"),
        ("links[publicIPAddress 74.41.155.112]", "links[]", ["publicIPAddress 74.41.155.112"],
         "link publicIPAddress 74.41.155.112"),
        ('details."odd.key"', "details.odd.key", [], "odd.key"),
        ('details.snapshots["a]b \\"c\\""].name', "details.snapshots[].name", ['a]b "c"'], 'name of snapshot a]b "c"'),
        ("details.cpuAutoscalePolicy.id", "details.cpuAutoscalePolicy.id", [], "id of the CPU autoscale policy"),
        ("details.cpuAutoscalePolicy.links[self]", "details.cpuAutoscalePolicy.links[]", ["self"],
         "link self of the CPU autoscale policy"),
        ("alerts[7].values.B", "alerts[].values.B", ["7"], "B of the values of alert 7"),
    ],
)  # fmt: skip
def test_a_path_is_taken_apart_and_named(path, pattern, items, label):
    assert (make_pattern(path), list_items(path), label_path(path, list_senders()[0].wording)) == (
        pattern,
        items,
        label,
    )


@pytest.mark.parametrize("path", ["[", ".", "a..b", '"', "a[b", "]", "a]", '["x', "", "\x00", "a." * 500])
def test_what_is_no_path_is_still_told(path):
    assert make_sentence(change(path, "changed", 1, 2))


@pytest.mark.parametrize("value", ["1e999", "123456789012345678901234567890", "[[[[", "nonsense"])
def test_a_value_that_can_not_be_parsed_is_still_told(value):
    told = Change("Server", "WA1ACMEWEB01", None, "details.cpu", "changed", "1", value)
    before, _, now = make_sentence(told).rpartition(" to ")
    assert before == "Somebody changed the number of CPUs of WA1ACMEWEB01 from 1"
    assert now.replace(",", "")[:9] == value[:9]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (change("pushed_at", "changed", 1772442900, 1772442960),
         "changed the field “pushed at” of WA1ACMEWEB01 from 2026-03-02 09:15:00 UTC to 2026-03-02 09:16:00 UTC"),
        (change("commits[1a2b].closed_by", "changed", "ann", "kim"),
         "changed the field “closed by” of commit 1a2b of WA1ACMEWEB01 from ann to kim"),
        (change("head.merged_at", "removed", "now"),
         "removed the field “merged at” of the head from WA1ACMEWEB01 (it was now)"),
        (change("hasWiki", "changed", True, False), "set the field “has wiki” of WA1ACMEWEB01 to no"),
        (change("archived", "added", new=True), "set the field “archived” of WA1ACMEWEB01 to yes"),
        (change("archived", "removed", True), "removed the field “archived” from WA1ACMEWEB01 (it was yes)"),
        (change("private", "changed", True, False), "set private of WA1ACMEWEB01 to no"),
        (change("format", "changed", "a", "b"), "changed the format of WA1ACMEWEB01 from a to b"),
        (change("plan_since_year", "changed", 1, 2), "changed the plan since year of WA1ACMEWEB01 from 1 to 2"),
    ],
)  # fmt: skip
def test_a_field_whose_name_is_no_noun_is_called_a_field(told, expected):
    assert make_sentence(told) == f"SVC_OPS {expected}"
