"""Which event a target URL stands for."""

import pytest

from receiver.senders.centurylink.events import EVENTS, find_event_by_name, find_event_by_path
from receiver.senders.sender import Event


def test_there_are_ten_events_and_no_others():
    assert [event.event_type for event in EVENTS] == [
        "Account.Created",
        "Account.Updated",
        "Account.Deleted",
        "Alert.Notification",
        "Server.Created",
        "Server.Updated",
        "Server.Deleted",
        "User.Created",
        "User.Updated",
        "User.Deleted",
    ]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event_type)
def test_each_event_has_a_path_of_its_own_that_no_query_changes(event):
    assert find_event_by_path(f"/webhooks/{event.event_type}", None) == event
    assert find_event_by_path(f"/webhooks/{event.event_type}", "deleted") == event


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/server.updated",
        "/webhooks/SERVER.UPDATED",
        "/WebHooks/sErVeR.uPdAtEd",
        "/webhooks/Server.Updated/",
        "/webhooks/Server%2EUpdated",
        "/webhooks/%53erver.Updated",
    ],
)
def test_letter_case_percent_encoding_and_one_slash_at_the_end_make_no_difference(path):
    assert find_event_by_path(path, None) == Event("Server", "Updated")


@pytest.mark.parametrize(
    ("path", "query_action", "event"),
    [
        ("/webhook/account", None, Event("Account", None)),
        ("/webhook/user", None, Event("User", None)),
        ("/webhook/server", None, Event("Server", None)),
        ("/Webhook/Server/", None, Event("Server", None)),
        ("/webhook/account", "created", Event("Account", "Created")),
        ("/webhook/user", "UPDATED", Event("User", "Updated")),
        ("/webhook/server", "Deleted", Event("Server", "Deleted")),
        ("/webhook/server", "notification", Event("Server", None)),
        ("/webhook/server", "resized", Event("Server", None)),
        ("/webhook/server", "", Event("Server", None)),
        ("/webhook/alert", None, Event("Alert", "Notification")),
        ("/webhook/alert", "created", Event("Alert", "Notification")),
    ],
)
def test_a_path_that_names_a_category_takes_the_action_from_the_query_if_it_is_one(path, query_action, event):
    assert find_event_by_path(path, query_action) == event


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/Server",
        "/webhooks/server.resized",
        "/webhooks/Alert.Created",
        "/webhooks/Server.None",
        "/webhooks/Server.Updated//",
        "/webhooks//Server.Updated",
        "/webhooks/Server.Updated/x",
        "/x/webhooks/Server.Updated",
        "/webhook",
        "/webhook/",
        "/webhook/group",
        "/webhook/server.updated",
        "/webhook/%ff",
        "webhook/server",
    ],
)
def test_any_other_path_is_no_target_url(path):
    assert find_event_by_path(path, "created") is None


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("server.updated", Event("Server", "Updated")),
        ("Account.Created", Event("Account", "Created")),
        ("SERVER", Event("Server", None)),
        ("alert", Event("Alert", "Notification")),
        ("alert.notification", Event("Alert", "Notification")),
        ("server.", None),
        ("server.resized", None),
        ("", None),
    ],
)
def test_an_event_is_found_by_its_name_or_its_category(name, event):
    assert find_event_by_name(name) == event


def test_an_event_whose_action_is_not_known_has_no_name():
    assert Event("User", None).event_type is None
