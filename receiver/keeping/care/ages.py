"""Ages: how long ago something was, also where a wrong clock has dated it."""

from datetime import datetime
from typing import NamedTuple

from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import State, format_seconds

_SKEW_SECONDS = 60.0
"""How far ahead of the clock a time may lie: it was noted while the facts were gathered, or the clock was corrected."""


class Age(NamedTuple):
    """How long ago a moment was, in seconds and not less than 0; a moment that `is_ahead` lies in the future."""

    seconds: float
    is_ahead: bool = False
    at: datetime | None = None

    def __str__(self) -> str:
        """Return it in words."""
        if self.is_ahead:
            return f"dated {self.at:%Y-%m-%d %H:%M} UTC, in the future: was the clock of this machine wrong?"
        return f"{format_seconds(self.seconds)} ago"


def measure_age(at: datetime | str, facts: Facts) -> Age:
    """Return the age of a moment."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    seconds = (facts.at - moment).total_seconds()
    return Age(max(seconds, 0.0), seconds < -_SKEW_SECONDS, moment.astimezone(facts.at.tzinfo))


def measure_wait(last: Age | None, facts: Facts) -> float:
    """Return how many seconds ago a repeated task last ran.

    Without a last time, or with one that a wrong clock gave, this is how long `serve` has run: it can't be due longer.
    """
    if last and not last.is_ahead:
        return last.seconds
    began = facts.serve.started_at if facts.serve else None
    return measure_age(began, facts).seconds if began else 0.0


def doubt(state: State, *, if_true: object) -> State:
    """Return amber in place of ok, if something is to be doubted."""
    return "amber" if if_true and state == "ok" else state
