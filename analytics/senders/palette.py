"""The colours of described senders' events.

They can be told from each other and from those of the sender with a folder, also by people who see no red, no green or
no blue. A profile only wishes for colours, because many profiles wish for the same ones.
"""

from collections.abc import Iterable, Sequence
from math import dist

from analytics.senders.sender import Event, Sender

PALETTE = (
    ("#0d9966", "#73b380"), ("#4d0d80", "#4d40b3"), ("#99d966", "#f2f200"), ("#260099", "#d940b3"),
    ("#b34d00", "#e6260d"), ("#808cff", "#a666ff"), ("#732640", "#a64d59"), ("#ffbf00", "#d9f280"),
    ("#0040d9", "#3359f2"),
)  # fmt: skip
"""Colours for a light and a dark page, in an order in which neighbours differ most."""


def give_colours(senders: Sequence[Sender], free: Iterable[Event] = ()) -> tuple[Sender, ...]:
    """Return described senders whose events have colours of the palette.

    The event that came first chooses first, so that a new one changes the colour of no other: the colour nearest to its
    wish, or else the first. Once all are taken, the next events share them; no chart draws two of one colour.

    Args:
        senders: the senders; the colours of their events are wishes, and may be empty.
        free: events whose colours they may have, too.
    """
    palette = [*PALETTE, *((event.light, event.dark) for event in free)]
    given: dict[str, tuple[str, str]] = {}
    left: list[tuple[str, str]] = []
    for event in sorted((event for sender in senders for event in sender.events), key=lambda event: event.first):
        if event.name not in given:
            left = left or palette.copy()
            given[event.name] = min(left, key=lambda pair: measure(pair[0], event.light))
            left.remove(given[event.name])

    def draw(event: Event) -> Event:
        light, dark = given[event.name]
        return event._replace(light=light, dark=dark)

    return tuple(sender._replace(events=tuple(map(draw, sender.events))) for sender in senders)


def measure(colour: str, wish: str) -> float:
    """Return the distance of a colour from the wished one; 0 without a wish."""
    # In RGB: the colours of the palette differ enough for any measure of what is near.
    one, other = (bytes.fromhex(each.removeprefix("#")) for each in (colour, wish or colour))
    return dist(one, other)
