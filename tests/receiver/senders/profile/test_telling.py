"""What a body tells of before, and what two bodies tell when they are compared."""

import json
import sys
import time

import pytest

from receiver.changes.change import Snapshot
from receiver.changes.differ import Differ, list_changes
from receiver.changes.values import spell
from receiver.senders.profile.paths import parse_path
from receiver.senders.sender import MISSING, Item
from tests.receiver.senders.profile.profiles import profile_of, shipped

GONE = "gone"


def told(profile, event, body):
    """Return what a body tells, by path as the store writes it; noise is marked."""
    show = lambda value: GONE if value is MISSING else value  # noqa: E731
    return {
        spell(each.parts) + ("~" if each.noise else ""): (show(each.old), show(each.new))
        for each in profile.comparison.tell(event, body)
    }


def compared(profile, category, before, now):
    changes = Differ(profile.comparison).compare(category, before, now)
    return {change.path + ("~" if change.noise else ""): (change.old_value, change.new_value) for change in changes}


@pytest.fixture
def github():
    return shipped()["github"]


def test_github_tells_of_before_although_it_is_the_first_of_its_entity(github):
    repository: dict = {"description": "b", "name": "y"}
    body: dict = {"repository": repository, "changes": {"description": {"from": "a"}}}
    assert told(github, "repository.edited", body) == {"description": ("a", "b")}
    body["changes"] = {"repository": {"name": {"from": "x"}}}
    assert told(github, "repository.renamed", body) == {"name": ("x", "y")}
    body["changes"] = {"has_wiki": {"from": 1}}
    repository["has_wiki"] = True
    assert told(github, "repository.edited", body) == {"has_wiki": (1, True)}
    # What has the same value, or no value of before, is no difference.
    body["changes"] = {"description": {"from": "b"}, "topics": {}, "permission": {"to": "write"}, "name": "x"}
    assert told(github, "repository.edited", body) == {}


def test_slacks_rename_shows_from_what_name_if_that_is_known_and_in_any_case_to_what():
    differ = Differ(shipped()["slack"].comparison)

    def of(event_type, channel):
        event = {"type": event_type, "channel": channel, "user": "U1"}
        return Snapshot("channel", "Updated", json.dumps({"event": event}).encode(), event_type=event_type)

    renamed = of("channel_rename", {"id": "C1", "name": "new"})
    for before, old in (
        (of("channel_rename", {"id": "C1", "name": "old"}), '"old"'),
        (of("member_joined_channel", "C1"), None),
    ):
        (change,) = [each for each in list_changes(differ, before, renamed) if not each.noise]
        assert (change.path, change.old_value, change.new_value) == ("name", old, '"new"')


@pytest.mark.parametrize(
    ("name", "stating", "stateless"),
    [
        ("slack", ["channel_created", "channel_rename", "subteam_updated"],
         ["channel_shared", "member_left_channel", "subteam_members_changed", "subteam_self_added"]),
        ("shopify", ["customers/update", "shop/update", "app/uninstalled"],
         ["customers/data_request", "customers/redact", "shop/redact"]),
        ("gitlab", ["push", "project_create", "project_destroy"], ["project_update", "user_add_to_team"]),
    ],
)  # fmt: skip
def test_shipped_profiles_know_which_events_do_not_state_their_entity(name, stating, stateless):
    rules = shipped()[name].rules
    assert [event for event in (*stating, *stateless) if rules.is_stateless(event)] == stateless


def test_values_of_before_of_a_thing_below_the_entity_stand_under_its_path(github):
    body = {
        "rule": {"name": 'ma"in', "admin_enforced": False, "updated_at": "2026"},
        "changes": {"admin_enforced": {"from": True}, "updated_at": {"from": "2025"}},
    }
    assert told(github, "branch_protection_rule.edited", body) == {
        'branch_protection_rules["ma\\"in"].admin_enforced': (True, False),
        'branch_protection_rules["ma\\"in"].updated_at~': ("2025", "2026"),
    }
    assert told(github, "branch_protection_rule.deleted", body) == {
        'branch_protection_rules["ma\\"in"]': (body["rule"], GONE)
    }
    assert told(github, "branch_protection_rule.deleted", {"rule": {}}) == {}


def test_an_invitation_by_email_has_no_login_and_is_told_by_its_address(github):
    body = {"invitation": {"login": None, "email": "eve@x.example", "role": "admin"}}
    assert told(github, "organization.member_invited", body) == {"invitations[eve@x.example]": (GONE, "admin")}
    body["invitation"] |= {"login": "eve", "email": None}
    assert told(github, "organization.member_invited", body) == {"invitations[eve]": (GONE, "admin")}


def test_rules_that_a_ruleset_gets_loses_or_changes_are_told(github):
    review = {"type": "pull_request", "parameters": {"required_approving_review_count": 0}}
    rules = {
        "added": [{"type": "creation"}],
        "deleted": [{"type": "deletion"}],
        "updated": [{"rule": review, "changes": {"configuration": {"from": "{}"}}}],
    }
    body = {"repository_ruleset": {"name": "main"}, "changes": {"rules": rules}}
    assert told(github, "repository_ruleset.edited", body) == {
        "rulesets[main].rules[creation]": (GONE, "creation"),
        "rulesets[main].rules[deletion]": ("deletion", GONE),
        "rulesets[main].rules[pull_request].parameters": (GONE, review["parameters"]),
    }
    assert told(github, "repository_ruleset.edited", {"changes": {"rules": rules}}) == {}


@pytest.mark.parametrize("what", ["added", "deleted", "updated"])
def test_the_branches_that_a_ruleset_is_for_are_told_when_they_change(github, what):
    condition = {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}
    item = {"condition": condition, "changes": {"include": {"from": []}}} if what == "updated" else condition
    body = {"repository_ruleset": {"name": "main"}, "changes": {"conditions": {what: [item]}}}
    refs = condition["ref_name"]
    expected = (refs, GONE) if what == "deleted" else (GONE, refs)
    assert told(github, "repository_ruleset.edited", body) == {"rulesets[main].conditions.ref_name": expected}


def test_a_new_value_that_the_state_lacks_is_looked_for_in_the_body(github):
    body = {"team": {}, "repository": {"role": "admin"}, "changes": {"repository": {"role": {"from": "read"}}}}
    assert told(github, "team.edited", body) == {"repository.role": ("read", "admin")}


def test_items_without_a_key_of_their_own_are_told_as_a_whole_list():
    body = {
        "object_kind": "issue",
        "changes": {"labels": {"previous": [{"title": "a"}, 7], "current": [{"title": "b"}]}},
    }
    assert told(shipped()["gitlab"], "issue.update", body) == {"labels": ([{"title": "a"}, 7], [{"title": "b"}])}


def test_a_path_of_an_example_is_read_as_the_store_writes_it():
    parts = ("a b", Item("b.c"), "x", Item('d"['))
    assert parse_path(spell(parts)) == parts


def test_an_act_over_a_list_is_a_change_for_each_item(github):
    body = {"repositories_added": [{"full_name": "a/b"}, {"full_name": "a/c"}, 7, {}], "repositories_removed": []}
    assert told(github, "installation_repositories.added", body) == {
        "repositories[a/b]": (GONE, "a/b"),
        "repositories[a/c]": (GONE, "a/c"),
    }  # fmt: skip
    assert told(github, "installation_repositories.added", {"repositories_added": "a"}) == {}


def test_stripe_tells_the_old_values_alone_as_deep_as_they_differ():
    before = {"email": "a@x", "metadata": {"plan": None, "old": "1"}, "items": {"data": [{"id": "si", "quantity": 2}]}}
    now = {"object": "customer", "email": "b@x", "metadata": {"plan": "gold", "kept": "2"},
           "items": {"data": [{"id": "si", "quantity": 5}, {"id": "sj", "quantity": 1}], "url": "/v1"}}  # fmt: skip
    body = {"data": {"object": now, "previous_attributes": before}}
    assert told(shipped()["stripe"], "customer.updated", body) == {
        "email": ("a@x", "b@x"),
        "metadata.plan": (None, "gold"),
        "metadata.old": ("1", GONE),
        "items.data[si].quantity": (2, 5),
        "items.data[sj]": (GONE, {"id": "sj", "quantity": 1}),
    }


def test_what_is_told_has_the_paths_of_what_is_compared():
    stripe = shipped()["stripe"]
    old = {"object": "subscription", "status": "past_due", "items": {"data": [{"id": "si", "quantity": 2}]}}
    now = {"object": "subscription", "status": "active", "items": {"data": [{"id": "si", "quantity": 5}]}}
    previous = {"status": "past_due", "items": {"data": [{"id": "si", "quantity": 2}]}}
    after = {"data": {"object": now, "previous_attributes": previous}}
    paths = told(stripe, "customer.subscription.updated", after).keys()
    assert paths == compared(stripe, "subscription", {"data": {"object": old}}, after).keys()
    assert len(paths) == 2


def test_the_comparison_is_of_states_and_not_of_what_else_bodies_hold(github):
    before = {
        "action": "opened",
        "sender": {"login": "a"},
        "issue": {"title": "a", "labels": [{"name": "bug"}], "comments": 0},
    }
    now = {"action": "edited", "sender": {"login": "b"}, "issue": {"title": "b", "labels": [], "comments": 1}}
    assert compared(github, "issue", before, now) == {
        "title": ('"a"', '"b"'),
        "labels[bug]": ('{"name":"bug"}', None),
        "comments~": ("0", "1"),
    }
    assert compared(github, "issue", before, {"action": "pinned"}) == {}
    assert compared(github, "never_heard_of", before, now) == {}


def test_fields_that_only_some_bodies_have_are_noise_where_bodies_are_sparse(github, tmp_path):
    before = {"repository": {"license": None, "owner": {"login": "a", "email": "e"}, "has_wiki": True}}
    now = {"repository": {"license": {"key": "mit"}, "owner": {"login": "a"}, "organization": "o", "has_wiki": False}}
    visible = {path for path in compared(github, "repository", before, now) if not path.endswith("~")}
    assert visible == {"license.key", "has_wiki"}
    dense = profile_of(tmp_path, '[state]\nat."*" = "/repository"')
    visible = {path for path in compared(dense, "repository", before, now) if not path.endswith("~")}
    assert visible == {"license.key", "has_wiki", "owner.email", "organization"}


def test_noise_with_several_stars_is_told_in_time_in_a_key_of_any_length(tmp_path):
    profile = profile_of(tmp_path, '[state]\nat."*" = ""\nnoise = ["*_id_*_at", "a*"]\n[told]\nat = "/before"')
    keys = {"x_id_y_at": "~", "_id__at": "~", "_id_at": "", "x_id_y_at_z": "", "ab": "~", "_id_" * 20_000: ""}
    begin = time.process_time()
    told = profile.comparison.tell("x", {"before": dict.fromkeys(keys, 1)})
    assert {each.parts[0]: "~" * each.noise for each in told} == keys
    assert time.process_time() - begin < 1


def test_an_edit_in_which_nothing_differs_stays_unseen(github):
    body = json.dumps({"action": "edited", "issue": {"title": "a"}, "changes": {}}).encode()
    later = json.dumps({"action": "edited", "issue": {"title": "a"}, "changes": {}, "n": 1}).encode()
    changes = list_changes(
        Differ(github.comparison), Snapshot("issue", "Updated", body), Snapshot("issue", "Updated", later)
    )
    assert [(change.path, change.kind) for change in changes] == [("", "unseen")]


def test_thousands_of_told_values_are_cut(github):
    body = {"issue": {}, "changes": {f"k{number}": {"from": number} for number in range(10_000)}}
    assert len(github.comparison.tell("issues.edited", body)) == 500
    deep: dict = {"from": 1}
    for _ in range(900):
        deep = {"k": deep}
    assert list(github.comparison.tell("issues.edited", {"issue": {}, "changes": deep})) == []


def test_values_nested_deeper_than_python_compares_are_told_as_different(github):
    old, new = (json.loads("[" * 900 + "]" * 900) for _ in range(2))

    def at_depth(frames):
        if frames:
            return at_depth(frames - 1)
        return github.comparison.tell("issues.edited", {"issue": {"a": new}, "changes": {"a": {"from": old}}})

    assert list(at_depth(0)) == []
    assert [each.parts for each in at_depth(sys.getrecursionlimit() - 300)] == [("a",)]


def test_labels_of_gitlab_are_told_one_by_one():
    label = lambda number, title: {"id": number, "title": title}  # noqa: E731
    body = {
        "object_kind": "merge_request",
        "changes": {"labels": {"previous": [label(1, "API")], "current": [label(2, "UI")]}},
    }
    assert told(shipped()["gitlab"], "merge_request.update", body) == {
        "labels[API]": (label(1, "API"), GONE),
        "labels[UI]": (GONE, label(2, "UI")),
    }
