"""Senders that the store describes."""

import json

from analytics import senders
from analytics.pages.shared.changes import find_hint
from analytics.senders.described import OTHER_ICON, Seen, as_sender
from analytics.words.sentences import Change, make_sentence

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
    Seen("repository.created", "repository"),
    Seen("repository.edited", "repository"),
    Seen("repository.deleted", "repository"),
    Seen("push", "repository", 7),
    Seen("member.added", "user"),
)


def test_a_sender_of_the_store_has_the_events_and_kinds_that_were_seen_and_the_words_of_its_profile():
    sender = as_sender("github", "GitHub", DESCRIPTION, SEEN)
    assert [event.name for event in sender.events] == sorted(each.event_type for each in SEEN)
    assert [kind.name for kind in sender.kinds] == ["repository", "user"]
    assert (sender.account, sender.person) == ("organization", "user")
    assert sender.how_to == "1. Open the settings.\n2. Paste {url}."
    push = next(event for event in sender.events if event.name == "push")
    assert push == ("push", "#123456", "#654321", "commits are pushed", "repository", 7)


def test_an_entity_is_called_what_its_senders_profile_says():
    described = json.dumps({"entities": {"issue_comment": "comment"}})
    seen = [Seen("issue_comment.created", "issue_comment"), Seen("merge_group.x", "merge_group")]
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
    seen = [Seen("server.made", "Server"), Seen("user.made", "User")]
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
