"""The SQL page's editor: CodeMirror in a component, which reports clicks on Run and Cancel."""

import time
import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared.components import script

KEY = "sql-editor"
TEXT = "_sql_text"
INSERT = "_sql_insert"
HTML = (
    '<div class="editor"><div class="code"></div><div class="bar">'
    '<button type="button" class="run">Run</button><button type="button" class="cancel">Cancel</button>'
    '<span class="clock"></span><span class="keys"></span></div></div>'
)


class EditorText(NamedTuple):
    """A text for the editor; each `turn` replaces the editor's text once."""

    sql: str
    turn: str
    focus: bool = False


class EditorState(NamedTuple):
    """A run for the editor: whether it goes on, its number and seconds so far, and the error to mark.

    The error has `from` and `to` as a browser counts characters, and a `message`.
    """

    running: bool
    run: int
    elapsed: float
    error: dict[str, Any] | None = None


def set_text(sql: str, *, focus: bool = False) -> None:
    """Replace the text in the editor; the user can undo that there."""
    # The first text of a session always has the same turn, so that a reloaded page keeps the user's changes.
    turn = str(time.monotonic_ns()) if TEXT in st.session_state else f"first {zlib.crc32(sql.encode())}"
    st.session_state[TEXT] = EditorText(sql, turn, focus)


def insert(text: str) -> None:
    """Insert a text at the cursor."""
    st.session_state[INSERT] = {"text": text, "turn": str(time.monotonic_ns())}


@st.cache_resource(show_spinner=False)
def bundle() -> Callable[..., Any]:
    """Register CodeMirror with Streamlit, once; its element hardly changes, so the browser gets it once."""
    js = files(__package__).joinpath("codemirror", "codemirror.js").read_text(encoding="utf-8")
    return st.components.v2.component("clc_codemirror", html="<span></span>", js=js)


def has_text() -> bool:
    """Say whether a text was set in this session."""
    return TEXT in st.session_state


def draw_editor(
    schema: dict[str, Any], state: EditorState, on_run: Callable[[str], None], on_cancel: Callable[[], None]
) -> None:
    """Draw the editor with the text that was set.

    Args:
        schema: the words to complete: `id`, `tables`, `functions`.
        state: the run.
        on_run: gets the SQL to run.
        on_cancel: cancels the run.
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
    # Drawn first, because it takes the browser longest.
    with st.container(key="sql-bundle"):
        bundle()(key="sql-codemirror", data={"schema": schema}, height=1)
    script("sql_editor", HTML, package=__package__)(key=KEY, data=data, on_run_change=run, on_cancel_change=on_cancel)
