"""Times that are noted in the data directory, also by a clock that was wrong."""

from datetime import datetime, timedelta


def is_recent(at: datetime | str, span: timedelta, now: datetime) -> bool:
    """Tell whether a noted time is about now.

    Args:
        at: the time; a text is in ISO form.
        span: how long ago it may be; and as far ahead, because the clock may have been set back since.
        now: the present time.
    """
    return abs(now - (datetime.fromisoformat(at) if isinstance(at, str) else at)) < span
