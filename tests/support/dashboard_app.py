"""A page of the dashboard, drawn without a browser."""

import sys

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

_locations: list[str] = []


def make_app(monkeypatch: pytest.MonkeyPatch, page: str, location: str, **parameters: str) -> AppTest:
    """Return a page of a dashboard on a location, with parameters in its address, not drawn yet."""
    # A dashboard keeps what it read of its store for all its viewers, and this process stands for many dashboards.
    if _locations[-1:] != [location]:
        st.cache_data.clear()
        st.cache_resource.clear()
        _locations.append(location)
    monkeypatch.setattr(sys, "argv", ["app_dashboard.py", "--location", location])
    app = AppTest.from_string(f"from analytics.pages.{page} import page\n\npage.show()", default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app
