"""The time that a request says, and whether that is close to the time of the check."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from receiver.senders.request import Detail
from receiver.senders.schemes.places import Place

Unit = Literal["s", "ms", "iso"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"[0-9]{1,14}")


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Where a request says its time, in which unit, and by how many seconds that may differ from the check's."""

    place: Place
    unit: Unit
    tolerance: int

    def judge(self, text: str | None, now: datetime) -> Detail | None:
        """Return why a time is not accepted; None if it is."""
        if text is None:
            return Detail.TIMESTAMP_MISSING
        moment = self._read(text)
        if moment is None:
            return Detail.TIMESTAMP_MALFORMED
        age = now.timestamp() - moment
        if age > self.tolerance:
            return Detail.STALE
        return Detail.FUTURE if -age > self.tolerance else None

    def _read(self, text: str) -> float | None:
        """Return seconds since 1970."""
        if self.unit != "iso":
            return int(text) / (1000 if self.unit == "ms" else 1) if _WHOLE.fullmatch(text) else None
        try:
            moment = datetime.fromisoformat(text)
            return None if moment.tzinfo is None else moment.timestamp()
        except ValueError:
            return None

    def write(self, now: datetime) -> str:
        """Return a time as a request says it."""
        if self.unit == "iso":
            return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return str((now - _EPOCH) // timedelta(milliseconds=1 if self.unit == "ms" else 1000))
