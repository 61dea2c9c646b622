"""Months of UTC, and which of them are finished: no row of one is expected any more."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_GRACE = timedelta(days=2)
"""For machines that were down: what they took before may come so much later. What comes even later is written, too."""
_NAME = re.compile(r"\d{4}-\d{2}")


class Month(NamedTuple):
    """A month of UTC, which sorts by time."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as `2026-03`."""
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """When the next one begins."""
        return datetime(self.year + self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)


def find_first_kept(now: datetime, months: int) -> Month:
    """Return the month so many months before the present one."""
    year, index = divmod(now.year * 12 + now.month - 1 - months, 12)
    return Month(year, index + 1)


def parse_month(name: str) -> Month:
    """Read a month such as `2026-03`.

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    begins = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return Month(begins.year, begins.month)


def choose_finished(names: Iterable[str], now: datetime) -> list[Month]:
    """Choose the finished ones of months, in their order."""
    return [month for month in sorted(map(parse_month, names)) if month.ends + _GRACE <= now]
