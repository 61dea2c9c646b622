"""A page of the dashboard, drawn without a browser, and the texts on it."""

import json
import sys
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from analytics.client import pulse

_locations: list[str] = []
# Each drawing would look through all that is installed for components anew.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def make_app(monkeypatch: pytest.MonkeyPatch, page: str, location: str, **parameters: str) -> AppTest:
    """Return a page of a dashboard on a location, with parameters in its address, not drawn yet."""
    # A dashboard keeps what it read of its store for all its viewers, and this process stands for many dashboards.
    if _locations[-1:] != [location]:
        st.cache_data.clear()
        st.cache_resource.clear()
        _locations.append(location)
    # Beside other tests a store that is well may answer late; which one is silent is no matter of such a page.
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(sys, "argv", ["app_dashboard.py", "--location", location])
    app = AppTest.from_string(f"from analytics.pages.{page} import page\n\npage.show()", default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app


def plain_texts(app: AppTest) -> list[str]:
    """Read the texts that a page shows letter by letter, in their order."""
    return [data["text"] for data in _data_of(app, "clc_plain")]


def age_lines(app: AppTest) -> list[str]:
    """Read the lines with ages, each age as a dot."""
    return [
        "".join(part if isinstance(part, str) else "." for part in data["parts"]) for data in _data_of(app, "clc_age")
    ]


def table_rows(app: AppTest) -> list[list[str | dict]]:
    """Read the cells of each row of all tables."""
    return [row["cells"] for data in find_tables(app) for row in data["rows"]]


def find_tables(app: AppTest) -> list[dict]:
    """Read what the browser gets of each table: `alt`, `columns`, `rows`, `steady` and others."""
    return _data_of(app, "clc_table")


def click_row(monkeypatch: pytest.MonkeyPatch, module: ModuleType, key: str, row: str, column: str) -> None:
    """Have the next drawing of a module's table report a click on a row, as the browser does."""
    draw, clicks = module.draw_table, [(row, column)]

    def draw_clicked(*args: Any, **options: Any) -> None:
        if options["key"] == key and clicks:
            options["on_open"](*clicks.pop())
        draw(*args, **options)

    monkeypatch.setattr(module, "draw_table", draw_clicked)


def _data_of(app: AppTest, name: str) -> list[dict]:
    drawn = [element.proto for element in app.get("bidi_component")]
    return [json.loads(one.json) for one in drawn if one.component_name == name]
