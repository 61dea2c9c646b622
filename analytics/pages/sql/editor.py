"""The SQL page's editor: CodeMirror in a component, which tells what is to be run and what is to be cancelled."""

import time
import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared.components.script import script

KEY = "sql-editor"
TEXT = "_sql_text"
INSERT = "_sql_insert"
HTML = (
    '<div class="editor"><div class="code"></div><div class="bar">'
    '<button type="button" class="run">Run</button><button type="button" class="cancel">Cancel</button>'
    '<span class="clock"></span><span class="keys"></span></div></div>'
)


class EditorText(NamedTuple):
    """A text for the editor; each `turn` replaces what is in it once."""

    sql: str
    turn: str
    focus: bool = False


class EditorState(NamedTuple):
    """What the editor shows of a run: whether it goes on, its number and seconds so far, and the error to mark.

    The error is `from` and `to` as a browser counts characters, and its `message`.
    """

    running: bool
    run: int
    elapsed: float
    error: dict[str, Any] | None = None


def set_text(sql: str, *, focus: bool = False) -> None:
    """Replace what is in the editor; it can be undone there."""
    # The first text of a session has the same turn each time, so that a page loaded anew keeps what was typed since.
    turn = str(time.monotonic_ns()) if TEXT in st.session_state else f"first {zlib.crc32(sql.encode())}"
    st.session_state[TEXT] = EditorText(sql, turn, focus)


def insert(text: str) -> None:
    """Put a text where the cursor is."""
    st.session_state[INSERT] = {"text": text, "turn": str(time.monotonic_ns())}


@st.cache_resource(show_spinner=False)
def bundle() -> Callable[..., Any]:
    """Register CodeMirror with Streamlit, once: its element hardly changes, so that the browser gets it once."""
    js = files(__package__).joinpath("codemirror", "codemirror.js").read_text(encoding="utf-8")
    return st.components.v2.component("clc_codemirror", html="<span></span>", js=js)


def has_text() -> bool:
    """Say whether a text was set in this session."""
    return TEXT in st.session_state


def editor(
    schema: dict[str, Any], state: EditorState, on_run: Callable[[str], None], on_cancel: Callable[[], None]
) -> None:
    """Draw the editor with the text that was set.

    Args:
        schema: what it completes: `id`, `tables`, `functions`.
        state: what it shows of the run.
        on_run: gets the SQL to run.
        on_cancel: is called to cancel the run.
    """

    def run() -> None:
        click = st.session_state[KEY].get("run")
        if isinstance(click, dict):
            on_run(str(click.get("sql", "")))

    text: EditorText = st.session_state[TEXT]
    data = {
        "text": text.sql,
        "turn": text.turn,
        "focus": text.focus,
        "insert": st.session_state.get(INSERT, {"text": "", "turn": ""}),
        **state._asdict(),
    }
    # Drawn first, as it takes the browser longest.
    with st.container(key="sql-bundle"):
        bundle()(key="sql-codemirror", data={"schema": schema}, height=1)
    script("sql_editor", HTML, package=__package__)(key=KEY, data=data, on_run_change=run, on_cancel_change=on_cancel)
