"""Time zones: a moment as people of a zone write it, and the same in UTC."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu", "Universal"})


def zone_of(name: str | None) -> ZoneInfo:
    """Return the time zone of an IANA name; UTC where there is none of that name."""
    try:
        return ZoneInfo("UTC" if not name or name in UTC_NAMES else name)
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def zone_label(zone: ZoneInfo) -> str:
    """Return what a time zone is called in few words: `UTC`, or the place that its name ends with."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def local_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment as date and time of day in a time zone, to the second."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def utc_text(moment: datetime | None) -> str:
    """Return a moment as date and time of day in UTC, and say that it is UTC."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
