"""What a page shows letter by letter, as Streamlit's AppTest knows it: as a component with data."""

import json

from streamlit.testing.v1 import AppTest


def plain_texts(app: AppTest) -> list[str]:
    """Read these texts, in their order."""
    drawn = [element.proto for element in app.get("bidi_component")]
    return [json.loads(one.json)["text"] for one in drawn if one.component_name == "clc_plain"]
