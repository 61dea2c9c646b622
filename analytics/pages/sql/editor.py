"""The SQL page's editor, CodeMirror in a component: its text, the link to it, and the place of an error in it."""

import base64
import binascii
import re
import time
import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared.components import register_script
from analytics.pages.shared.known.memory import read_trigger

KEY = "sql-editor"
CHART = ("show", "chart", "x", "y", "colour")
"""The values of the address that name a chart."""
TEXT = "_sql_text"
INSERT = "_sql_insert"
HTML = (
    '<div class="editor"><div class="code"></div><div class="bar">'
    '<button type="button" class="run">Run</button><button type="button" class="cancel">Cancel</button>'
    '<button type="button" class="name" aria-expanded="false">Keep as…</button>'
    '<span class="clock"></span><span class="keys"></span></div>'
    '<form class="naming" hidden><input maxlength="80" autocomplete="off" aria-label="Name of the query"'
    ' placeholder="name of the query"><button class="keep">Keep</button></form>'
    '<p class="said" role="status" hidden></p></div>'
)
LONGEST_PLAIN = 1_000  # bytes, each of which an address may write in three characters
LONGEST_PACKED = 6_000
LARGEST_BYTES = 1_000_000
EXCERPT = re.compile(r"^LINE (\d{1,6}): (.*)\n([ ]*)(\^+)", re.MULTILINE)
NAMED = re.compile(
    r'(?:column|Table|table|function|near|name|alias|type|schema|parameter)s? (?:with name )?"?([^\s"\'()]+)"?'
    r"|with name (\S+) does not exist"
    r"|'(\w+)\("
    r"|function (\w+)\(\)"
    r'|"([^"\n]+)"'
)
CUT = "..."


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
    schema: dict[str, Any],
    state: EditorState,
    past: list[dict[str, Any]],
    on_run: Callable[[str, dict[str, str | None]], None],
    on_cancel: Callable[[], None],
) -> None:
    """Draw the editor with the text that was set.

    Args:
        schema: the words to complete: `id`, `tables`, `functions`.
        state: the run.
        past: the session's latest queries that are over, for the browser to keep.
        on_run: gets the SQL to run, and the values of the address that name the chart which was kept with it.
        on_cancel: cancels the run.
    """

    def run() -> None:
        click = read_trigger(KEY, "run")
        if isinstance(click, dict):
            on_run(str(click.get("sql", "")), read_chart(click.get("chart")))

    text: EditorText = st.session_state[TEXT]
    data = {
        "text": text.sql,
        "turn": text.turn,
        "focus": text.focus,
        "insert": st.session_state.get(INSERT, {"text": "", "turn": ""}),
        "past": past,
        **state._asdict(),
    }
    # Drawn first, because it takes the browser longest.
    with st.container(key="sql-bundle"):
        bundle()(key="sql-codemirror", data={"schema": schema}, height=1)
    draw = register_script("sql_editor", HTML, folder=__package__, after="sql_kept")
    draw(key=KEY, data=data, on_run_change=run, on_cancel_change=on_cancel)


def read_chart(kept: Any) -> dict[str, str | None]:
    """Return the values of the address that name a kept chart; none if nothing was kept."""
    if not isinstance(kept, dict):
        return {}
    return {name: str(kept[name]) if kept.get(name) else None for name in CHART}


class TooLongError(ValueError):
    """Raised when SQL is too long for an address."""


def in_address(sql: str) -> dict[str, str | None]:
    """Return the values of an address that carry a SQL text: `sql`, or `packed` where it is long.

    Raises:
        TooLongError: even compressed it is too long for an address.
    """
    if len(sql.encode("utf-8", "replace")) <= LONGEST_PLAIN:
        return {"sql": sql, "packed": None}
    packed = base64.urlsafe_b64encode(zlib.compress(sql.encode("utf-8", "replace"), 9)).decode().rstrip("=")
    if len(packed) > LONGEST_PACKED:
        raise TooLongError(
            f"This SQL is too long for a link: {len(packed):,} of at most {LONGEST_PACKED:,} characters."
        )
    return {"sql": None, "packed": packed}


def read_address(sql: str | None, packed: str | None) -> str | None:
    """Return the SQL text of an address; None where it has none that can be read."""
    if sql:
        return sql
    if not packed:
        return None
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        unpacking = zlib.decompressobj()
        # A few bytes may decompress to a thousand times as many.
        text = unpacking.decompress(data, LARGEST_BYTES).decode()
    except (ValueError, binascii.Error, zlib.error):
        return None
    # A part of a query is another query.
    return text if unpacking.eof and text else None


class ErrorPlace(NamedTuple):
    """A place in a text: its line and column, counted from 1, and its start and end, counted from 0."""

    line: int
    column: int
    start: int
    end: int

    def as_utf16(self, sql: str) -> tuple[int, int]:
        """Return start and end as a browser counts characters."""
        start, end = (len(sql[:place].encode("utf-16-le", "surrogatepass")) // 2 for place in (self.start, self.end))
        return start, end


def find_place(sql: str, message: str) -> ErrorPlace | None:
    """Return the place of DuckDB's error: the one that it marks, else that of the name in its message."""
    return find_marked(sql, message) or find_named(sql, message)


def make_place(sql: str, start: int, length: int) -> ErrorPlace:
    """Return the place of some characters."""
    before = sql[:start]
    return ErrorPlace(before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1, start, start + max(length, 1))


def find_marked(sql: str, message: str) -> ErrorPlace | None:
    """Return the place that a message marks below a quoted line; None where the SQL has no such line.

    The line's number counts from the statement's begin, which may be after comments; a long line is quoted in part.
    """
    excerpt = EXCERPT.search(message)
    if excerpt is None:
        return None
    number, quoted, marks = int(excerpt[1]), excerpt[2], excerpt[4]
    caret = len(excerpt[3]) - len(f"LINE {excerpt[1]}: ")
    if quoted.startswith(CUT):
        quoted, caret = quoted[len(CUT) :], caret - len(CUT)
    quoted = quoted.removesuffix(CUT)
    begin = 0
    for place, line in enumerate(sql.split("\n"), 1):
        if place >= number and quoted and caret >= 0 and (inside := line.find(quoted)) >= 0:
            start = begin + inside + caret
            return make_place(sql, start, min(len(marks), begin + len(line) - start))
        begin += len(line) + 1
    return None


def find_named(sql: str, message: str) -> ErrorPlace | None:
    """Return the place of the message's first name that is in the SQL."""
    complaint = message.partition("\n")[0].partition(": ")[2] or message
    code = blank_comments(sql)
    for complaint_match in NAMED.finditer(complaint):
        name = next(filter(None, complaint_match.groups()))
        word = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code, re.IGNORECASE)
        if word:
            return make_place(sql, word.start(), len(name))
    return None


def blank_comments(sql: str) -> str:
    """Replace comments by blanks, also those that are only a part of a string."""
    return re.sub(r"--[^\n]*|/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), sql, flags=re.DOTALL)
