"""Lines of text with ages that count by themselves in the browser, whether or not the page hears from the store."""

import time
from datetime import UTC, datetime

from analytics.pages._script import script

HTML = '<div class="age"></div>'


def age_line(*parts: str | datetime | None, key: str, drawn_at: datetime | None = None) -> None:
    """Draw a line of text; in place of each moment it says how long ago that is, and goes on counting.

    Args:
        parts: texts and moments; None is left out.
        key: the line's name on the page.
        drawn_at: when the page was drawn, for scripts that watch it.
    """
    now = datetime.now(UTC)
    shown = [{"age": (now - part).total_seconds()} if isinstance(part, datetime) else part for part in parts if part]
    script("age", HTML, isolated=False, counts=True)(
        key=key,
        data={"parts": shown, "turn": str(time.monotonic_ns()), "drawnAt": drawn_at.isoformat() if drawn_at else ""},
    )
