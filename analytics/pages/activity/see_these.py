"""The button of the page Activity that leads to the counted notifications."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from analytics import senders
from analytics.pages.activity.filters import ActivityFilters
from analytics.pages.activity.time_range import When
from analytics.pages.shared import going


def draw_see_these(chosen: ActivityFilters, time: When) -> None:
    """Draw the way to the counted notifications."""

    def go() -> None:
        going.to_page("notifications", **notifications_address(chosen, time))

    st.button("See these notifications", key="see-these", on_click=go, icon=":material/list_alt:", type="primary")


def notifications_address(chosen: ActivityFilters, time: When) -> dict[str, Any]:
    """Return the values of the page Notifications' address for the same filters."""
    since, until = time.asked if time.asked and time.is_before_all else time.part
    runs = until is None or (time.span.running and until >= time.span.until)
    return {
        "events": event_types(chosen) or None,
        "sender": chosen.any_sender,
        "account": chosen.account,
        "below": "false" if chosen.alone else None,
        "actor": chosen.actor,
        "entity": chosen.entity[1] if chosen.entity else chosen.centre,
        "from": None if time.span.whole and not (chosen.part or time.complete_since) else in_seconds(since),
        "to": None if runs or until is None else in_seconds(until),
    }


def event_types(chosen: ActivityFilters) -> list[str]:
    """Return the event types for the page Notifications: of an entity or a place only its own."""
    if chosen.types:
        return [name for name in chosen.types if name in senders.event_types()]
    where = senders.place() if chosen.centre else None
    kind = chosen.entity[0] if chosen.entity else where.kind if where else ""
    return senders.event_types_of(senders.categories_of(kind))


def in_seconds(instant: datetime) -> str:
    """Return a moment in the form of the page Notifications' address."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
