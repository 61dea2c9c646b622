"""Components of our own: each is a script of this package, and what of it is seen."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st


@st.cache_resource(show_spinner=False)
def script(name: str, html: str | None = None, *, isolated: bool = True, counts: bool = False) -> Callable[..., Any]:
    """Register a script with Streamlit, once, and return what runs it: with a key, data, and a height.

    Args:
        name: of the script, and where it has `html` of its style sheet.
        html: what it draws into; without, nothing of it is seen.
        isolated: whether its style sheet is for itself alone, and the page's is not for it.
        counts: whether it counts seconds, with what all such scripts share.
    """
    folder = files("analytics.pages")
    names = ("clocks", name) if counts else (name,)
    js = "\n".join(folder.joinpath(f"{one}.js").read_text(encoding="utf-8") for one in names)
    css = folder.joinpath(f"{name}.css").read_text(encoding="utf-8") if html else None
    return st.components.v2.component(
        f"clc_{name}", html=html or "<span></span>", css=css, js=js, isolate_styles=isolated
    )
