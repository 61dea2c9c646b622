"""Senders that the store describes: each has a profile at the receiver, and the pages know the store alone."""

import colorsys
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from analytics.senders.sender import ACCOUNT_ICON, PERSON_ICON, Event, Examples, Kind, Sender, Wording

OTHER_ICON = ":material/deployed_code:"
PERSONS = frozenset({"user", "member"})
NO_WORDS = Wording({}, {}, {}, {})
SHADES = {"Created": (0.42, 0.5), "Updated": (0.62, 0.68), "Deleted": (0.25, 0.36)}
"""The lightness of a colour on a light and a dark page, by action: the most frequent one is pale."""
SATURATION = 0.45
STEPS, SPREAD = 13, 0.3
"""The steps of lightness among the events of one hue and action, and the part of the lightness that they go through."""
TURNS, ARC = 7, 0.12
"""The turns of the hue among these, and the part of the circle of hues that they go through."""


class Seen(NamedTuple):
    """An event type that the store has notifications of, with their category and action."""

    event_type: str
    category: str
    action: str | None


def as_sender(name: str, title: str, description: str, seen: Sequence[Seen]) -> Sender:
    """Return a sender from its row of the table `senders` and the event types that the store has of it."""
    said: Mapping[str, Any] = json.loads(description)
    categories = sorted({each.category for each in seen} | set(said.get("entities", {})))
    account = said.get("account_category") or "account"
    person = next((name for name in categories if name in PERSONS), "user")
    types = sorted({each.event_type: each for each in seen}.values())
    return Sender(
        name=name,
        title=title,
        events=tuple(describe_event(each, said.get("events", [])) for each in types),
        kinds=tuple(Kind(category, choose_icon(category, account)) for category in categories),
        account=account,
        person=person,
        names_actors=f"those of {title} name one where it tells one",
        place=None,
        alerts=None,
        signature_header=said.get("signature_header", ""),
        signature_scheme=said.get("signature_scheme", ""),
        how_to="\n".join(f"{number}. {step}" for number, step in enumerate(said.get("setup", []), 1)),
        examples=Examples(types[0].event_type if types else "", categories[0] if categories else "", "name"),
        wording=NO_WORDS,
        meanings={},
        is_set_up=bool(said.get("is_set_up")),
        secret_variable=said.get("secret_variable", ""),
        documentation=said.get("documentation", ""),
        account_word=said.get("account") or "account",
        accounts_word=said.get("accounts") or "accounts",
        entity_words=said.get("entities", {}),
        places=said.get("places", {}),
        sayings=said.get("sayings", ()),
        trouble=frozenset(said.get("trouble", ())),
    )


def describe_event(seen: Seen, words: Iterable[Mapping[str, str]]) -> Event:
    """Return an event with its label and its colours on a light and a dark page."""
    said = next((each for each in words if fnmatchcase(seen.event_type, each["pattern"])), {})
    light, dark = (choose_colour(seen, said, is_dark) for is_dark in (False, True))
    return Event(seen.event_type, light, dark, said.get("label", ""), seen.category)


def choose_colour(seen: Seen, said: Mapping[str, str], is_dark: bool) -> str:
    """Return the colour that a profile gives to this event alone, otherwise a shade of its pattern's or category's hue.

    In the colour itself, all events of a pattern would look the same.
    """
    given = said.get("dark" if is_dark else "light")
    if given is None:
        hue, saturation = zlib.crc32(seen.category.encode()) % 360 / 360, SATURATION
    elif seen.event_type == said["pattern"].rstrip(".*"):
        return given
    else:
        hue, _, saturation = colorsys.rgb_to_hls(*(int(given[place : place + 2], 16) / 255 for place in (1, 3, 5)))
    return shade(seen.event_type, hue, SHADES.get(seen.action or "", SHADES["Updated"])[is_dark], saturation)


def shade(event_type: str, hue: float, lightness: float, saturation: float) -> str:
    """Return a colour near a hue and a lightness, which the event's name decides: it is the same on every day."""
    turn, step = divmod(zlib.crc32(event_type.encode()) % (STEPS * TURNS), STEPS)
    hue += ARC * (turn / (TURNS - 1) - 0.5)
    lightness *= 1 + SPREAD * (step / (STEPS - 1) - 0.5)
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue % 1, lightness, saturation))


def choose_icon(category: str, account: str) -> str:
    """Return the icon of a category's entities."""
    if category == account:
        return ACCOUNT_ICON
    return PERSON_ICON if category in PERSONS else OTHER_ICON
