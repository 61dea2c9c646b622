"""Judges whether the lake has all finished months."""

from collections.abc import Iterator
from datetime import datetime

from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import Figure, make_limited, seconds_in_words


def judge_lake(facts: Facts) -> Iterator[Figure]:
    """Judge since when the lake can't be written, and whether old months could be dropped; nothing without CLC_LAKE."""
    note = facts.lake
    if note is None:
        return
    at, since = note.get("complete_at"), note.get("failing_since")
    text = _describe_months(note["months"], note["newest"], _age(at, facts)) if at else "not written yet"
    if note.get("waits_for"):
        text = f"waits for {note['waits_for']}"
    failing = _age(since, facts) if since else 0.0
    if since:
        text += f"; FAILING for {seconds_in_words(failing)}, tried again: {note.get('error')}"
    figure = make_limited("lake_failing_seconds", "Lake", failing, text)
    if obstacle := note.get("not_dropped"):
        state = "amber" if figure.state == "ok" else figure.state
        figure = figure._replace(text=f"{text}; old months are NOT dropped: {obstacle}", state=state)
    yield figure


def _describe_months(months: int, newest: str | None, age: float) -> str:
    has = f"{months:,} month{'' if months == 1 else 's'} up to {newest}" if months else "no finished month yet"
    return f"{has}, looked {seconds_in_words(age)} ago"


def _age(at: str, facts: Facts) -> float:
    return max((facts.at - datetime.fromisoformat(at)).total_seconds(), 0.0)
