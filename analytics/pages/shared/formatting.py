"""Puts moments and rows into words: pages show times in the viewer's time zone, and in UTC on a hover."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.pages.shared.store import null_to_none
from analytics.times import local_text, utc_text, zone_label, zone_of


def viewer_zone() -> ZoneInfo:
    """Return the time zone of the viewer's browser; UTC where it is not known."""
    return zone_of(st.context.timezone)


def name_with_zone(what: str) -> str:
    """Return a column's or a field's name with the time zone of its times: `Received (Berlin)`."""
    return f"{what} ({zone_label(viewer_zone())})"


def format_with_zone(moment: datetime | None) -> str:
    """Return a moment in the viewer's time zone, with the zone's name; empty where there is none."""
    return f"{format_local(moment)} {zone_label(viewer_zone())}" if moment else ""


def format_local(moment: datetime | None) -> str:
    """Return a moment in the viewer's time zone, to the second; empty where there is none."""
    return local_text(moment, viewer_zone())


def format_utc(moment: datetime | None) -> str:
    """Return a moment in UTC for a hover, to the second; empty where there is none."""
    return utc_text(moment)


def format_clock(moment: datetime) -> str:
    """Return the time of day of a moment in the viewer's time zone, with the zone's name."""
    zone = viewer_zone()
    return f"{moment.astimezone(zone):%H:%M:%S} {zone_label(zone)}"


def number_text(seq: int) -> str:
    """Return the text of a link to a notification."""
    return f"no. {seq}"


def event_text(row: Any) -> str:
    """Return the event type of a notification, or its category where the event is unknown."""
    return str(null_to_none(row.event_type) or f"{row.category} (unknown)")
