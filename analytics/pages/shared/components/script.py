"""Components of our own: each is a script of this package, and what of it is seen.

Streamlit's `run_every` also draws a fragment while the whole page is being drawn. A browser that hears of both at once
keeps what the new page lacks, and loses clicks. So the browser itself counts the seconds and asks for the next drawing.
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
    """Register a script with Streamlit, once, and return what runs it: with a key, data, and a height.

    Args:
        name: of the script, and where it has `html` of its style sheet.
        html: what it draws into; without, nothing of it is seen.
        package: where it lies.
        isolated: whether its style sheet is for itself alone, and the page's is not for it.
        counts: whether it counts seconds, with what all such scripts share.
    """
    own = read_file(package, f"{name}.js")
    js = f"{read_file(__package__, 'clocks.js')}\n{own}" if counts else own
    css = read_file(package, f"{name}.css") if html else None
    return st.components.v2.component(
        f"clc_{name}", html=html or "<span></span>", css=css, js=js, isolate_styles=isolated
    )


def read_file(package: str, name: str) -> str:
    """Return the text of a file that lies beside a package's modules."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def draw_again_after(seconds: float | None, key: str) -> bool:
    """Have the browser draw the fragment that calls this again; return whether this drawing is one that it asked for.

    Args:
        seconds: from this drawing to the next; None for never.
        key: names what counts, uniquely on the page.
    """
    if not seconds:
        # It takes the same place, or else all after it would move in the browser's tree, and be there twice meanwhile.
        st.empty()
        return False
    data = {"seconds": seconds, "turn": str(time.monotonic_ns())}
    result = script("refresh", counts=True)(key=f"refresh-{key}", data=data, height=1, on_due_change=lambda: None)
    return bool(result.due)


def draw_text(text: str, *, key: str, alt: str, wrap: bool = True, height: int | None = None) -> None:
    """Draw a text.

    Args:
        text: the text, of which lines stay lines.
        key: the name of the text on the page.
        alt: what the text is, for those who do not see it.
        wrap: whether long lines go on in a new one, instead of being scrolled.
        height: from how many pixels on it scrolls.
    """
    script("plain", HTML)(key=f"plain-{key}", data={"text": text, "alt": alt, "wrap": wrap, "height": height})


class Age(NamedTuple):
    """How long ago a moment is, as "3 min ago", and the text after that."""

    moment: datetime
    after: str = ""

    def describe(self) -> dict[str, float | str]:
        """Return the age for the browser, which counts on from there."""
        return {"age": (datetime.now(UTC) - self.moment).total_seconds(), "after": self.after}


def draw_age_line(*parts: str | datetime | None, key: str, drawn_at: datetime | None = None) -> None:
    """Draw a line of text; in place of each moment it says how long ago that is, and goes on counting.

    Args:
        parts: texts and moments; None is left out.
        key: the line's name on the page.
        drawn_at: when the page was drawn, for scripts that watch it.
    """
    shown = [Age(part).describe() if isinstance(part, datetime) else part for part in parts if part]
    script("age", AGE_HTML, isolated=False, counts=True)(
        key=key,
        data={"parts": shown, "turn": str(time.monotonic_ns()), "drawnAt": drawn_at.isoformat() if drawn_at else ""},
    )
