"""Text with ages that count by themselves in the browser, whether or not the page hears from the store."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from analytics.pages.shared.components.script import script

HTML = '<div class="age"></div>'


class Age(NamedTuple):
    """How long ago a moment is, as "3 min ago", and the text after that."""

    moment: datetime
    after: str = ""

    def told(self) -> dict[str, float | str]:
        """Return the age for the browser, which counts on from there."""
        return {"age": (datetime.now(UTC) - self.moment).total_seconds(), "after": self.after}


def age_line(*parts: str | datetime | None, key: str, drawn_at: datetime | None = None) -> None:
    """Draw a line of text; in place of each moment it says how long ago that is, and goes on counting.

    Args:
        parts: texts and moments; None is left out.
        key: the line's name on the page.
        drawn_at: when the page was drawn, for scripts that watch it.
    """
    shown = [Age(part).told() if isinstance(part, datetime) else part for part in parts if part]
    script("age", HTML, isolated=False, counts=True)(
        key=key,
        data={"parts": shown, "turn": str(time.monotonic_ns()), "drawnAt": drawn_at.isoformat() if drawn_at else ""},
    )
