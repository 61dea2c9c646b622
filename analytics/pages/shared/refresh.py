"""Fragments that are drawn again and again, each time once the page is at rest.

Streamlit's `run_every` also draws a fragment while the whole page is being drawn. A browser that hears of both at once
keeps what the new page lacks, and loses clicks. So the browser itself counts the seconds and asks for the next drawing.
"""

import time

from analytics.pages.shared.components.script import script


def draw_again_after(seconds: float | None, key: str) -> bool:
    """Have the browser draw the fragment that calls this again; return whether this drawing is one that it asked for.

    Args:
        seconds: from this drawing to the next; None for never.
        key: names what counts, uniquely on the page.
    """
    if not seconds:
        return False
    data = {"seconds": seconds, "turn": str(time.monotonic_ns())}
    asked = script("refresh", counts=True)(key=f"refresh-{key}", data=data, height=1, on_due_change=lambda: None)
    return bool(asked.due)
