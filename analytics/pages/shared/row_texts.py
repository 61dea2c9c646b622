"""Puts rows of the store into words: changes, and notifications by their changes."""

from collections import defaultdict
from typing import Any

import pandas as pd

from analytics.pages.shared.store import null_to_none, records
from analytics.senders import alerts
from analytics.text import shorten
from analytics.words.sentences import Change, summary

KINDS = {"added": "+ added", "removed": "- removed", "changed": "~ changed", "unseen": "? hidden"}
NOTHING_NEW = "nothing new"


def as_change(row: Any) -> Change:
    """Convert a row of `changes` for its sentence."""
    return Change(
        row.category,
        row.entity_id,
        null_to_none(row.actor),
        row.path,
        row.kind,
        null_to_none(row.old_value),
        null_to_none(row.new_value),
        null_to_none(getattr(row, "action", None)),
    )


def summaries(changes: pd.DataFrame, actions: dict[int, str | None]) -> dict[int, str]:
    """Return each notification's changes in words, by its number.

    Args:
        changes: rows of `changes` without noise.
        actions: the action of each notification, by its number.
    """
    by_number: dict[int, list[Change]] = defaultdict(list)
    for row in records(changes):
        by_number[row.seq].append(as_change(row)._replace(action=actions.get(row.seq)))
    return {seq: summary(group) for seq, group in by_number.items()}


def actions_of(notifications: pd.DataFrame) -> dict[int, str | None]:
    """Return the action of each notification, by its number."""
    return {row.seq: null_to_none(row.action) for row in records(notifications)}


def alert_text(metric: Any, state: Any) -> str:
    """Return the first trigger of an alert in words."""
    of = f"{shorten(metric, 20)} " if null_to_none(metric) else ""
    states = {alert.above: "above its threshold" for alert in alerts()}
    states |= {alert.below: "below its threshold again" for alert in alerts()}
    words = states.get(str(state).lower())
    return f"alert: {of}{words or shorten(str(null_to_none(state) or ''), 30)}".rstrip(": ")


def number_text(seq: int) -> str:
    """Return the text of a link to a notification."""
    return f"no. {seq}"


def event_text(row: Any) -> str:
    """Return the event type of a notification, or its category where the event is unknown."""
    return str(null_to_none(row.event_type) or f"{row.category} (unknown)")
