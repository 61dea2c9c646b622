"""Puts moments and rows into words: pages show times in the viewer's time zone, and in UTC on a hover."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.charts.alarms import format_span
from analytics.pages.shared.store import null_to_none
from analytics.pages.shared.store import to_moment as read_moment
from analytics.senders import list_categories, list_event_types, name_unknown_type
from analytics.text import list_fields, make_visible, parse_payload, shorten
from analytics.times import find_zone, format_in_utc, label_zone

A_MINUTE = timedelta(minutes=1)
PERCENT = "Percent"
"""The end of the names of percentages."""
UNITS = ("MB", "GB")
"""The ends of the names of amounts."""


def find_viewer_zone() -> ZoneInfo:
    """Return the time zone of the viewer's browser; UTC where it is not known."""
    return find_zone(st.context.timezone)


def choose_zone(moment: datetime, zone: ZoneInfo) -> ZoneInfo:
    """Return a time zone; UTC where the moment would lie past the ends of the calendar there, as one of 9999 may."""
    try:
        moment.astimezone(zone)
    except OverflowError:
        return find_zone(None)
    return zone


def format_in_zone(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment as date and time of day in a time zone that has it, to the second; see `choose_zone`."""
    return "" if moment is None else moment.astimezone(choose_zone(moment, zone)).strftime("%Y-%m-%d %H:%M:%S")


def name_with_zone(what: str) -> str:
    """Return a column's or a field's name with the time zone of its times: `Received (Berlin)`."""
    return f"{what} ({label_zone(find_viewer_zone())})"


def format_with_zone(moment: datetime | None) -> str:
    """Return a moment in the viewer's time zone, with the zone's name; empty where there is none."""
    return f"{format_local(moment)} {label_zone(choose_zone(moment, find_viewer_zone()))}" if moment else ""


def format_minute(moment: datetime) -> str:
    """Return a moment in the viewer's time zone, to the minute, with the zone's name."""
    zone = find_viewer_zone()
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} {label_zone(zone)}"


def format_local(moment: datetime | None) -> str:
    """Return a moment in the viewer's time zone, to the second; empty where there is none."""
    return format_in_zone(moment, find_viewer_zone())


def format_utc(moment: datetime | None) -> str:
    """Return a moment in UTC for a hover, to the second; empty where there is none."""
    return format_in_utc(moment)


def format_clock(moment: datetime) -> str:
    """Return the time of day of a moment in the viewer's time zone, with the zone's name."""
    zone = find_viewer_zone()
    return f"{moment.astimezone(zone):%H:%M:%S} {label_zone(zone)}"


def find_late_since(occurred: datetime | None, received: datetime | None, due: datetime | None) -> datetime | None:
    """Return the moment since which a notification is late; None where it came within a minute.

    Where the sender can send it only from a moment after its event, which `due` is, it is late after that.
    """
    since = max(occurred, due) if occurred and due else occurred
    return None if since is None or received is None or received - since <= A_MINUTE else since


def format_delay(row: Any, due: datetime | None = None) -> str | None:
    """Return how late a notification came, for a list; None where it is not late."""
    received = read_moment(row.received_at)
    since = find_late_since(read_moment(row.occurred_at), received, due)
    return f"{format_span(received - since)} late" if received and since else None


def format_lag(
    occurred: datetime | None, received: datetime | None, source: str | None, due: datetime | None = None
) -> str | None:
    """Return when, how late and from where a notification came; None where it is not late.

    The day of receipt is left out where it is that of the event.
    """
    since = find_late_since(occurred, received, due)
    if occurred is None or since is None or received is None:
        return None
    zone = choose_zone(occurred, find_viewer_zone())
    is_same_day = occurred.astimezone(zone).date() == received.astimezone(zone).date()
    at = f"{received.astimezone(zone):%H:%M:%S}" if is_same_day else format_local(received)
    origin = f", from {make_visible(source)}" if source else ""
    return (
        f"received {at}, {format_span(received - since)} {'later' if since == occurred else 'after it was due'}{origin}"
    )


def describe_receipt(row: Any, due: datetime | None = None) -> str:
    """Return when and from where a notification came; without the time where it is not late, see `format_lag`."""
    source = null_to_none(row.source_ip)
    late = format_lag(read_moment(row.occurred_at), read_moment(row.received_at), source, due)
    return late or f"received within a minute, from {make_visible(source) if source else 'an unknown address'}"


def format_range(since: datetime | None, until: datetime | None) -> str:
    """Return a range of time in the viewer's time zone; the end has a date only where it is on another day.

    Seconds are left out where they are zero, and from ranges of several days. Without both ends the text is empty.
    """
    zone = find_viewer_zone()
    begin, end = (moment.astimezone(zone) if moment else None for moment in (since, until))
    is_one_day = bool(begin and end and begin.date() == end.date())
    clock = "%H:%M:%S" if is_one_day and any(moment and moment.second for moment in (begin, end)) else "%H:%M"
    if begin and end:
        return f"{begin:%Y-%m-%d {clock}} to {end.strftime(clock) if is_one_day else f'{end:%Y-%m-%d {clock}}'}"
    return f"Since {begin:%Y-%m-%d %H:%M}" if begin else f"Until {end:%Y-%m-%d %H:%M}" if end else ""


def format_number(seq: int) -> str:
    """Return the text of a link to a notification."""
    return f"no. {seq}"


def format_event(row: Any) -> str:
    """Return the text of a notification's event type, or of its category where the event is unknown."""
    return make_visible(null_to_none(row.event_type) or f"{row.category} (unknown)")


def format_type(name: str) -> str:
    """Return the text of an event type; the name of an unknown event is its category."""
    is_unknown = name in list_categories() and name not in list_event_types()
    return make_visible(name_unknown_type(name) if is_unknown else name)


def map_types() -> dict[str, str]:
    """Return the names of all event types, those of unknown events last, by their texts."""
    return {format_type(name): name for name in (*list_event_types(), *list_categories())}


def format_reading(reading: Any) -> str:
    """Return an alert's reading as text: percentages first, then the amounts that they are of; `94.3 % of 2,048 MB`."""
    measured = parse_payload(null_to_none(reading) or "null")
    if not isinstance(measured, dict):
        return shorten(null_to_none(reading) or "", 80)
    fields = list(list_fields(measured))
    shares = [format_amount(value, "%") for name, value in fields if name.endswith(PERCENT)]
    amounts = [f"of {format_amount(value, name[-2:])}" for name, value in fields if name.endswith(UNITS)]
    others = [f"{name} {value}" for name, value in fields if not name.endswith((PERCENT, *UNITS))]
    return shorten(" ".join([", ".join(shares), *amounts]) if shares else ", ".join([*others, *amounts]).strip(), 80)


def format_amount(value: str, unit: str) -> str:
    """Return an amount with its unit, a number with at most one decimal place."""
    with suppress(ValueError):
        value = f"{float(value):,.1f}".removesuffix(".0")
    return f"{value} {unit}"


def parse_headers(text: str | None) -> list[tuple[str, Any]]:
    """Return the headers of a refused request as pairs."""
    try:
        headers = json.loads(text or "{}")
    except ValueError:
        return [("headers", text)]
    if isinstance(headers, dict):
        return [(shorten(str(name), 60), value) for name, value in headers.items()]
    return [("headers", text)]
