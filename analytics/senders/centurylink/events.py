"""The ten events: their names, their colours, and what fires them."""

from typing import NamedTuple

UNKNOWN = "(event unknown)"


class Event(NamedTuple):
    """An event of the sender's portal. Colours are for a light and a dark page."""

    name: str
    light: str
    dark: str
    fires: str


# One hue a category, from the set of Okabe and Ito, which people see apart whatever their colour vision; in each hue
# Updated, the most frequent, is the pale one and Deleted the one with most contrast to the page.
EVENTS = (
    Event("Account.Created", "#b5477d", "#d264a0", "a sub-account is made"),
    Event("Account.Updated", "#dfa0c4", "#e9b3d2", "its status, name, address, telephone, fax or time zone changes"),
    Event("Account.Deleted", "#6d1f48", "#8f3c6b", "it is deleted"),
    Event("Alert.Notification", "#e08a00", "#f0a53c", "an alert policy's threshold is exceeded, or no longer is"),
    Event("Server.Created", "#0072b2", "#3a9bdc", "a server is made"),
    Event("Server.Updated", "#84bfe6", "#a3d0f2", "its power, size, disks, addresses, group or description changes"),
    Event("Server.Deleted", "#083d66", "#2b6795", "it is deleted"),
    Event("User.Created", "#00875f", "#1fb286", "a user is made"),
    Event("User.Updated", "#80cbb0", "#96dcc3", "status, password, PIN, name, e-mail, telephone or time zone changes"),
    Event("User.Deleted", "#00452f", "#147a5a", "it is deleted"),
)
CATEGORIES = ("Account", "Alert", "Server", "User")
EVENT_TYPES = tuple(event.name for event in EVENTS)
UNKNOWN_TYPES = tuple(f"{category} {UNKNOWN}" for category in CATEGORIES)
GREY = ("#8a8f98", "#8a8f98")


def colours(dark: bool) -> dict[str, str]:
    """Return the colour of each event type, and the one of those whose event is unknown."""
    known = {event.name: event.dark if dark else event.light for event in EVENTS}
    return known | dict.fromkeys(UNKNOWN_TYPES, GREY[dark])


VERDICTS = {
    "valid": "Verified: the signature fits the body under the receiver's key.",
    "invalid": (
        "Verification failed: there is a signature, but it does not fit this body under the receiver's key. "
        "Somebody else sent it, or the body was changed on its way."
    ),
    "missing": "Unsigned: the request had no signature, so anyone may have sent it.",
}
MARKS = {"valid": "✓ valid", "invalid": "✗ invalid", "missing": "○ missing"}
