"""Judges the facts: each figure with its value, its words, and whether it is ok, amber or red."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from receiver.data_directory.node import ALL_PARTS, has_listener, has_store
from receiver.data_directory.times import is_recent
from receiver.keeping.care.ages import Age, doubt, measure_age
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.files import judge_files
from receiver.keeping.care.limits import (
    LIMITS,
    Figure,
    State,
    Value,
    format_bytes,
    format_seconds,
    make_limited,
)
from receiver.keeping.care.machines import describe_machine, describe_role, judge_machines, judge_shared_spool
from receiver.keeping.care.safety import judge_lake, judge_safety
from receiver.keeping.care.waiting import judge_lag, judge_spool
from receiver.processes.state import ProcessState
from receiver.settings import is_loopback

_RECENTLY = timedelta(hours=1)
_WEEK = timedelta(days=7)
_SERVE_SILENT = 30.0


class Status(NamedTuple):
    """The receiver's status: the worst state of all, each figure, and the lists behind some of them."""

    at: datetime
    state: State
    serving: bool
    figures: list[Figure]
    refusals: list[dict[str, Any]] | None
    processes: list[dict[str, Any]]
    recoveries: list[dict[str, Any]]
    silences: list[dict[str, Any]] | None
    machines: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return the answer of `GET /status`."""
        limits = {name: limit._asdict() for name, limit in LIMITS.items()}
        figures = [figure._asdict() for figure in self.figures]
        return {**self._asdict(), "at": self.at.isoformat(), "figures": figures, "limits": limits}

    def find_value(self, name: str) -> Value:
        """Return a figure's value; None also where it is not known."""
        return next((figure.value for figure in self.figures if figure.name == name), None)


def judge(facts: Facts) -> Status:
    """Judge each figure by `LIMITS`."""
    figures = [figure for judge_some in _choose_judges(facts) for figure in judge_some(facts)]
    states: list[State] = [figure.state for figure in figures]
    return Status(
        at=facts.at,
        state=next((state for state in ("red", "amber") if state in states), "ok"),
        serving=facts.serving,
        figures=figures,
        refusals=_list_refusals(facts.stored.rejected) if facts.stored else None,
        processes=_list_processes(facts),
        recoveries=[incident._asdict() for incident in facts.incidents],
        silences=[silence.model_dump() for silence in facts.serve.silences] if facts.serve else None,
        machines=[describe_machine(each, facts.at) for each in facts.shared.machines] if facts.shared else [],
    )


def _list_processes(facts: Facts) -> list[dict[str, Any]]:
    """List the processes as `serve` wrote of them last; if it was killed since, they have ended with it."""
    processes = facts.serve.processes if facts.serve else {}
    ended = {} if facts.serving else {"state": "stopped", "pid": None, "silent_since": None, "busy_with": None}
    return [{"name": name, **process.model_dump(), **ended} for name, process in processes.items()]


def _list_refusals(rejected: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"reason": reason, "kept": kept, "last_hour": hour} for reason, (kept, hour) in rejected.items()]


def _choose_judges(facts: Facts) -> Iterator[Callable[[Facts], Iterator[Figure]]]:
    """Choose what to judge on a machine: nothing of a part that it does not run."""
    role = facts.role
    yield _judge_serve
    if has_store(role):
        yield from (_judge_queries, _judge_store, _judge_appending)
    yield judge_lag
    if has_listener(role):
        yield judge_spool
    if facts.has_shared_spool:
        yield from (judge_shared_spool, judge_machines)
    if has_store(role):
        yield from (judge_safety, judge_lake)
    yield from (_judge_recoveries, _judge_disks)


def _judge_serve(facts: Facts) -> Iterator[Figure]:
    yield _judge_serving(facts)
    yield Figure("version", "Version", facts.version, facts.version)
    if facts.role != ALL_PARTS:
        yield Figure("role", "This machine", facts.role, f"{describe_role(facts.role)} only")
    yield from judge_files(facts)
    if facts.serving and facts.serve and facts.serve.listen:
        yield Figure("listen", "Address of the receiver", facts.serve.listen, facts.serve.listen)
        if facts.serve.has_url_secret:
            yield Figure("url_secret", "Target URLs", 1, "hold the secret of CLC_URL_SECRET")
    processes = facts.serve.processes if facts.serve and facts.serving else {}
    down = {name: words for name, process in processes.items() if (words := _describe_down(process))}
    words = ", ".join(f"{name}: {why}" for name, why in down.items()) or "none"
    yield make_limited("processes_not_running", "Processes not running", len(down), words)
    total = sum(process.restarts for process in processes.values())
    yield Figure("restarts", "Restarts since serve began", total, f"{total:,}")
    recent = [
        process for process in processes.values() for at in process.restarted_at if is_recent(at, _RECENTLY, facts.at)
    ]
    reasons = [process.failure for process in recent if process.failure]
    words = f"{len(recent):,}; {reasons[-1]}" if reasons else f"{len(recent):,}"
    yield make_limited("restarts_last_hour", "Restarts in the last hour", len(recent), words)


def _judge_queries(facts: Facts) -> Iterator[Figure]:
    address = facts.query_listen
    if is_loopback(address):
        yield Figure("query_listen", "Query service", address, address)
    else:
        words = f"{address}: other machines reach it, and it does not encrypt; put a proxy with TLS before it"
        yield Figure("query_listen", "Query service", address, words, "amber")
    overdue = facts.queries_overdue
    yield make_limited("queries_overdue", "Queries that can't be interrupted", overdue, f"{overdue:,}")


def _judge_serving(facts: Facts) -> Figure:
    if not facts.serving:
        return Figure("serving", "serve", 0, "NOT running", "red")
    written_at = facts.serve.written_at if facts.serve else None
    age = measure_age(written_at, facts) if written_at else Age(0.0)
    if age.seconds > _SERVE_SILENT:
        words = f"it hangs or can't write: serve.json was last written at {written_at}"
        return Figure("serving", "serve", 1, words, "red")
    if age.is_ahead:
        return Figure("serving", "serve", 1, f"running, but serve.json is {age}", "amber")
    return Figure("serving", "serve", 1, "running")


def _describe_down(process: ProcessState) -> str | None:
    """Say why a process does not work; None if it does."""
    if process.state != "running":
        return process.state
    return f"no sign of life since {process.silent_since}" if process.silent_since else None


def _judge_store(facts: Facts) -> Iterator[Figure]:
    stored = facts.stored
    if stored is None:
        yield Figure("store", "Store", 0, f"can't be read: {facts.unread or 'there is none'}", "red")
        return
    yield Figure("store", "Store", 1, "answers")
    yield Figure("schema_version", "Schema version", stored.schema_version, str(stored.schema_version))
    yield Figure("notifications", "Notifications, with copies", stored.notifications, f"{stored.notifications:,}")
    if stored.complete_since:
        yield _judge_completeness(facts, stored.complete_since)
    rate = stored.last_minute / 60
    yield Figure("rate_last_minute", "Per second, last minute", rate, f"{rate:,.2f}")
    rate = stored.last_hour / 3600
    yield Figure("rate_last_hour", "Per second, last hour", rate, f"{rate:,.2f}")
    refused = sum(hour for _, hour in stored.rejected.values())
    yield Figure("refused_last_hour", "Refused in the last hour", refused, f"{refused:,}")
    _, failed = stored.rejected.get("internal_error", (0, 0))
    yield make_limited("failed_last_hour", "Failed in the receiver, last hour", failed, f"{failed:,}")
    yield make_limited("notifications_lost", "Notifications lost", stored.lost, f"{stored.lost:,}")
    yield make_limited("rows_set_aside", "Rows set aside", stored.set_aside, f"{stored.set_aside:,}")
    words = f"{stored.changes_missing:,}; run `clc-receiver rebuild`" if stored.changes_missing else "0"
    yield make_limited("changes_missing", "Notifications without their changes", stored.changes_missing, words)


def _judge_completeness(facts: Facts, since: datetime) -> Figure:
    """Say since when the database is complete: while its begin lies ahead, all that comes is taken for an old row."""
    text, age = f"{since:%Y-%m-%d}; earlier months are in the lake", measure_age(since, facts)
    if age.is_ahead:
        text = (
            f"{age} Notifications that come before then show no changes, and are dropped once the lake has them: "
            "restore a backup from before months were dropped"
        )
    return Figure("complete_since_at", "Complete since", since.isoformat(), text, doubt("ok", if_true=age.is_ahead))


def _judge_appending(facts: Facts) -> Iterator[Figure]:
    appending = facts.appending
    if appending is None:
        yield Figure("append_error", "Appending", None, "not known", "amber")
        yield Figure("tasks_failing", "Tasks of the store that fail", None, "not known", "amber")
        return
    if appending.failure:
        waited = measure_age(appending.since, facts).seconds if appending.since else 0.0
        text = f"STALLED for {format_seconds(waited)}: {appending.failure}"
        yield Figure("append_error", "Appending", appending.failure, text, "red")
    else:
        yield Figure("append_error", "Appending", None, "works")
    words = "; ".join(f"{task}: {why}" for task, why in appending.failing.items())
    yield make_limited("tasks_failing", "Tasks of the store that fail", len(appending.failing), words or "none")


def _judge_recoveries(facts: Facts) -> Iterator[Figure]:
    recent = [each for each in facts.incidents if is_recent(each.at, _WEEK, facts.at)]
    recoveries = make_limited("recoveries_last_week", "Recoveries in the last week", len(recent), f"{len(recent):,}")
    missing = [each for each in facts.incidents if each.missing]
    if missing:
        # Red for a week, so that an operator sees it; and never ok again, because it stays missing.
        state = "red" if missing[-1] in recent else "amber" if recoveries.state == "ok" else recoveries.state
        text = f"{len(recent):,}; MISSING since {missing[-1].at[:10]}: {missing[-1].missing}"
        recoveries = recoveries._replace(state=state, text=text)
    yield recoveries


def _judge_disks(facts: Facts) -> Iterator[Figure]:
    for disk, free in facts.free.items():
        name, label = f"{disk}_free_bytes", f"Free on the disk of the {disk}"
        if free is None:
            yield Figure(name, label, None, "not known", "amber")
        else:
            yield make_limited(name, label, free, format_bytes(free))
