"""The page Health: the silences of the last day, and facts of the receiver in a reader's words."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from analytics.pages.shared.components import Column, Line, draw_table
from analytics.pages.shared.formatting import format_with_zone
from analytics.text import make_visible

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")
SILENCE_COLUMNS = (
    Column("From", "12rem", time=True),
    Column("To", "12rem", time=True),
    Column("What did not answer", "10rem"),
    Column("Why", "100%"),
)


def put_plainly(text: str) -> str:
    """Return a text of the receiver without Markdown's marks, and its times as the viewer reads them."""
    words = MOMENT.sub(lambda match: format_with_zone(datetime.fromisoformat(match[0])), text.replace("`", ""))
    return make_visible(words)


def parse_time(text: Any) -> datetime | None:
    """Return the moment of an ISO time; None where the text is no time."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def draw_silences(silences: Sequence[Mapping[str, Any]] | None, colours: dict[str, str]) -> None:
    """Draw the silences that ended in the last day, the newest first; None where they are not known."""
    with st.container(key="health-silences-card", border=True, gap="small"):
        st.markdown("**Silences of the last day**")
        if not silences:
            st.caption("Not known now." if silences is None else "No silence has ended in the last day.")
            return
        lines = [
            Line(
                str(place),
                [
                    parse_time(silence.get("since")),
                    parse_time(silence.get("until")),
                    make_visible(str(silence.get("process"))),
                    put_plainly(str(silence.get("why") or "")),
                ],
                "amber",
            )
            for place, silence in enumerate(reversed(silences))
        ]
        draw_table(SILENCE_COLUMNS, lines, key="health-silences", alt="Silences of the last day", wrap=True,
              height=360, colours=colours)  # fmt: skip
