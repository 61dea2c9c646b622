"""The results of sent notifications: each delivery, and a summary in a few lines."""

import hashlib
import time
from collections import Counter, deque
from datetime import datetime
from typing import NamedTuple

import orjson

from receiver.simulator.history import Outgoing

TIMES_KEPT = 100_000


class Delivery(NamedTuple):
    """The result of sending a notification. `seconds` is the time until the answer; `error` is None for a 200."""

    outgoing: Outgoing
    sent_at: datetime
    answered_at: datetime
    seconds: float
    status: int | None
    notification_id: str | None
    error: str | None

    def as_line(self) -> str:
        """Return the answer as a line of JSON."""
        line = {
            "id": self.notification_id,
            "event": self.outgoing.event_type,
            "sent_at": self.sent_at,
            "answered_at": self.answered_at,
            "status": self.status,
            "error": self.error,
            "sha256": hashlib.sha256(self.outgoing.body).hexdigest(),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z).decode()


class Tally:
    """Counts answers. Times are those of the latest 100,000 answered notifications."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.sent = 0
        self.accepted = 0
        self.errors: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=TIMES_KEPT)
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def end(self) -> None:
        """Stop the clock."""
        self._ended = time.monotonic()

    def add(self, answer: Delivery) -> None:
        """Count an answer."""
        self.sent += 1
        if answer.error is None:
            self.accepted += 1
        else:
            self.errors[answer.error] += 1
        if answer.status is not None:
            self._seconds.append(answer.seconds)

    @property
    def rate(self) -> float:
        """Notifications sent per second."""
        return self.sent / max(self._ended - self._began, 1e-9)

    def quantile(self, share: float) -> float:
        """Return the answer time in seconds at this share of the notifications; 0 without answers."""
        ordered = sorted(self._seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

    def summary(self) -> str:
        """Return a summary of the notifications sent and their results, in a few lines."""
        took = self._ended - self._began
        pace = f" in {took:,.1f} s ({self.rate:,.1f}/s)" if self.sent > 1 else ""
        lines = [f"Sent {self.sent:,}{pace}; {self.accepted:,} answered 200."]
        if self._seconds:
            p50, p99 = self.quantile(0.5) * 1000, self.quantile(0.99) * 1000
            lines.append(f"Time to the answer: p50 {p50:.1f} ms, p99 {p99:.1f} ms.")
        lines += [f"Not accepted: {number:,} ({error})." for error, number in self.errors.most_common()]
        return "\n".join(lines)
