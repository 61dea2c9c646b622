"""Judges what keeps the store safe: checkpoints, backups, their uploads, the lake, and the re-read of the database."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from receiver.keeping.care.ages import Age, doubt, measure_age, measure_wait
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import LIMITS, Figure, State, format_bytes, format_seconds, make_limited
from receiver.keeping.notes import STOPPED

_DAY_SECONDS = 86_400
_WEEK_SECONDS = 7 * _DAY_SECONDS
_LAKE_OVERDUE_SECONDS = 2.0 * _DAY_SECONDS
"""From when on a look is overdue: the store looks every six hours, and writing years at first may take some."""


def judge_safety(facts: Facts) -> Iterator[Figure]:
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


def judge_lake(facts: Facts) -> Iterator[Figure]:
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
