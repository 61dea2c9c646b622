"""The state of the shared spool and its machines, and how it is judged.

Where no store runs, the shipper writes it to `sharing.json`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError

from receiver.data_directory.node import has_listener, has_store
from receiver.data_directory.times import is_recent
from receiver.files import write_whole
from receiver.keeping.care.limits import LIMITS, Age, Figure, State, doubt, format_seconds, make_limited, measure_age
from receiver.spool import Watermarks

if TYPE_CHECKING:
    from receiver.keeping.care.facts import Facts
    from receiver.shared_spool import NodeRow, Overview

FILE = "sharing.json"
_FRESH = timedelta(seconds=30)
_AWAY, _ROWS = "shared_spool_away_seconds", "shared_spool_rows"
_UNSEEN, _KEPT, _CLOCK = "machine_unseen_seconds", "shared_spool_kept_seconds", "clock_off_seconds"
_SHORT_ID = 8


class Machine(NamedTuple):
    """A machine that shares the spool: how long it was not seen, and how far its store is behind.

    `lacks_rows` says that rows it needs are deleted; `is_holding` that it keeps others from being deleted.
    `clock_ahead_seconds` says how far its clock is ahead of PostgreSQL's, None where that is not known.
    """

    id: str
    name: str
    version: str
    role: str
    unseen_seconds: float
    rows_behind: int
    seconds_behind: float
    lacks_rows: bool
    is_holding: bool
    is_this: bool
    clock_ahead_seconds: float | None = None


class SharedSpool(NamedTuple):
    """Why and since when the shared spool can't be used, and how many of its rows are not stored here.

    `obstacle` is why rows that this store needs are missing in it, or may be. `machines` is empty, and `kept_seconds`,
    the age of its oldest row, None, while they are not known. `has_backup` says whether a backup of any machine holds
    that row.
    """

    failure: str | None
    since: datetime | None
    rows: int
    obstacle: str | None = None
    machines: tuple[Machine, ...] = ()
    kept_seconds: float | None = None
    has_backup: bool = True


class SharingNote(BaseModel):
    """The note of a shipper: what it knows, and how many rows of this machine's segments the shared spool holds.

    `sent` is null as long as that is not known.
    """

    at: datetime
    shared: SharedSpool
    sent: list[tuple[str, str, int]] | None

    @property
    def watermarks(self) -> Watermarks:
        """How many rows of each segment and kind the shared spool holds."""
        return {(segment, kind): position for segment, kind, position in self.sent or ()}

    def read_shared(self, now: datetime) -> SharedSpool | None:
        """Return the shipper's note; None if it is old, or from the future because the clock was set back since."""
        return self.shared if is_recent(self.at, _FRESH, now) else None


def write_sharing_note(data_dir: Path, shared: SharedSpool, sent: Watermarks | None) -> None:
    """Replace the note.

    Raises:
        OSError: it can't be written.
    """
    listed = None if sent is None else [(*place, position) for place, position in sent.items()]
    note = SharingNote(at=datetime.now(UTC), shared=shared, sent=listed)
    write_whole(data_dir / FILE, note.model_dump_json(indent=1), synced=False)


def read_sharing_note(data_dir: Path) -> SharingNote | None:
    """Read the note; None where there is none, or another version wrote it."""
    try:
        return SharingNote.model_validate_json((data_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def add_machines(shared: SharedSpool, overview: "Overview | None", this: UUID) -> SharedSpool:
    """Add the machines that share the spool, as far as they are known; `this` is this one's id."""
    if overview is None:
        return shared
    return shared._replace(
        machines=tuple(_make_machine(node, overview, this) for node in overview.nodes),
        kept_seconds=overview.oldest_seconds,
        has_backup=any(node.backed_up >= overview.oldest for node in overview.nodes),
    )


def _make_machine(node: "NodeRow", overview: "Overview", this: UUID) -> Machine:
    return Machine(
        id=str(node.node),
        name=node.name,
        version=node.version,
        role=node.role,
        unseen_seconds=node.unseen_seconds,
        rows_behind=node.rows_behind,
        seconds_behind=node.seconds_behind,
        lacks_rows=node.lacks_rows,
        is_holding=has_store(node.role) and node.checkpointed < overview.oldest,
        is_this=node.node == this,
        clock_ahead_seconds=node.clock_ahead,
    )


def judge_shared_spool(facts: "Facts") -> Iterator[Figure]:
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


def judge_machines(facts: "Facts") -> Iterator[Figure]:
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
