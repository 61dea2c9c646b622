"""What stands beside the SQL: tables with their columns, queries that come with the product, and what ran before."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import streamlit as st

from analytics.pages.shared.table import Column, Line, table
from analytics.pages.shared.zone import format_utc, viewer_zone
from analytics.pages.sql import editor
from analytics.pages.sql.profile import profile_card
from analytics.pages.sql.results import format_duration
from analytics.pages.sql.run import PastQuery, history
from analytics.pages.sql.schema import StoreTable, counts, tables
from analytics.senders import sql_files
from analytics.text import as_markdown, shorten
from analytics.times.periods import zone_label
from analytics.words.meanings import MEANINGS, meaning_of

LARGEST_HEADER = re.compile(r"\A((?:--[^\n]*\n)+)")
OPEN = "_sql_open_table"
TABS = ("Tables", "Queries", "History")
HEIGHT = 620
TABLES_HEIGHT, COLUMNS_HEIGHT = 226, 290
TABLE_COLUMNS = (Column("Table", "58%", opens=True), Column("Rows", "42%", align="right"))
COLUMN_COLUMNS = (Column("Column", "58%", opens=True), Column("Type", "42%"))
QUERY_COLUMNS = (Column("Query", "40%", opens=True), Column("What it tells", "60%"))
HISTORY_COLUMNS = (
    Column("At", "5.4rem"),
    Column("SQL", "100%", opens=True),
    Column("Rows", "4.6rem", align="right"),
    Column("Took", "4.8rem", align="right"),
)
PROFILED = "_sql_profiled"


def side() -> None:
    """Draw it."""
    schema, queries, ran = st.tabs(TABS)
    with schema:
        schema_browser()
    with queries:
        shipped_list()
    with ran:
        history_list()


def open_table(name: str, _: str) -> None:
    """Open a table in the browser, or close it."""
    st.session_state[OPEN] = None if st.session_state.get(OPEN) == name else name
    st.session_state.pop(PROFILED, None)


def schema_browser() -> None:
    """Draw the tables, the columns of the one that is open, and the profile of one of them."""
    found, numbers = tables(), counts()
    opened = st.session_state.get(OPEN)
    lines = [
        Line(
            one.name,
            [one.name, f"{numbers[one.name]:,}" if one.name in numbers else "the receiver's own"],
            tones=("quiet", "quiet") if one.own else (),
            hovers=(MEANINGS[one.name].holds if not one.own else None,),
        )
        for one in found
    ]
    table(
        TABLE_COLUMNS,
        lines,
        key="sql-tables",
        alt="Tables and views",
        on_open=open_table,
        chosen=opened,
        height=TABLES_HEIGHT,
    )
    shown = next((one for one in found if one.name == opened), None)
    if shown is None:
        st.caption("Click a table to see its columns, and a column to see what it holds.")
        return
    columns_of(shown)


def columns_of(shown: StoreTable) -> None:
    """Draw the columns of a table."""

    def profile(column: str, _: str) -> None:
        st.session_state[PROFILED] = column

    said = f": {MEANINGS[shown.name].holds.lower()}" if not shown.own else ""
    st.markdown(f"**{shown.name}**, a {shown.kind}{said}")
    lines = [
        Line(one.name, [one.name, one.short_type], hovers=(meaning_of(shown.name, one.name) or None,))
        for one in shown.columns
    ]
    chosen = st.session_state.get(PROFILED)
    table(
        COLUMN_COLUMNS,
        lines,
        key="sql-columns",
        alt=f"Columns of {shown.name}",
        on_open=profile,
        chosen=chosen,
        height=COLUMNS_HEIGHT,
    )
    column = next((one for one in shown.columns if one.name == chosen), None)
    if column:
        profile_card(shown, column)


def shipped_list() -> None:
    """Draw the queries that come with the product."""
    queries = {one.name: one for one in shipped_queries()}

    def put(name: str, _: str) -> None:
        if name in queries:
            editor.set_text(queries[name].sql, focus=True)

    lines = [Line(one.name, [one.title, one.tells]) for one in queries.values()]
    st.caption("A click puts the query into the editor.")
    table(QUERY_COLUMNS, lines, key="sql-shipped", alt="Queries to begin with", on_open=put, wrap=True, height=HEIGHT)


def history_list() -> None:
    """Draw what ran in this session."""
    ran = history()
    if not ran:
        st.caption("What you run in this session is listed here.")
        return

    def put(number: str, _: str) -> None:
        found = next((one for one in history() if str(one.number) == number), None)
        if found:
            editor.set_text(found.sql, focus=True)

    zone = viewer_zone()
    lines = [
        Line(
            str(one.number),
            [
                f"{one.at.astimezone(zone):%H:%M:%S}",
                shorten(" ".join(one.sql.split()), 200),
                describe_end(one),
                format_duration(one.seconds),
            ],
            tones=(None, None, "quiet" if one.end else None, None),
            hovers=(format_utc(one.at),),
        )
        for one in ran
    ]
    st.caption(f"A click puts the query into the editor. Times in {as_markdown(zone_label(zone))}.")
    table(HISTORY_COLUMNS, lines, key="sql-history", alt="Queries of this session", on_open=put, height=HEIGHT)


def describe_end(one: PastQuery) -> str:
    """Say how a query ended: with how many rows, or why without."""
    return one.end if one.rows is None else f"{one.rows:,}"


class Shipped(NamedTuple):
    """A query: its file's name, what it is called, what it tells, and its whole text, with the comment above it."""

    name: str
    title: str
    tells: str
    sql: str


def parse_shipped(name: str, text: str) -> Shipped:
    """Return the query of a file whose comment above has the title in its first line and what it tells in the others.

    Raises:
        ValueError: there is no such comment.
    """
    header = LARGEST_HEADER.match(text)
    lines = [line.removeprefix("--").strip() for line in header[1].splitlines()] if header else []
    if len(lines) < 2:  # noqa: PLR2004 - the title and what it tells
        raise ValueError(f"{name}.sql needs a title, and what it tells, in comments above its SQL.")
    return Shipped(name, lines[0].rstrip("."), " ".join(lines[1:]), text.strip())


@cache
def shipped_queries() -> tuple[Shipped, ...]:
    """Return those of all senders and those that fit any, by title."""
    found = [*sql_files("shipped_queries"), *(files(__package__) / "shipped_queries").iterdir()]
    read = [parse_shipped(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")) for entry in found]
    return tuple(sorted(read, key=lambda one: one.title))
