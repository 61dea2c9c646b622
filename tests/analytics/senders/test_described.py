"""Senders that the store describes."""

import json
import re
import tomllib
from itertools import combinations
from math import dist
from pathlib import Path

import numpy as np
import pytest

import receiver
from analytics import senders
from analytics.pages.shared.changes import find_hint
from analytics.senders.described import OTHER_ICON, Seen, as_sender
from analytics.words.sentences import Change, make_sentence
from tests.analytics.charts.test_colours import lab_of

LEAST_DISTANCE = 5
"""The least distance of two colours in CIELAB, where 2 is just visible side by side."""

DESCRIPTION = json.dumps(
    {
        "account_category": "organization",
        "entities": {"repository": "repository"},
        "events": [{"pattern": "push*", "label": "commits are pushed", "light": "#123456", "dark": "#654321"}],
        "setup": ["Open the settings.", "Paste {url}."],
        "proof": "shared-secret",
        "is_set_up": True,
        "secret_variable": "CLC_SECRET_GITHUB",
    }
)
SEEN = (
    Seen("repository.created", "repository", "Created"),
    Seen("repository.edited", "repository", "Updated"),
    Seen("repository.deleted", "repository", "Deleted"),
    Seen("push", "repository", "Updated"),
    Seen("member.added", "user", None),
)


def test_a_sender_of_the_store_has_the_events_and_kinds_that_were_seen_and_the_words_of_its_profile():
    sender = as_sender("github", "GitHub", DESCRIPTION, SEEN)
    assert [event.name for event in sender.events] == sorted(each.event_type for each in SEEN)
    assert [kind.name for kind in sender.kinds] == ["repository", "user"]
    assert (sender.account, sender.person) == ("organization", "user")
    assert sender.how_to == "1. Open the settings.\n2. Paste {url}."
    push = next(event for event in sender.events if event.name == "push")
    assert push == ("push", "#123456", "#654321", "commits are pushed", "repository")


def test_events_of_a_category_have_shades_of_one_colour_the_same_each_time():
    first, again = (as_sender("github", "GitHub", DESCRIPTION, seen).events for seen in (SEEN, SEEN[::-1]))
    assert first == again
    light = {event.name: event.light for event in first}
    assert len(set(light.values())) == len(SEEN)
    assert all(re.fullmatch("#[0-9a-f]{6}", each) for event in first for each in (event.light, event.dark))


def test_an_event_has_a_colour_whatever_its_action():
    (event,) = as_sender("till", "Till", "{}", [Seen("till.opened", "till", "Opened")]).events
    assert event.light == as_sender("till", "Till", "{}", [Seen("till.opened", "till", "Updated")]).events[0].light


@pytest.mark.parametrize("dark", [False, True])
def test_each_event_type_of_githubs_examples_and_of_an_issue_can_be_told_from_the_others_by_its_colour(dark):
    profile = tomllib.loads((Path(receiver.__file__).parent / "senders/github/profile.toml").read_text("utf-8"))
    words = [{"pattern": pattern, **said} for pattern, said in profile["words"]["events"].items()]
    names = {row["event_type"]: row["action"] for each in profile["examples"] if (row := each.get("row"))}
    names |= {f"issues.{action}": "Updated" for action in ("closed", "reopened", "labeled", "assigned")}
    seen = [Seen(name, name.partition(".")[0], action) for name, action in names.items()]
    events = as_sender("github", "GitHub", json.dumps({"events": words}), seen).events
    for one, other in combinations(events, 2):
        colours = [lab_of(event.dark if dark else event.light, np.eye(3)) for event in (one, other)]
        assert dist(*colours) >= LEAST_DISTANCE, (one, other)


def test_an_entity_is_called_what_its_senders_profile_says():
    described = json.dumps({"entities": {"issue_comment": "comment"}})
    seen = [Seen("issue_comment.created", "issue_comment", "Created"), Seen("merge_group.x", "merge_group", None)]
    try:
        senders.learn([as_sender("github", "GitHub", described, seen)])
        assert senders.as_words("issue_comment") == "comment"
        assert senders.as_words("merge_group") == "merge group"
        assert "comment" in senders.describe_parts_of_account(sender="github")
    finally:
        senders.learn([])
    assert senders.as_words("issue_comment") == "issue comment"


def test_a_category_of_two_senders_has_the_words_of_each():
    described = json.dumps({"entities": {"Server": "appliance"}})
    server = Change("Server", "X1", None, "", "added", action="Created")
    user = Change("User", "KIM", None, "", "unseen")
    before = senders.list_kinds()
    seen = [Seen("server.made", "Server", "Created"), Seen("user.made", "User", "Created")]
    try:
        senders.learn([as_sender("till", "Till", described, seen)])
        assert senders.as_words("Server") == "Server"
        assert make_sentence(server._replace(sender="till")) == "Appliance X1 was created (actor not reported)"
        assert make_sentence(server._replace(sender="centurylink")) == "Server X1 was created (actor not reported)"
        assert make_sentence(user._replace(sender="till")) == "KIM was updated, but no visible field changed"
        assert "password" in make_sentence(user._replace(sender="centurylink"))
        assert [bool(find_hint("User", name)) for name in ("centurylink", "till")] == [True, False]
        icons = {senders.find_icon("Server", name) for name in (None, "centurylink", "till")}
        assert icons == {before["Server"].icon, OTHER_ICON}
        assert {kind: senders.list_kinds()[kind] for kind in before} == before
        assert senders.find_kind_of("Alert") == "Server"
    finally:
        senders.learn([])


def test_learned_senders_come_after_the_shipped_ones_and_never_replace_one():
    own = as_sender("github", "GitHub", DESCRIPTION, SEEN)
    false = own._replace(name=senders.list_shipped()[0].name)
    try:
        before = senders.read_edition()
        senders.learn([own, false])
        assert [sender.name for sender in senders.list_senders()] == [senders.list_shipped()[0].name, "github"]
        assert senders.read_edition() == before + 1
        senders.learn([own])
        assert senders.read_edition() == before + 1
        assert "repository.edited" in senders.list_event_types()
        assert senders.find_icon("repository")
    finally:
        senders.learn([])
    assert "repository.edited" not in senders.list_event_types()
