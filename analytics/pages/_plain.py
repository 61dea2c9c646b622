"""Text letter by letter, with a button that copies it.

Streamlit's `st.code` does that too, but loads 1.5 MB of a highlighter first, also where nothing is highlighted: it kept
the pages with payloads and addresses back by 0.1 to 0.2 s.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st

HTML = '<div class="plain"><pre tabindex="0" role="region"><code></code></pre><button type="button">Copy</button></div>'


@st.cache_resource(show_spinner=False)
def component() -> Callable[..., Any]:
    """Register it with Streamlit, once."""
    folder = files("analytics.pages")
    css, js = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("plain.css", "plain.js"))
    return st.components.v2.component("clc_plain", html=HTML, css=css, js=js)


def plain(text: str, *, key: str, alt: str, wrap: bool = True, height: int | None = None) -> None:
    """Draw a text.

    Args:
        text: the text, of which lines stay lines.
        key: the name of the text on the page.
        alt: what the text is, for those who do not see it.
        wrap: whether long lines go on in a new one, instead of being scrolled.
        height: from how many pixels on it scrolls.
    """
    component()(key=f"plain-{key}", data={"text": text, "alt": alt, "wrap": wrap, "height": height})
