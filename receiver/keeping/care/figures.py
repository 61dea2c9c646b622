"""Judges the facts: each figure with its value, its words, and whether it is ok, amber or red."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from receiver.data_directory.node import ALL_PARTS, has_listener, has_store
from receiver.data_directory.times import is_recent
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.files import judge_files
from receiver.keeping.care.limits import (
    LIMITS,
    Age,
    Figure,
    State,
    Value,
    doubt,
    format_bytes,
    format_seconds,
    make_limited,
    measure_age,
    measure_wait,
)
from receiver.keeping.care.sharing import describe_machine, describe_role, judge_machines, judge_shared_spool
from receiver.keeping.notes import STOPPED
from receiver.processes.state import ProcessState
from receiver.settings import is_loopback

_RECENTLY = timedelta(hours=1)
_WEEK = timedelta(days=7)
_SERVE_SILENT = 30.0
_MOST_NAMED = 3
_DAY_SECONDS = 86_400
_WEEK_SECONDS = 7 * _DAY_SECONDS
_LAKE_OVERDUE_SECONDS = 2.0 * _DAY_SECONDS
"""From when on a look is overdue: the store looks every six hours, and writing years at first may take some."""


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
        refusals=[
            {"reason": reason, "kept": kept, "last_hour": hour}
            for reason, (kept, hour) in facts.stored.rejected.items()
        ]
        if facts.stored
        else None,
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


def _choose_judges(facts: Facts) -> Iterator[Callable[[Facts], Iterator[Figure]]]:
    """Choose what to judge on a machine: nothing of a part that it does not run."""
    role = facts.role
    yield _judge_serve
    if has_store(role):
        yield from (_judge_queries, _judge_store, _judge_appending)
    yield _judge_lag
    if has_listener(role):
        yield _judge_spool
    if facts.has_shared_spool:
        yield from (judge_shared_spool, judge_machines)
    if has_store(role):
        yield from (_judge_safety, _judge_lake)
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


def _judge_lag(facts: Facts) -> Iterator[Figure]:
    """Judge how much waits and since when: for the store, or on a machine without one for the shared spool."""
    if not has_listener(facts.role):
        yield from _judge_storing(facts)
    elif has_store(facts.role):
        # Without the store's watermarks it is not known which rows are stored.
        yield from _judge_waiting(facts, "Lag of the store", "Rows waiting in the spool", is_known=bool(facts.stored))
    else:
        labels = "Lag of the shared spool", "Rows waiting to be sent"
        yield from _judge_waiting(facts, *labels, is_known=facts.is_sent_known)


def _judge_waiting(facts: Facts, lag_label: str, rows_label: str, *, is_known: bool) -> Iterator[Figure]:
    """Judge the rows in this machine's spool; `is_known` tells whether it is known which of them were taken."""
    waiting = facts.waiting
    if not is_known:
        yield Figure("lag_seconds", lag_label, None, "not known", "amber")
        yield Figure("spool_rows", rows_label, None, f"at most {waiting.rows:,}", "amber")
        return
    age = measure_age(waiting.since, facts) if waiting.since else Age(0.0)
    words = str(age) if age.is_ahead else format_seconds(age.seconds)
    lag = make_limited("lag_seconds", lag_label, age.seconds, words)
    yield lag._replace(state=doubt(lag.state, if_true=age.is_ahead))
    at_least = "at least " if waiting.unreadable else ""
    yield make_limited("spool_rows", rows_label, waiting.rows, f"{at_least}{waiting.rows:,}")


def _judge_storing(facts: Facts) -> Iterator[Figure]:
    """Judge how far a store that has no spool of its own is behind the shared one."""
    machines = facts.shared.machines if facts.shared else ()
    behind = next((machine.seconds_behind for machine in machines if machine.is_this), None)
    if behind is None:
        yield Figure("lag_seconds", "Lag of the store", None, "not known", "amber")
    else:
        yield make_limited("lag_seconds", "Lag of the store", behind, format_seconds(behind))


def _judge_spool(facts: Facts) -> Iterator[Figure]:
    """Judge this machine's spool, its segments, and those of the spools that it used before."""
    if facts.spool_unwritable:
        text = f"takes no new file ({facts.spool_unwritable}): notifications are refused with 503, now or soon"
        yield Figure("spool_unwritable", "Spool", facts.spool_unwritable, text, "red")
    waiting = facts.waiting
    unreadable = len(waiting.unreadable)
    words = ", ".join(waiting.unreadable[:_MOST_NAMED]) + (" and more" if unreadable > _MOST_NAMED else "")
    yield make_limited("segments_unreadable", "Segments that can't be read", unreadable, words or "none")
    former = [f"{each.directory} {each.trouble or 'still has rows'}" for each in facts.former_spools]
    yield make_limited("former_spools", "Old spools not yet emptied", len(former), ", ".join(former) or "none")
    text = f"{format_bytes(waiting.bytes)} in {waiting.segments}"
    yield Figure("spool_bytes", "Segments of the spool", waiting.bytes, text)


def _judge_safety(facts: Facts) -> Iterator[Figure]:
    """Judge how much a crash or a broken disk would take."""
    due = measure_age(facts.unsaved_since, facts).seconds if facts.unsaved_since else 0.0
    text = str(measure_age(facts.checkpointed_at, facts)) if facts.checkpointed_at else "never"
    at = facts.checkpointed_at.isoformat() if facts.checkpointed_at else None
    state = LIMITS["checkpoint_due_seconds"].judge(due)
    yield Figure("checkpointed_at", "Last checkpoint", at, text, state)
    yield make_limited("checkpoint_due_seconds", "Oldest row waiting for a checkpoint", due, format_seconds(due))
    yield make_limited("wal_bytes", "DuckDB's WAL", facts.wal_bytes, format_bytes(facts.wal_bytes))
    yield Figure("database_bytes", "Database", facts.database_bytes, format_bytes(facts.database_bytes))
    yield _judge_backup(facts)
    if facts.upload is not None:
        yield _judge_upload(facts, facts.upload)
    yield _judge_scrub(facts)


def _judge_backup(facts: Facts) -> Figure:
    made_at, failed_at = facts.backup.get("made_at"), facts.backup.get("failed_at")
    age = _read_age(made_at, facts)
    text = f"{age}, {facts.backup.get('notifications', 0):,} rows" if age else "none"
    state: State = "ok"
    if facts.backup_every:
        state = LIMITS["backup_at"].judge(measure_wait(age, facts) / facts.backup_every)
    else:
        text += "; no schedule (CLC_BACKUP_EVERY)"
    state = doubt(state, if_true=age and age.is_ahead)
    if failed_at and (age is None or age.is_ahead or failed_at > made_at):
        if facts.backup.get("error") == STOPPED:
            text += "; a stop of serve interrupted one" + ("" if facts.backup_every else ": make it again")
        else:
            state, text = "red", f"{text}; FAILED: {facts.backup.get('error')}"
    return Figure("backup_at", "Last backup", made_at, text, state)


def _judge_upload(facts: Facts, upload: Mapping[str, Any]) -> Figure:
    name = "uploaded_at"
    at, since = upload.get("uploaded_at"), upload.get("failing_since")
    age, failing = _read_age(at, facts), _read_age(since, facts)
    text = f"{age}, {upload.get('notifications', 0):,} rows" if age else "none yet"
    state: State = "ok"
    if facts.backup_every:
        state = LIMITS[name].judge(measure_wait(age, facts) / facts.backup_every)
    elif failing:
        state = LIMITS[name].judge(failing.seconds / _DAY_SECONDS)
    if failing:
        text += f"; FAILING for {format_seconds(failing.seconds)}, tried again: {upload.get('error')}"
    return Figure(
        name, "Last backup in object storage", at, text, doubt(state, if_true=failing or (age and age.is_ahead))
    )


def _judge_scrub(facts: Facts) -> Figure:
    name, scrub = "scrubbed_at", facts.scrub
    at = scrub.at if scrub else None
    age = _read_age(at, facts)
    text = str(age or "not yet")
    state = LIMITS[name].judge(measure_wait(age, facts) / _WEEK_SECONDS)
    if scrub and scrub.damages:
        more = f" And {len(scrub.damages) - 1:,} more." if len(scrub.damages) > 1 else ""
        text, state = f"{text}; DAMAGED: {scrub.damages[0]}{more}", "red"
    elif at:
        text = f"{text}, no damage"
    if scrub and scrub.failure:
        text = f"{text}; FAILED since, tried again: {scrub.failure}"
    is_doubtful = (scrub and scrub.failure) or (age and age.is_ahead)
    return Figure(name, "Database re-read", at.isoformat() if at else None, text, doubt(state, if_true=is_doubtful))


def _judge_lake(facts: Facts) -> Iterator[Figure]:
    """Judge since when the lake can't be written, and whether old months could be dropped; nothing without CLC_LAKE."""
    note = facts.lake
    if note is None:
        return
    names = ("complete_at", "looked_at", "failing_since")
    complete, looked, failing = (_read_age(note.get(name), facts) for name in names)
    text = _describe_months(note["months"], note["newest"], complete) if complete else "not written yet"
    if note.get("waits_for"):
        text = f"waits for {note['waits_for']}"
    seconds = failing.seconds if failing else 0.0
    if failing:
        text += f"; FAILING for {format_seconds(seconds)}, tried again: {note.get('error')}"
    last = complete or looked
    waited = measure_wait(last, facts)
    is_overdue = not failing and waited >= _LAKE_OVERDUE_SECONDS
    if is_overdue:
        text += f"; NOT looked at for {format_seconds(waited)}"
    if obstacle := note.get("not_dropped"):
        text += f"; old months are NOT dropped: {obstacle}"
    figure = make_limited("lake_failing_seconds", "Lake", seconds, text)
    is_ahead = any(age and age.is_ahead for age in (last, failing))
    yield figure._replace(state=doubt(figure.state, if_true=obstacle or is_overdue or is_ahead))


def _describe_months(months: int, newest: str | None, age: Age) -> str:
    has = f"{months:,} month{'' if months == 1 else 's'} up to {newest}" if months else "no finished month yet"
    return f"{has}, looked {age}"


def _read_age(at: datetime | str | None, facts: Facts) -> Age | None:
    return measure_age(at, facts) if at else None


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
