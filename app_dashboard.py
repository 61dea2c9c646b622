"""The dashboard's entry, which `clc-analytics dashboard` starts: it shows one of the pages."""

from importlib import import_module
from importlib.resources import files

import streamlit as st

from analytics.pages.pages import GUESSED, PAGES
from analytics.pages.shared.known.described_senders import learn_senders

st.set_page_config(page_title="CLC webhooks", page_icon=str(files("analytics.pages") / "icon.svg"), layout="wide")
learn_senders()
shown = [
    st.Page(
        import_module(f"analytics.pages.{page.package}.page").show,
        title=page.title,
        icon=f":material/{page.icon}:",
        url_path=page.path or "first",
        default=not page.path,
    )
    for page in PAGES
]
first = shown[0]
# Streamlit serves the first page at the root alone.
guessed = st.Page(
    lambda: st.switch_page(first, query_params=st.query_params.to_dict()),
    title=first.title,
    url_path=GUESSED,
    visibility="hidden",
)
st.navigation([first, guessed, *shown[1:]], position="top").run()
