"""Keeps all alarms: reads only new alerts for them, and finds in a thread which are still active."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.charts import alarms
from analytics.client.completeness import ask_dropped
from analytics.client.keeping import KeptAnswer
from analytics.pages.shared.answers import answer
from analytics.pages.shared.known.findings import load_known
from analytics.pages.shared.store import find_location, hold, list_rows, null_to_none, open_connection, run, to_moment
from analytics.queries import make_query
from analytics.senders import list_alerts

ROWS_AT_ONCE = 100_000
MOST_QUERIES = 100
MOST_PARTS = 100
"""More parts of the states are joined: one takes 26 KB, however few alerts it has, and pages stay open."""
IN_ALARM = "in alarm"


@dataclass
class AlarmCache:
    """The alarms of one store up to a notification, for all viewers; `latest` is the last state of each metric."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    last: int = 0
    last_id: str | None = None
    complete_since: datetime | None = None
    states: list[pd.DataFrame] = field(default_factory=list)
    alarms: pd.DataFrame | None = None
    latest: pd.DataFrame | None = None

    def look(self, run_query: Callable[..., pd.DataFrame]) -> pd.DataFrame | None:
        """Read on, and return the alarms of all time; None before the first alert.

        Args:
            run_query: runs a query by its name, with its values.
        """
        self.read_on(run_query)
        if self.alarms is None and self.states:
            self.join_states()
            # Deletions alone are no alerts.
            self.alarms = alarms.find_alarms(self.states[0]) if self.states[0]["metric"].notna().any() else None
        return self.alarms

    def read_on(self, run_query: Callable[..., pd.DataFrame]) -> None:
        """Read the alerts since the last look, in parts, so that no query takes long."""
        extent = ask_dropped(lambda **given: run_query("alert_extent", seq=self.last, **given))
        if extent.empty:
            self.forget()
            return
        newest = extent.iloc[0]
        complete_since = to_moment(newest.get("complete_since"))
        if self.last and (null_to_none(newest["id_then"]), complete_since) != (self.last_id, self.complete_since):
            self.forget()
        last, first = int(newest["last"]), max(self.last + 1, int(newest["first"]))
        step = max(ROWS_AT_ONCE, (last - first) // MOST_QUERIES + 1)
        spans = [(at, min(at + step - 1, last)) for at in range(first, last + 1, step)]
        parts = [run_query(alert.states, first=begin, last=end) for alert in list_alerts() for begin, end in spans]
        if new := [part.assign(occurred_at=part["occurred_at"].dt.tz_convert("UTC")) for part in parts if len(part)]:
            self.states.extend(new)
            self.latest = alarms.select_latest(pd.concat(new if self.latest is None else [self.latest, *new]))
            self.alarms = None
        if len(self.states) > MOST_PARTS:
            self.join_states()
        self.last, self.last_id, self.complete_since = last, str(newest["last_id"]), complete_since

    def join_states(self) -> None:
        """Make one part of the states that were read in several."""
        self.states = [pd.concat(self.states, ignore_index=True)]

    def forget(self) -> None:
        """Start again, as with another store, or without alerts that were dropped."""
        self.last, self.last_id, self.states, self.alarms, self.latest = 0, None, [], None, None


@st.cache_resource(show_spinner=False)
def open_cache(_location: str | None) -> AlarmCache:
    """Return the cache of a store's alarms, which is empty at first."""
    return AlarmCache()


def load_alarms() -> pd.DataFrame | None:
    """Return the alarms of all time, as `find_alarms` does; None before the first alert.

    Raises:
        AnalyticsError: the store can't be asked now.
    """
    memory = open_cache(find_location())

    def look() -> pd.DataFrame | None:
        with hold(memory.lock):
            return memory.look(run)

    return answer("alarms", look)


class InAlarm(NamedTuple):
    """The existing entities in alarm at the moment `upto`: each name with the account of its alert.

    `nameless` are the accounts of alerts in alarm that name no entity.
    """

    accounts: dict[str, str | None]
    nameless: list[str | None]
    upto: datetime

    def count(self, accounts: set[str] | None) -> int:
        """Return the number of the entities of some accounts; None means all."""
        return sum(accounts is None or account in accounts for account in self.accounts.values())

    def has_nameless(self, accounts: set[str] | None) -> bool:
        """Say whether an alert of some accounts that names no entity is in alarm; None means all."""
        return any(accounts is None or account in accounts for account in self.nameless)


class KeptInAlarm(KeptAnswer[InAlarm]):
    """Computes in its own thread what is in alarm: millions of alerts take seconds.

    Args:
        run_query: runs a query by its name, with its values.
        cache: the store's alarms.
    """

    def __init__(self, run_query: Callable[..., pd.DataFrame], cache: AlarmCache) -> None:
        super().__init__("alarms")
        self._run, self._cache = run_query, cache
        self._last: InAlarm | None = None
        self._read: tuple[int, str | None] | None = None

    @property
    def snapshot(self) -> InAlarm | None:
        """What was in alarm at the last look; None before the first."""
        return self._last

    def _look(self) -> None:
        upto = datetime.now(UTC)
        with self._cache.lock:
            self._cache.read_on(self._run)
            read, latest = (self._cache.last, self._cache.last_id), self._cache.latest
        if self._last and read == self._read:
            self._last = self._last._replace(upto=upto)
        else:
            above = [] if latest is None else [*list_rows(latest[latest["above"].astype(bool)])]
            nameless = [null_to_none(row.account_alias) for row in above if null_to_none(row.kind) is None]
            self._last = InAlarm(self._list_existing(above), nameless, upto)
        self._read = read

    def _list_existing(self, above: Sequence[Any]) -> dict[str, str | None]:
        """Return the entities in alarm with their accounts, without those whose alert came after their deletion."""
        named = {str(row.entity_id): null_to_none(row.account_alias) for row in above if null_to_none(row.kind)}
        ids = sorted(named)
        gone = {name for alert in list_alerts() if ids for name in self._run(alert.deleted, ids=ids)["entity_id"]}
        return {name: account for name, account in named.items() if name not in gone}


@st.cache_resource(show_spinner=False)
def open_in_alarm(place: str | None) -> KeptInAlarm:
    """Return the object that keeps what is in alarm, for all viewers."""
    client = open_connection().client
    return KeptInAlarm(lambda name, **values: client.df(*make_query(name, values)), open_cache(place))


def load_in_alarm() -> InAlarm | None:
    """Return what is in alarm; None while it is being computed.

    Raises:
        AnalyticsError: it can't be computed now.
    """
    return load_known(IN_ALARM, open_in_alarm(find_location()))
