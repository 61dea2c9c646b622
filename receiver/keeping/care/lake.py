"""Judges whether the lake has all finished months."""

from collections.abc import Iterator

from receiver.keeping.care.ages import Age, doubt, measure_age, measure_wait
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import Figure, make_limited, seconds_in_words

_OVERDUE_SECONDS = 2 * 86_400.0
"""From when on a look is overdue: the store looks every six hours, and writing years at first may take some."""


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
        text += f"; FAILING for {seconds_in_words(seconds)}, tried again: {note.get('error')}"
    last = complete or looked
    waited = measure_wait(last, facts)
    is_overdue = not failing and waited >= _OVERDUE_SECONDS
    if is_overdue:
        text += f"; NOT looked at for {seconds_in_words(waited)}"
    if obstacle := note.get("not_dropped"):
        text += f"; old months are NOT dropped: {obstacle}"
    figure = make_limited("lake_failing_seconds", "Lake", seconds, text)
    is_ahead = any(age and age.is_ahead for age in (last, failing))
    yield figure._replace(state=doubt(figure.state, if_true=obstacle or is_overdue or is_ahead))


def _describe_months(months: int, newest: str | None, age: Age) -> str:
    has = f"{months:,} month{'' if months == 1 else 's'} up to {newest}" if months else "no finished month yet"
    return f"{has}, looked {age}"


def _read_age(at: str | None, facts: Facts) -> Age | None:
    return measure_age(at, facts) if at else None
