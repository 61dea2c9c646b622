"""What a page shows letter by letter, as Streamlit's AppTest knows it: as a component with data."""

import json

from streamlit.testing.v1 import AppTest


def plain_texts(app: AppTest) -> list[str]:
    """Read these texts, in their order."""
    return [data["text"] for data in _data_of(app, "clc_plain")]


def age_lines(app: AppTest) -> list[str]:
    """Read the lines with ages, each age as a dot."""
    return [
        "".join(part if isinstance(part, str) else "." for part in data["parts"]) for data in _data_of(app, "clc_age")
    ]


def table_rows(app: AppTest) -> list[list[str | dict]]:
    """Read the cells of each row of all tables."""
    return [row["cells"] for data in _data_of(app, "clc_table") for row in data["rows"]]


def _data_of(app: AppTest, name: str) -> list[dict]:
    drawn = [element.proto for element in app.get("bidi_component")]
    return [json.loads(one.json) for one in drawn if one.component_name == name]
