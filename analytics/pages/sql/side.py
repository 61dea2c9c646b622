"""The side panel of the SQL page: tables with their columns, example queries, and past queries."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import streamlit as st

from analytics.pages.shared.components import Column, Line, draw_table, register_script
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.sql import editor
from analytics.pages.sql.profile import draw_profile
from analytics.pages.sql.schema import StoreTable, count_rows, list_tables
from analytics.senders import list_sql_files
from analytics.text import as_markdown
from analytics.words.meanings import MEANINGS, find_meaning

HEADER = re.compile(r"\A((?:--[^\n]*\n)+)")
OPEN = "_sql_open_table"
TABS = ("Tables", "Queries", "History")
HEIGHT = 620
TABLES_HEIGHT, COLUMNS_HEIGHT = 226, 290
TABLE_COLUMNS = (Column("Table", "58%", opens=True), Column("Rows", "42%", align="right"))
COLUMN_COLUMNS = (Column("Column", "58%", opens=True), Column("Type", "42%"))
QUERY_COLUMNS = (Column("Query", "40%", opens=True), Column("What it tells", "60%"))
QUERIES_HTML = (
    '<div class="queries"><p class="gone" role="status" hidden><span></span> <button type="button">Undo</button></p>'
    '<ul></ul><p class="none"></p><button type="button" class="clear" hidden>Clear history</button></div>'
)
PROFILED = "_sql_profiled"


def draw_side() -> None:
    """Draw the side panel."""
    schema, queries, ran = st.tabs(TABS)
    with schema:
        draw_schema()
    with queries:
        draw_shipped()
    with ran:
        draw_queries("clc-sql-past", "Queries that ran in this browser", "Queries that you run are listed here.")


def open_table(name: str, _: str) -> None:
    """Open a table in the browser, or close it."""
    st.session_state[OPEN] = None if st.session_state.get(OPEN) == name else name
    read_memory().pop(PROFILED, None)


def draw_schema() -> None:
    """Draw the tables, the open table's columns, and the profile of a column."""
    schema, numbers = list_tables(), count_rows()
    open_name = st.session_state.get(OPEN)
    lines = [
        Line(
            each.name,
            [each.name, f"{numbers[each.name]:,}" if each.name in numbers else "internal"],
            tones=("quiet", "quiet") if each.own else (),
            hovers=(MEANINGS[each.name].holds if not each.own else None,),
        )
        for each in schema
    ]
    draw_table(
        TABLE_COLUMNS,
        lines,
        key="sql-tables",
        alt="Tables and views",
        on_open=open_table,
        chosen=open_name,
        height=TABLES_HEIGHT,
    )
    open_table_row = next((each for each in schema if each.name == open_name), None)
    if open_table_row is None:
        st.caption("Click a table to see its columns, and a column to see what it holds.")
        return
    draw_columns(open_table_row)


def draw_columns(owner: StoreTable) -> None:
    """Draw the columns of a table, or the profile of the chosen one."""

    def choose_column(column: str, _: str) -> None:
        read_memory()[PROFILED] = column

    chosen = read_memory().get(PROFILED)
    column = next((each for each in owner.columns if each.name == chosen), None)
    if column:
        # In place of the list: below it the profile would lie under the window's end.
        st.button(
            f"All columns of {as_markdown(owner.name)}", key="sql-all-columns", icon=":material/arrow_back:",
            type="tertiary", on_click=lambda: read_memory().pop(PROFILED, None),
        )  # fmt: skip
        draw_profile(owner, column)
        return
    holds = f": {MEANINGS[owner.name].holds.lower()}" if not owner.own else ""
    st.markdown(f"**{owner.name}**, a {owner.kind}{holds}")
    lines = [
        Line(each.name, [each.name, each.short_type], hovers=(find_meaning(owner.name, each.name) or None,))
        for each in owner.columns
    ]
    draw_table(
        COLUMN_COLUMNS,
        lines,
        key="sql-columns",
        alt=f"Columns of {owner.name}",
        on_open=choose_column,
        height=COLUMNS_HEIGHT,
        steady=owner.name,
    )


def draw_shipped() -> None:
    """Draw the queries that the user keeps, and the example queries."""
    queries = {each.name: each for each in list_shipped_queries()}

    def put(name: str, _: str) -> None:
        if name in queries:
            editor.set_text(queries[name].sql, focus=True)

    lines = [Line(each.name, [each.title, each.tells]) for each in queries.values()]
    st.caption("A click puts the query into the editor.")
    draw_queries("clc-sql-named", "Your queries", "Keep a query under a name to find it here.")
    draw_table(
        QUERY_COLUMNS, lines, key="sql-shipped", alt="Queries to begin with", on_open=put, wrap=True, height=HEIGHT
    )


def draw_queries(kept: str, alt: str, none: str) -> None:
    """Draw a list of queries that the browser keeps.

    Args:
        kept: the name of the list in `sql_kept.js`.
        alt: describes the list for people who can't see it.
        none: stands in place of an empty list.
    """
    data = {"list": kept, "alt": alt, "none": f"{none} They stay in this browser."}
    register_script("sql_queries", QUERIES_HTML, folder=__package__, after="sql_kept")(
        key=kept.removeprefix("clc-"), data=data
    )


class Shipped(NamedTuple):
    """An example query: its file's name, its title, its description, and its whole text with the comment."""

    name: str
    title: str
    tells: str
    sql: str


def parse_shipped(name: str, text: str) -> Shipped:
    """Return the example query of a file: its comment has the title in the first line, then the description.

    Raises:
        ValueError: the comment is missing or too short.
    """
    header = HEADER.match(text)
    lines = [line.removeprefix("--").strip() for line in header[1].splitlines()] if header else []
    if len(lines) < 2:  # noqa: PLR2004 - the title and the description
        raise ValueError(f"{name}.sql needs a title, and what it tells, in comments above its SQL.")
    return Shipped(name, lines[0].rstrip("."), " ".join(lines[1:]), text.strip())


@cache
def list_shipped_queries() -> tuple[Shipped, ...]:
    """Return the example queries of all senders and those for any sender, by title."""
    entries = [*list_sql_files("shipped_queries"), *(files(__package__) / "shipped_queries").iterdir()]
    queries = [parse_shipped(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")) for entry in entries]
    return tuple(sorted(queries, key=lambda each: each.title))
