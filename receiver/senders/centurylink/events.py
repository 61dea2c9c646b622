"""The ten events, and which of them a target URL stands for."""

from urllib.parse import parse_qs, unquote

from receiver.notification import Category
from receiver.senders.sender import Event

EVENTS: tuple[Event, ...] = (
    Event("Account", "Created"),
    Event("Account", "Updated"),
    Event("Account", "Deleted"),
    Event("Alert", "Notification"),
    Event("Server", "Created"),
    Event("Server", "Updated"),
    Event("Server", "Deleted"),
    Event("User", "Created"),
    Event("User", "Updated"),
    Event("User", "Deleted"),
)

ROUTE_CATEGORIES: dict[str, Category] = {
    "/webhook/account": "Account",
    "/webhook/alert": "Alert",
    "/webhook/server": "Server",
    "/webhook/user": "User",
}
"""The routes that name a category only, as the platform's sample listener has them."""

OPEN_EVENTS = tuple(Event(category, None) for category in ROUTE_CATEGORIES.values())
"""The events of those routes where neither the query string nor the category names the action."""

_BY_PATH: dict[str, Event] = {f"/webhooks/{event.event_type}".lower(): event for event in EVENTS}

_BY_NAME: dict[str, Event] = {
    **{event.category.lower(): event for event in OPEN_EVENTS},
    # An alert has one event only, so its category says it all.
    "alert": Event("Alert", "Notification"),
    **{f"{event.event_type}".lower(): event for event in EVENTS},
}


def event_for_name(name: str) -> Event | None:
    """Return the event of a name (`server.updated`) or of a bare category (`server`: action open), in any letter case.

    None for any other text.
    """
    return _BY_NAME.get(name.lower())


def event_for_request(path: str, query: str) -> Event | None:
    """Return the event of a request by its path and its query string, see `event_for_path`."""
    return event_for_path(path, parse_qs(query).get("action", [None])[-1] if query else None)


def event_for_path(path: str, query_action: str | None) -> Event | None:
    """Return the event that notifications posted to a path belong to; None where the path is no target URL.

    `path` is the URL's path as sent, percent-encoded or not, in any letter case, with or without a slash at its end.
    `query_action` is the query string's `action`, if there is one: `created`, `updated` or `deleted` decides on the
    routes that name a category only, and anything else is ignored.
    """
    path = unquote(path).lower().removesuffix("/")
    category = ROUTE_CATEGORIES.get(path)
    if category is None:
        return _BY_PATH.get(path)
    return event_for_name(f"{category}.{query_action}") or event_for_name(category)
