"""Working hours, as `CLC_WORKING_HOURS` gives them: days of the week, and a begin and end."""

import re
from datetime import time
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?P<days>[a-z,-]+)\s+(?P<begins>\d\d:\d\d)\s*-\s*(?P<ends>\d\d:\d\d)", re.IGNORECASE)
_MIDNIGHT = "24:00"


class WorkingHours(NamedTuple):
    """Days of the week (1 is Monday, 7 Sunday) and times of day, from `begins` to before `ends`, as `HH:MM`."""

    days: tuple[int, ...]
    begins: str
    ends: str


def parse_working_hours(text: str) -> WorkingHours:
    """Read working hours such as `Mon-Fri 08:00-18:00` or `Sun-Wed,Sat 07:30-24:00`, days in any letter case.

    Raises:
        ValueError: the text has another form, or its end is before its begin.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    begins, ends = match["begins"], match["ends"]
    time.fromisoformat(begins)
    if ends != _MIDNIGHT:
        time.fromisoformat(ends)
    if begins >= ends:
        raise ValueError(text)
    days = {day for part in match["days"].lower().split(",") for day in _days(part)}
    return WorkingHours(tuple(sorted(days)), begins, ends)


def _days(part: str) -> list[int]:
    """Return the days of `mon`, or of `fri-mon` across the weekend."""
    first, dash, last = part.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last if dash else first)
    return [(begin + step) % 7 + 1 for step in range((end - begin) % 7 + 1)]
