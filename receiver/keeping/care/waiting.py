"""Judges what waits: in this machine's spool, or in the shared one for a store that has no other."""

from collections.abc import Iterator

from receiver.data_directory.node import has_listener, has_store
from receiver.keeping.care.ages import Age, doubt, measure_age
from receiver.keeping.care.facts import Facts
from receiver.keeping.care.limits import Figure, format_bytes, format_seconds, make_limited

_MOST_NAMED = 3


def judge_lag(facts: Facts) -> Iterator[Figure]:
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


def judge_spool(facts: Facts) -> Iterator[Figure]:
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
