"""Figures, their limits, from where on each is amber or red, and ages, also where a wrong clock has dated something."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from receiver.keeping.care.facts import Facts

State = Literal["ok", "amber", "red"]
Value = float | int | str | None

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_MIB, _GIB = 2**20, 2**30
_SKEW_SECONDS = 60.0
"""How far ahead of the clock a time may lie: it was noted while the facts were gathered, or the clock was corrected."""


def format_seconds(seconds: float) -> str:
    """Write a duration in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def format_bytes(count: float) -> str:
    """Write a size in its largest unit."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - the step of these units
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


class Limit(NamedTuple):
    """The limits from which a figure is amber or red: at or below them if `falling`, else at or above them."""

    amber: float
    red: float
    falling: bool = False

    def judge(self, value: float) -> State:
        """Judge a value."""
        if self._is_reached(self.red, value):
            return "red"
        return "amber" if self._is_reached(self.amber, value) else "ok"

    def _is_reached(self, limit: float, value: float) -> bool:
        return value <= limit if self.falling else value >= limit


LIMITS: dict[str, Limit] = {
    "lag_seconds": Limit(amber=10, red=60),
    "spool_rows": Limit(amber=100_000, red=1_000_000),
    "segments_unreadable": Limit(amber=1, red=1),
    "former_spools": Limit(amber=1, red=1),
    "shared_spool_away_seconds": Limit(amber=5, red=60),
    "shared_spool_rows": Limit(amber=100_000, red=1_000_000),
    "shared_spool_kept_seconds": Limit(amber=90_000, red=604_800),
    "machine_unseen_seconds": Limit(amber=60, red=3_600),
    "clock_off_seconds": Limit(amber=10, red=300),
    "checkpoint_due_seconds": Limit(amber=60, red=600),
    "wal_bytes": Limit(amber=256 * _MIB, red=_GIB),
    "backup_at": Limit(amber=1.5, red=3),  # its age, in multiples of CLC_BACKUP_EVERY
    "uploaded_at": Limit(amber=1.5, red=3),  # the same; without a schedule, how many days the upload fails
    "lake_failing_seconds": Limit(amber=5, red=259_200),
    "scrubbed_at": Limit(amber=2, red=8),  # its age in weeks
    "data_free_bytes": Limit(amber=5 * _GIB, red=_GIB, falling=True),
    "spool_free_bytes": Limit(amber=5 * _GIB, red=_GIB, falling=True),
    "processes_not_running": Limit(amber=1, red=1),
    "restarts_last_hour": Limit(amber=1, red=5),
    "queries_overdue": Limit(amber=1, red=1),
    "notifications_lost": Limit(amber=1, red=1),
    "rows_set_aside": Limit(amber=1, red=1_000),
    "failed_last_hour": Limit(amber=1, red=100),
    "changes_missing": Limit(amber=1, red=1_000),
    "tasks_failing": Limit(amber=1, red=10),
    "recoveries_last_week": Limit(amber=1, red=10),
}


class Figure(NamedTuple):
    """One figure: `value` is a number in the name's unit, ISO time or text; `text` is it in words."""

    name: str
    label: str
    value: Value
    text: str
    state: State = "ok"


def make_limited(name: str, label: str, value: float, text: str) -> Figure:
    """Make a figure whose state follows from its limit."""
    return Figure(name, label, value, text, LIMITS[name].judge(value))


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


def measure_age(at: datetime | str, facts: "Facts") -> Age:
    """Return the age of a moment."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    seconds = (facts.at - moment).total_seconds()
    return Age(max(seconds, 0.0), seconds < -_SKEW_SECONDS, moment.astimezone(facts.at.tzinfo))


def measure_wait(last: Age | None, facts: "Facts") -> float:
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
