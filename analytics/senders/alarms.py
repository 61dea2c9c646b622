"""Alarms: the times when an entity's metric was above its threshold, computed from alerts."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import pandas as pd

KEY = ["server", "metric"]
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def intervals(states: pd.DataFrame) -> pd.DataFrame:
    """Return the alarms: each lasts from a state above the threshold to the next state below, per entity and metric.

    Args:
        states: the states in alerts, one row each: columns `seq`, `place` (within its notification), `occurred_at`,
            `account_alias`, `kind`, `entity_id`, `metric`, `above` (its threshold), `reading`.

    Returns:
        One row for each alarm: columns `kind`, `server`, `metric`, `account_alias`, `begin`, `end` (NaT while it
        lasts), `seq` (of the notification that began it), `reading`.
    """
    key = states.groupby(["entity_id", "metric"], sort=False).ngroup()
    rows = states.assign(key=key).sort_values(["key", "occurred_at", "seq", "place"], ignore_index=True)
    fires = rows["above"].astype(bool)
    fired = fires.shift(fill_value=False) & rows["key"].eq(rows["key"].shift())
    begins, ends = fires & ~fired, ~fires & fired
    number = begins.cumsum()
    ended = rows.loc[ends, "occurred_at"].set_axis(number[ends])
    begun = rows[begins].rename(columns={"entity_id": "server", "occurred_at": "begin"})
    whole = begun.assign(end=ended.reindex(number[begins]).array)
    return whole[["kind", "server", "metric", "account_alias", "begin", "end", "seq", "reading"]].reset_index(drop=True)


def filter_alarms(alarms: pd.DataFrame, accounts: AbstractSet[str] | None, server: str | None) -> pd.DataFrame:
    """Return the alarms of some accounts and of servers with a text in their names; None means all."""
    rows = alarms
    if accounts is not None:
        rows = rows[rows["account_alias"].isin(list(accounts))]
    if server:
        rows = rows[rows["server"].str.contains(server.upper(), regex=False)]
    return rows


def select_lasting(alarms: pd.DataFrame) -> pd.DataFrame:
    """Return the alarms that still last, the latest first."""
    return alarms[alarms["end"].isna()].sort_values(["begin", "seq"], ascending=False)


def clip_alarms(alarms: pd.DataFrame, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the alarms in a time range with their `time` within it; alarms that are not over last until its end."""
    inside = alarms[(alarms["begin"] <= until) & (alarms["end"].isna() | (alarms["end"] > since))]
    begin, end = inside["begin"], inside["end"]
    time = end.where(end < until, until) - begin.where(begin > since, since)
    return inside.assign(time=time.where(time > pd.Timedelta(0), pd.Timedelta(0)))


def group_by_metric(alarms: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each server and metric.

    Args:
        alarms: the result of `clip_alarms`.

    Returns:
        Columns `server`, `metric`, `kind`, `account_alias`, `times` (number of alarms), `time` (their sum), `last`
        (begin of the latest), `lasts` (whether one is not over).
    """
    rows = alarms.assign(lasts=alarms["end"].isna())
    return rows.groupby(KEY, sort=False, as_index=False).agg(
        kind=("kind", "last"),
        account_alias=("account_alias", "last"),
        times=("seq", "size"),
        time=("time", "sum"),
        last=("begin", "max"),
        lasts=("lasts", "any"),
    )


def span_text(span: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = max(int(span.total_seconds()), 0)
    for place, (unit, length) in enumerate(UNITS):
        if seconds >= length:
            rest = seconds % length
            below = UNITS[place + 1] if place + 1 < len(UNITS) else None
            more = f" {rest // below[1]} {below[0]}" if below and rest >= below[1] else ""
            return f"{seconds // length} {unit}{more}"
    return "0 s"
