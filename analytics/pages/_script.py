"""Runs one of our scripts in the browser, where nothing of it is seen."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st


@st.cache_resource(show_spinner=False)
def script(name: str) -> Callable[..., Any]:
    """Register a script with Streamlit, once, and return what runs it: with a key, data, and a height."""
    js = files("analytics.pages").joinpath(f"{name}.js").read_text(encoding="utf-8")
    return st.components.v2.component(f"clc_{name}", html="<span></span>", js=js)
