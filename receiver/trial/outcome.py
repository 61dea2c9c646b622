"""The outcome of one part of a profile's trial."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """What was tried, what it showed, and whether that was expected."""

    subject: str
    text: str
    is_expected: bool
