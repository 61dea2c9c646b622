"""The ten events: which of them a target URL stands for, and the columns of a notification, from event and body."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from receiver.notification import Action, Category
from receiver.senders.sender import Body, Columns, Event

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

ACCOUNT: Final = "Account"
"""The category of the events about an account, whose bodies also name the account above it."""

_ACCOUNT_IN_URI = re.compile(r"/v2/accounts/([^/?#]+)")
_USER_IN_URI = re.compile(r"/v2/users/([^/?#]+)")
_SERVER_IN_URI = re.compile(r"/v2/servers/[^/?#]+/([^/?#]+)")
_ACCOUNT_IN_SERVER_LINK = re.compile(r"/v2/(?:servers|groups|billing)/([^/?#]+)/")

_UNSET_DATE = "0001-01-01"
"""How .NET writes a date that was never set."""

# Real bodies have a dozen links and URIs of 100 characters. Without a bound a stranger's body would take 0.2 s.
_MOST_OBJECTS = 1000
_LONGEST_URI = 8192

_CREATED_WITHIN = timedelta(seconds=60)
_UPDATED_AFTER = timedelta(hours=1)


def find_event_by_name(name: str) -> Event | None:
    """Return the event of a name (`server.updated`) or of a bare category (`server`: action open), in any letter case.

    None for any other text.
    """
    return _BY_NAME.get(name.lower())


def find_event_by_request(path: str, query: str) -> Event | None:
    """Return the event of a request by its path and its query string, see `find_event_by_path`."""
    return find_event_by_path(path, parse_qs(query).get("action", [None])[-1] if query else None)


def find_event_by_path(path: str, query_action: str | None) -> Event | None:
    """Return the event that notifications posted to a path belong to; None where the path is no target URL.

    `path` is the URL's path as sent, percent-encoded or not, in any letter case, with or without a slash at its end.
    `query_action` is the query string's `action`, if there is one: `created`, `updated` or `deleted` decides on the
    routes that name a category only, and anything else is ignored.
    """
    path = unquote(path).lower().removesuffix("/")
    category = ROUTE_CATEGORIES.get(path)
    if category is None:
        return _BY_PATH.get(path)
    return find_event_by_name(f"{category}.{query_action}") or find_event_by_name(category)


def classify(event: Event, body: Body, received_at: datetime) -> Columns:
    """Return a notification's columns; a field that is empty or of the wrong type counts as missing.

    So do links and triggers after the first thousand, and URIs of more than 8,192 characters. `received_at` has a time
    zone, and is the event's time where the body has none. Raises nothing, whatever the body.
    """
    category = event.category
    rules = _RULES[category]
    action = event.action or rules.action(body)
    parent = body.get("parentAlias") if category == ACCOUNT else None
    return Columns(
        event_type=Event(category, action).event_type,
        category=category,
        action=action,
        account_alias=_make_upper(rules.account_alias(body)),
        entity_id=_make_upper(rules.entity_id(body)),
        actor=_read_text(_read_object(body.get("changeInfo")).get("modifiedBy")),
        occurred_at=rules.occurred_at(body) or received_at,
        parent_account=parent.upper() if isinstance(parent, str) else None,
    )


def _find_alias_of_account(body: Body) -> str | None:
    return (
        _read_text(body.get("accountAlias"))
        or _read_text(body.get("alias"))
        or _find_part(_ACCOUNT_IN_URI, body.get("uri"))
        or _find_first(_find_part(_ACCOUNT_IN_URI, link.get("href")) for link in _find_links(body, "self"))
    )


def _find_alias_of_user(body: Body) -> str | None:
    return _read_text(body.get("accountAlias")) or _find_part(_ACCOUNT_IN_URI, body.get("accountUri"))


def _find_alias_of_server(body: Body) -> str | None:
    return (
        _read_text(body.get("accountAlias"))
        or _find_first(_read_text(link.get("id")) for link in _find_links(body, "account"))
        or _find_first(_find_part(_ACCOUNT_IN_URI, link.get("href")) for link in _find_links(body, "account"))
        or _find_part(_ACCOUNT_IN_URI, body.get("accountUri"))
        or _find_first(
            _find_part(_ACCOUNT_IN_SERVER_LINK, link.get("href")) for link in _read_objects(body.get("links"))
        )
    )


def _find_user_name(body: Body) -> str | None:
    return _read_text(body.get("userName")) or _find_part(_USER_IN_URI, body.get("uri"))


def _find_server_name(body: Body) -> str | None:
    return (
        _read_text(body.get("name"))
        or _read_text(body.get("id"))
        or _find_part(_SERVER_IN_URI, body.get("uri"))
        or _find_first(_find_part(_SERVER_IN_URI, link.get("href")) for link in _find_links(body, "self"))
    )


def _read_deletion(body: Body) -> Action | None:
    return "Deleted" if _read_lower(body.get("status")) == "deleted" else None


def _find_server_action(body: Body) -> Action | None:
    """Return the action that a server's body implies: a deletion has two fields, a creation two close dates."""
    if body.keys() == {"accountAlias", "name"} and all(map(_read_text, body.values())):
        return "Deleted"
    change = _read_object(body.get("changeInfo"))
    created, modified = _parse_time(change.get("createdDate")), _parse_time(change.get("modifiedDate"))
    if (deleted := _read_deletion(body)) or created is None or modified is None:
        return deleted
    if abs(modified - created) <= _CREATED_WITHIN:
        return "Created"
    return "Updated" if modified - created > _UPDATED_AFTER else None


def _find_server_time(body: Body) -> datetime | None:
    change = _read_object(body.get("changeInfo"))
    modified = _read_text(change.get("modifiedDate"))
    if modified is None or modified.startswith(_UNSET_DATE):
        return _parse_time(change.get("createdDate"))
    # A date that was set but can't be read is later than the creation, by an unknown time.
    return _parse_time(modified)


def _find_alert_time(body: Body) -> datetime | None:
    times = [time for trigger in _read_objects(body.get("triggers")) if (time := _find_trigger_time(trigger))]
    return max(times, default=None)


def _find_trigger_time(trigger: Body) -> datetime | None:
    start, end = _parse_time(trigger.get("stateStartTime")), _parse_time(trigger.get("stateEndTime"))
    return end or start if _read_lower(trigger.get("state")) == "nottriggered" else start or end


class _Rules(NamedTuple):
    """How the columns are read from bodies of one category."""

    account_alias: Callable[[Body], str | None]
    entity_id: Callable[[Body], str | None]
    action: Callable[[Body], Action | None]
    occurred_at: Callable[[Body], datetime | None]


_RULES: dict[Category, _Rules] = {
    ACCOUNT: _Rules(_find_alias_of_account, _find_alias_of_account, _read_deletion, lambda _: None),
    "Alert": _Rules(
        lambda body: _read_text(body.get("accountAlias")),
        lambda body: _read_text(body.get("serverName")),
        lambda _: "Notification",
        _find_alert_time,
    ),
    "Server": _Rules(_find_alias_of_server, _find_server_name, _find_server_action, _find_server_time),
    "User": _Rules(_find_alias_of_user, _find_user_name, _read_deletion, lambda _: None),
}


def _read_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _make_upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def _read_lower(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None


def _read_object(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def _read_objects(value: Any) -> list[Body]:
    return [item for item in value[:_MOST_OBJECTS] if isinstance(item, dict)] if isinstance(value, list) else []


def _find_links(body: Body, rel: str) -> Iterator[Body]:
    return (link for link in _read_objects(body.get("links")) if link.get("rel") == rel)


def _find_first(candidates: Iterable[str | None]) -> str | None:
    return next(filter(None, candidates), None)


def _find_part(pattern: re.Pattern[str], uri: Any) -> str | None:
    """Return the path segment that a pattern finds in a URI, percent-decoded."""
    match = pattern.search(uri) if isinstance(uri, str) and len(uri) <= _LONGEST_URI else None
    return None if match is None else unquote(match[1])


def _parse_time(value: Any) -> datetime | None:
    """Return an ISO 8601 date and time in UTC; without an offset it is UTC already.

    None where it can't be read, has no time of day, or is .NET's unset date.
    """
    if not isinstance(value, str) or value.startswith(_UNSET_DATE):
        return None
    text = value.upper()
    # Python reads a date alone as its midnight, which the body does not state.
    if "T" not in text and " " not in text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
