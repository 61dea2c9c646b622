"""The alarms of the store, kept between refreshes: each look reads only the notifications that came since the last.

What alerts tell is in their bodies, and reading those of all time takes long.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from analytics.pages.shared.answers import answer
from analytics.pages.shared.store import known, location, run
from analytics.senders import alarms, alerts

ROWS_AT_ONCE = 100_000
MOST_QUERIES = 100


@dataclass
class Kept:
    """What is known of the alerts of one store up to a notification, for all viewers."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    last: int = 0
    last_id: str | None = None
    states: list[pd.DataFrame] = field(default_factory=list)
    found: pd.DataFrame | None = None

    def look(self, run: Callable[..., pd.DataFrame]) -> pd.DataFrame | None:
        """Read on, and return the alarms of all time; None before the first alert.

        Args:
            run: runs a query by its name, with its values.
        """
        self.read_on(run)
        if self.found is None and self.states:
            self.states = [pd.concat(self.states, ignore_index=True)]
            self.found = alarms.intervals(self.states[0])
        return self.found

    def read_on(self, run: Callable[..., pd.DataFrame]) -> None:
        """Read what came since the last look, in parts, so that no query takes long."""
        extent = run("alert_extent", seq=self.last)
        if extent.empty:
            self.forget()
            return
        newest = extent.iloc[0]
        if self.last and known(newest["id_then"]) != self.last_id:
            self.forget()
        last, first = int(newest["last"]), max(self.last + 1, int(newest["first"]))
        step = max(ROWS_AT_ONCE, (last - first) // MOST_QUERIES + 1)
        spans = [(at, min(at + step - 1, last)) for at in range(first, last + 1, step)]
        parts = [run(one.states, first=begin, last=end) for one in alerts() for begin, end in spans]
        if new := [part.assign(occurred_at=part["occurred_at"].dt.tz_convert("UTC")) for part in parts if len(part)]:
            self.states.extend(new)
            self.found = None
        self.last, self.last_id = last, str(newest["last_id"])

    def forget(self) -> None:
        """Begin anew, as with another store."""
        self.last, self.last_id, self.states, self.found = 0, None, [], None


@st.cache_resource(show_spinner=False)
def kept(_location: str | None) -> Kept:
    """Return what is kept of a store; at first nothing."""
    return Kept()


def all_alarms() -> pd.DataFrame | None:
    """Return the alarms of all time, as `intervals` does; None before the first alert.

    Raises:
        AnalyticsError: the store can't be asked now.
    """
    memory = kept(location())

    def look() -> pd.DataFrame | None:
        with memory.lock:
            return memory.look(run)

    return answer("alarms", look)
