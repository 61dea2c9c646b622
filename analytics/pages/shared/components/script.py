"""Components of our own: each is a script of this package, and what of it is seen."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st


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
