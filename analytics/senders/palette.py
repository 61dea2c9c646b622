"""The colours of described senders' events where a chart has those of several senders.

A profile chooses its colours for itself, so that some are those of another sender's events. Beside others, each event
has the colour nearest to its own that no other event has, from a palette whose colours can be told from those of the
sender with a folder, also by people who see no red or no green.
"""

from collections.abc import Mapping, Sequence
from math import dist

from analytics.senders.sender import Event, Sender

LIGHT = (
    "#117456", "#127d52", "#169871", "#1c0674", "#20df46", "#230891", "#246042", "#2a09ae", "#2b0f6b", "#2e564e",
    "#340bd5", "#3b0df2", "#4129a3", "#4709a5", "#47127d", "#52148f", "#522af4", "#580bcb", "#5b1bbb", "#5f43d0",
    "#602430", "#623df5", "#7519b3", "#7832e2", "#8251f6", "#8e67e9", "#920bcb", "#9b32e2", "#a3c15c", "#aeda6c",
    "#b78bf9", "#c2410a", "#ca727b", "#ce3b67", "#d09843", "#e134f4", "#e7ca55", "#f43434", "#f7896e", "#f9c28b",
)  # fmt: skip
DARK = (
    "#18623d", "#2a6f4d", "#328554", "#38945d", "#4316f3", "#5233cc", "#5532e2", "#5a34f4", "#5c3ea3", "#5f43d0",
    "#6a47f5", "#7251f6", "#7832e2", "#7cdea4", "#840ab8", "#8f4bd2", "#985259", "#9b1bbb", "#9b32e2", "#9ef877",
    "#9efaba", "#a444e4", "#ad0df2", "#b451f6", "#b48174", "#c9a99c", "#d29089", "#d454ba", "#dbf994", "#def877",
    "#df360c", "#e9d30c", "#eaf76e", "#f2f20d", "#f2faa8", "#f5e23d", "#f5f547", "#f65a79", "#f6f65a", "#f9f98b",
)  # fmt: skip
"""The palettes for a light and a dark page.

They are far from the colours of the sender with a folder and from each other. None is blue: those are of that sender.
"""
Name = tuple[str, str]
"""A sender's name and the name of one of its events."""


def take_apart(senders: Sequence[Sender]) -> tuple[Sender, ...]:
    """Return described senders whose events have colours of the palettes."""
    events = {(sender.name, event.name): event for sender in senders for event in sender.events}
    light = match({name: event.light for name, event in events.items()}, LIGHT)
    dark = match({name: event.dark for name, event in events.items()}, DARK)

    def draw(sender: Sender, event: Event) -> Event:
        name = (sender.name, event.name)
        return event._replace(light=light[name], dark=dark[name])

    return tuple(sender._replace(events=tuple(draw(sender, event) for event in sender.events)) for sender in senders)


def match(wanted: Mapping[Name, str], palette: Sequence[str]) -> dict[Name, str]:
    """Return a colour of the palette for each event; the nearest pairs come first: a new event moves few others.

    Of more events than colours, the last ones share the nearest.
    """
    # In RGB: the colours of the palette differ enough for any measure of what is near.
    places = {colour: tuple(bytes.fromhex(colour.removeprefix("#"))) for colour in {*palette, *wanted.values()}}
    pairs = sorted(
        (dist(places[own], places[colour]), name, colour) for name, own in wanted.items() for colour in palette
    )
    matched: dict[Name, str] = {}
    used: set[str] = set()
    for _, name, colour in pairs:
        if name not in matched and colour not in used:
            matched[name] = colour
            used.add(colour)
    for _, name, colour in pairs:
        matched.setdefault(name, colour)
    return matched
