"""Judges whether the lake has all finished months."""

from collections.abc import Iterator
from datetime import datetime

from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import LIMITS, Figure, seconds_in_words

_NAME, _LABEL = "lake_at", "Lake"
_DAY_SECONDS = 86_400


def judge_lake(facts: Facts) -> Iterator[Figure]:
    """Judge since when the lake can't be written; nothing without CLC_LAKE."""
    note = facts.lake
    if note is None:
        return
    at, since = note.get("complete_at"), note.get("failing_since")
    text = _describe_months(note["months"], note["newest"], _age(at, facts)) if at else "not written yet"
    if note.get("waits_for"):
        text = f"waits for {note['waits_for']}"
    if since:
        failing = _age(since, facts)
        text += f"; FAILING for {seconds_in_words(failing)}, tried again: {note.get('error')}"
        yield Figure(_NAME, _LABEL, at, text, LIMITS[_NAME].state_of(failing / _DAY_SECONDS))
    else:
        yield Figure(_NAME, _LABEL, at, text)


def _describe_months(months: int, newest: str | None, age: float) -> str:
    has = f"{months:,} month{'' if months == 1 else 's'} up to {newest}" if months else "no finished month yet"
    return f"{has}, {seconds_in_words(age)} ago"


def _age(at: str, facts: Facts) -> float:
    return max((facts.at - datetime.fromisoformat(at)).total_seconds(), 0.0)
