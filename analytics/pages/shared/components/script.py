"""Our own components: each is a script of this package, with or without visible elements.

Streamlit's `run_every` also draws a fragment while the whole page is being drawn. A browser that gets both at once
keeps elements of the old page and loses clicks. So the browser itself counts the seconds and asks for a drawing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import streamlit as st

AGE_HTML = '<div class="age"></div>'
HTML = '<div class="plain"><pre tabindex="0" role="region"><code></code></pre><button type="button">Copy</button></div>'


@st.cache_resource(show_spinner=False)
def script(
    name: str, html: str | None = None, *, package: str = __package__, isolated: bool = True, counts: bool = False
) -> Callable[..., Any]:
    """Register a script with Streamlit, once, and return the function that runs it with a key, data and a height.

    Args:
        name: the name of the script, and of its style sheet if it has `html`.
        html: the elements that it draws into; without them it is invisible.
        package: the package of its files.
        isolated: whether style sheets are separate: its own from the page's.
        counts: whether it counts seconds, and so needs `clocks.js`.
    """
    own = read_file(package, f"{name}.js")
    js = f"{read_file(__package__, 'clocks.js')}\n{own}" if counts else own
    css = read_file(package, f"{name}.css") if html else None
    return st.components.v2.component(
        f"clc_{name}", html=html or "<span></span>", css=css, js=js, isolate_styles=isolated
    )


def read_file(package: str, name: str) -> str:
    """Return the text of a file beside a package's modules."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def draw_again_after(seconds: float | None, key: str) -> bool:
    """Let the browser draw the calling fragment again; return whether it asked for this drawing.

    Args:
        seconds: the time from this drawing to the next; None for never.
        key: the counter's name, unique on the page.
    """
    if not seconds:
        # It takes the same place; without it, everything after it would move in the browser's tree and be there twice.
        st.empty()
        return False
    data = {"seconds": seconds, "turn": str(time.monotonic_ns())}
    result = script("refresh", counts=True)(key=f"refresh-{key}", data=data, height=1, on_due_change=lambda: None)
    return bool(result.due)


def draw_text(text: str, *, key: str, alt: str, wrap: bool = True, height: int | None = None) -> None:
    """Draw a text.

    Args:
        text: the text; its line breaks stay.
        key: the name of the text on the page.
        alt: describes the text for people who can't see it.
        wrap: whether long lines wrap instead of scrolling.
        height: the height in pixels from which it scrolls.
    """
    script("plain", HTML)(key=f"plain-{key}", data={"text": text, "alt": alt, "wrap": wrap, "height": height})


class Age(NamedTuple):
    """The age of a moment, such as "3 min ago", and the text after it."""

    moment: datetime
    after: str = ""

    def describe(self) -> dict[str, float | str]:
        """Return the age for the browser, which counts on from there."""
        return {"age": (datetime.now(UTC) - self.moment).total_seconds(), "after": self.after}


def draw_age_line(*parts: str | datetime | None, key: str, drawn_at: datetime | None = None) -> None:
    """Draw a line of text with the age of each moment in it; the ages count by themselves.

    Args:
        parts: texts and moments; None is left out.
        key: the line's name on the page.
        drawn_at: the time of the page's drawing, for scripts that watch it.
    """
    shown = [Age(part).describe() if isinstance(part, datetime) else part for part in parts if part]
    script("age", AGE_HTML, isolated=False, counts=True)(
        key=key,
        data={"parts": shown, "turn": str(time.monotonic_ns()), "drawnAt": drawn_at.isoformat() if drawn_at else ""},
    )
