"""The colours that mark senders in lists."""

from analytics.senders import list_senders

COLOURS = (
    ("#308ce8", "#825eed"), ("#b48c64", "#9b734b"), ("#084536", "#5eed82"), ("#cb4d8c", "#f28cf2"),
    ("#7da112", "#e8e830"), ("#5e30e8", "#288a8a"), ("#73400d", "#cf7317"), ("#400d73", "#c4eee3"),
)  # fmt: skip
"""Each for a light and a dark page; also people who see no red, green or blue can tell any two of them apart."""


def choose_mark(sender: str, *, dark: bool) -> str:
    """Return the colour of a sender, the same whatever the store has received; of more than eight, some share one."""
    names = sorted(each.name for each in list_senders())
    return COLOURS[names.index(sender) % len(COLOURS) if sender in names else 0][dark]
