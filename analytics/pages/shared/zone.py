"""The viewer's time zone: pages show times in it, and in UTC on a hover."""

from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.times import local_text, utc_text, zone_label, zone_of

__all__ = ["format_clock", "format_local", "format_utc", "format_with_zone", "name_with_zone", "viewer_zone"]


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
