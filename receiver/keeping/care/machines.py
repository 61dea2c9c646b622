"""Judges the shared spool and the machines that share it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from receiver.data_directory.node import has_listener, has_store
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import LIMITS, Age, Figure, State, doubt, format_seconds, make_limited, measure_age
from receiver.keeping.care.sharing import Machine, SharedSpool

_AWAY, _ROWS = "shared_spool_away_seconds", "shared_spool_rows"
_UNSEEN, _KEPT, _CLOCK = "machine_unseen_seconds", "shared_spool_kept_seconds", "clock_off_seconds"
_SHORT_ID = 8


def judge_shared_spool(facts: Facts) -> Iterator[Figure]:
    """Judge whether the shared spool can be used, and how much of it is not stored."""
    shared = facts.shared
    if shared is None:
        yield Figure(_AWAY, "Shared spool", None, "not known", "amber")
        return
    away = measure_age(shared.since, facts) if shared.failure and shared.since else Age(0.0)
    figure = make_limited(_AWAY, "Shared spool", away.seconds, _describe_use(shared, away))
    figure = figure._replace(state=doubt(figure.state, if_true=away.is_ahead))
    if shared.obstacle:
        figure = figure._replace(text=f"ACT NOW: {shared.obstacle}", state="red")
    yield figure
    if has_store(facts.role):
        yield make_limited(_ROWS, "Rows to take from the shared spool", shared.rows, f"{shared.rows:,}")


def _describe_use(shared: SharedSpool, away: Age) -> str:
    if not shared.failure:
        return "can be used"
    if away.is_ahead:
        return f"AWAY: {shared.failure}; since a time {away}"
    return f"AWAY for {format_seconds(away.seconds)}: {shared.failure}"


def judge_machines(facts: Facts) -> Iterator[Figure]:
    """Judge whether all machines live and have the right time, and whether rows can leave the shared spool."""
    shared = facts.shared
    if shared is None or not shared.machines:
        yield Figure(_UNSEEN, "Machines not seen", None, "not known", "amber")
        yield Figure(_CLOCK, "Clocks of the machines", None, "not known", "amber")
        yield Figure(_KEPT, "Oldest row in the shared spool", None, "not known", "amber")
        return
    yield _judge_unseen(shared.machines)
    yield _judge_clocks(shared.machines)
    kept = shared.kept_seconds or 0.0
    yield make_limited(_KEPT, "Oldest row in the shared spool", kept, _describe_kept(shared, kept))


def describe_role(role: str) -> str:
    """Say what a machine does, by its role."""
    parts = {"takes notifications": has_listener(role), "stores": has_store(role)}
    return " and ".join(words for words, is_done in parts.items() if is_done)


def describe_machine(machine: Machine, at: datetime) -> dict[str, Any]:
    """Return a machine for the answer of `GET /status`."""
    return {
        "id": machine.id,
        "name": machine.name,
        "this": machine.is_this,
        "version": machine.version,
        "role": machine.role,
        "does": describe_role(machine.role),
        "state": _judge(machine),
        "seen_at": (at - timedelta(seconds=machine.unseen_seconds)).isoformat(),
        "rows_behind": machine.rows_behind,
        "seconds_behind": machine.seconds_behind,
        "clock_ahead_seconds": machine.clock_ahead_seconds,
        "text": _describe(machine),
    }


def _judge_unseen(machines: Sequence[Machine]) -> Figure:
    limit = LIMITS[_UNSEEN]
    unseen = [machine for machine in machines if limit.judge(machine.unseen_seconds) != "ok"]
    words = [f"{name} for {format_seconds(each.unseen_seconds)}" for name, each in _name_apart(machines, unseen)]
    longest = max(machine.unseen_seconds for machine in machines)
    figure = make_limited(_UNSEEN, "Machines not seen", longest, ", ".join(words) or f"none of {len(machines):,}")
    if lacking := [machine for machine in machines if machine.lacks_rows]:
        words = [f"{name} lacks rows that are deleted" for name, _ in _name_apart(machines, lacking)]
        figure = figure._replace(text="; ".join([figure.text, *words]), state="red")
    return figure


def _judge_clocks(machines: Sequence[Machine]) -> Figure:
    wrong = [machine for machine in machines if _judge_clock(machine) != "ok"]
    words = [f"{name} is {_describe_clock(each)}" for name, each in _name_apart(machines, wrong)]
    furthest = max(map(_measure_clock, machines))
    right = f"none is {LIMITS[_CLOCK].amber:.0f} s off PostgreSQL's"
    return make_limited(_CLOCK, "Clocks of the machines", furthest, ", ".join(words) or right)


def _measure_clock(machine: Machine) -> float:
    """Return how far a clock is off, in seconds; 0 where that is not known now."""
    is_seen = LIMITS[_UNSEEN].judge(machine.unseen_seconds) == "ok"
    return abs(machine.clock_ahead_seconds or 0.0) if is_seen else 0.0


def _judge_clock(machine: Machine) -> State:
    return LIMITS[_CLOCK].judge(_measure_clock(machine))


def _describe_clock(machine: Machine) -> str:
    which = "ahead of" if (machine.clock_ahead_seconds or 0.0) > 0 else "behind"
    return f"{format_seconds(_measure_clock(machine))} {which} PostgreSQL"


def _describe_kept(shared: SharedSpool, kept: float) -> str:
    if not kept:
        return "none"
    words = f"{format_seconds(kept)} old"
    if not shared.has_backup:
        return f"{words}: no backup of any machine holds it"
    holding = [machine for machine in shared.machines if machine.is_holding]
    names = ", ".join(name + _describe_absence(each) for name, each in _name_apart(shared.machines, holding))
    return f"{words}: not yet in the database file of {names}" if names else words


def _describe_absence(machine: Machine) -> str:
    unseen = machine.unseen_seconds
    return "" if LIMITS[_UNSEEN].judge(unseen) == "ok" else f", not seen for {format_seconds(unseen)}"


def _name_apart(machines: Sequence[Machine], some: Sequence[Machine]) -> list[tuple[str, Machine]]:
    """Name machines, with a part of their id where several have the same name."""
    counts = Counter(machine.name for machine in machines)
    return [(each.name if counts[each.name] == 1 else f"{each.name} ({each.id[:_SHORT_ID]})", each) for each in some]


def _judge(machine: Machine) -> State:
    states = {LIMITS[_UNSEEN].judge(machine.unseen_seconds), _judge_clock(machine)}
    return "red" if machine.lacks_rows or "red" in states else "amber" if "amber" in states else "ok"


def _describe(machine: Machine) -> str:
    """Say how far behind a machine's store is, and what to do about it."""
    if machine.lacks_rows:
        return "lacks rows that are deleted: restore a backup of another machine there"
    behind = f"{machine.rows_behind:,} rows behind, since {format_seconds(machine.seconds_behind)}"
    words = behind if machine.rows_behind else "has all rows" if has_store(machine.role) else "no store"
    if _judge_clock(machine) != "ok":
        return f"{words}; its clock is {_describe_clock(machine)}: set it"
    if _judge(machine) == "red":
        return f"{words}; if it will not come back: `clc-receiver forget {machine.id[:_SHORT_ID]}`"
    return words
