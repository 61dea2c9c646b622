"""The ranked lists of the page Activity: a click on a name filters all the rest by it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from analytics.comparison import describe_move
from analytics.pages.activity import filters
from analytics.pages.activity.filters import MORE_ROWS, ActivityFilters
from analytics.pages.activity.time_range import When
from analytics.pages.shared import going
from analytics.pages.shared.components import Column, Line, bring, draw_table
from analytics.pages.shared.filters import ACTOR, CENTRE, ENTITY, SENDER, TYPES, name_entity, parse_entity, toggle
from analytics.pages.shared.formatting import format_type
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.store import find_sender_of_row, list_rows
from analytics.senders import colours, find_place
from analytics.senders.sender import Place
from analytics.text import as_markdown, format_count, shorten

LIST_PIXELS = 330
FEW = 5
NAME_CHARACTERS = 60
OPEN = "Open"
ARROW = "↗"
WITH_SENDER = "_actor_with_sender"
"""The place of the actor whose click chose its sender, too, in the session's state."""
NUMBER = Column("Number", "5.4rem", align="right")
CHANGE = Column("Change", "9.2rem", align="right")
WITHOUT = "without"
LEAVES_OUT = Column(WITHOUT, "0.01rem", opens=True, align="aside")
"""It lies over the end of the name beside it, while the pointer or the focus is in the row."""
TO_PAGE = Column(OPEN, "3.9rem", opens=True, align="right")


def list_columns(what: str, when: When, *, leads: bool = True, leaves_out: bool = True) -> tuple[Column, ...]:
    """Return a list's columns: the change where there is a time to compare with, the way to each name's own page."""
    names = (Column(what, "100%", opens=True), *([LEAVES_OUT] if leaves_out else []))
    return (*names, NUMBER, *([CHANGE] if when.compared else []), *([TO_PAGE] if leads else []))


def list_cells(count: int, before: int, when: When, *, leads: bool = True, leaves_out: bool = True) -> list[str]:
    """Return the cells of a row after its name, see `list_columns`."""
    moves = [describe_move(count, before) or ""] if when.compared else []
    return [*([WITHOUT] if leaves_out else []), f"{count:,}", *moves, *([ARROW] if leads else [])]


def list_hovers(before: int, when: When, text: str, *, leaves_out: bool = True) -> list[str | None]:
    """Return the hover texts of these cells; `text` is the row's name."""
    moved = [f"{before:,} {when.compared.phrase}"] if when.compared else []
    return [*([f"Without {text}"] if leaves_out else []), None, *moved, f"Open the page of {text}"]


def draw_rest(what: str, count: int, total: int, key: str) -> None:
    """Say how many names of all a list shows, and offer more of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(as_markdown(f"{count:,} of {format_count(total, what.lower(), find_plural(what))}"), width="content")
        if count < MORE_ROWS:
            text = f"Show all {total:,}" if total <= MORE_ROWS else f"Show {MORE_ROWS:,}"
            st.button(text, key=f"{key}-more", type="tertiary", on_click=filters.show_more_rows)


def rank(rows: pd.DataFrame, by_change: bool) -> pd.DataFrame:
    """Return the first rows of a list: the largest, or those that differ most."""
    if not by_change:
        return rows.head(filters.read_most_rows())
    differs = (rows["events"] - rows["events_before"]).abs()
    return rows.loc[differs.sort_values(ascending=False, kind="stable").index].head(filters.read_most_rows())


def draw_ranked(
    what: str,
    rows: pd.DataFrame,
    when: When,
    *,
    key: str,
    row_id: Callable[[Any], str],
    text: Callable[[Any], str],
    choose: Callable[[str], None],
    chosen: Sequence[str],
    leave_out: Callable[[str], None] | None = None,
    go: Callable[[str], None] | None = None,
    colour: Callable[[Any], str] | None = None,
    total: int | None = None,
    hover: Callable[[Any], str | None] = lambda _: None,
) -> None:
    """Draw a list of names with bars.

    Args:
        what: the word for its names.
        rows: columns `events`, `events_before`, and those that the functions use.
        when: the time counted.
        key: the widget's name.
        row_id: gives the id of a row, which `choose` and `go` get.
        text: gives the name of a row.
        choose: filters by a row.
        chosen: the ids of the chosen rows.
        leave_out: filters by all but a row.
        go: goes to the page of a row.
        colour: gives the colour that marks a row.
        total: the number of all rows.
        hover: gives the hover text of a row's name; without one the name itself is it.
    """
    most = max(int(rows["events"].max()), 1) if len(rows) else 1
    ways = {"leads": go is not None, "leaves_out": leave_out is not None}
    lines = []
    for row in list_rows(rows):
        count, before = int(row.events), int(row.events_before)
        cells = [text(row), *list_cells(count, before, when, **ways)]
        hovers = [hover(row), *list_hovers(before, when, text(row), leaves_out=ways["leaves_out"])][: len(cells)]
        lines.append(Line(row_id(row), cells, colour(row) if colour else None, hovers=hovers, shares=[count / most]))

    def take_click(identity: str, column: str) -> None:
        act = {OPEN: go, WITHOUT: leave_out}.get(column) or choose
        act(identity)

    draw_table(
        list_columns(what, when, **ways),
        lines,
        key=key,
        alt=f"{find_plural(what).capitalize()} by number",
        on_open=take_click,
        height=LIST_PIXELS,
        wrap=not when.compared,  # so few columns stay beside each other on a phone, where a long name has no room
        chosen=chosen,
        colours=colours(is_dark()) if colour else None,
        short=FEW,
    )
    if not lines:
        st.caption("None in this time range that fits the filters.")
    if total is not None and total > len(rows):
        draw_rest(what, len(rows), total, key)


def find_plural(what: str) -> str:
    """Return the plural of a list's word."""
    return "entities" if what == "Entity" else f"{what.lower()}s"


def draw_types(rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the list of event types."""
    draw_ranked(
        "Event type",
        rank(rows, by_change),
        when,
        key="types-list",
        row_id=lambda row: str(row.name),
        text=lambda row: format_type(row.name),
        choose=partial(toggle, TYPES),
        chosen=chosen.types,
        leave_out=partial(toggle, TYPES, without=True),
        colour=lambda row: format_type(row.name),
        total=count_names(rows, by_change=by_change),
    )


def draw_fields(rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the list of changed fields; a click leads to the changes."""

    def go(name: str) -> None:
        bring("changes-head")
        going.to_page(
            "audit",
            **when.range_values,
            field=name,
            sender=chosen.any_sender,
            account=chosen.account,
            below="false" if chosen.alone else None,
            **chosen.make_name_filters(),
        )

    draw_ranked(
        "Field",
        rows,
        when,
        key="fields-list",
        row_id=lambda row: str(row.name),
        text=lambda row: shorten(row.name, NAME_CHARACTERS),
        choose=go,
        chosen=[],
        total=read_total(rows, by_change=by_change),
    )


def draw_actors(rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the list of actors."""
    of_chosen = [filters.add_sender(row) for row in list_rows(rows) if is_chosen_actor(row, chosen)]
    shared = {filters.add_sender(row) for row in list_rows(rows) if getattr(row, "shared", False)}

    def choose(identity: str) -> None:
        listed, sender = filters.split_sender(identity)
        # The address may have the chosen actor's name in another letter case than the list.
        name = chosen.actor if identity in of_chosen else listed
        # Among the rows of one sender no name is shared any more, and a second click takes back what the first chose.
        with_sender = identity in shared or st.session_state.get(WITH_SENDER) == identity
        st.session_state[WITH_SENDER] = identity if identity in shared else None
        toggle(ACTOR, name or "", {SENDER: sender} if with_sender else {})

    draw_ranked(
        "Actor",
        rows,
        when,
        key="actors-list",
        row_id=filters.add_sender,
        text=lambda row: shorten(row.name, NAME_CHARACTERS),
        choose=choose,
        chosen=of_chosen,
        leave_out=lambda identity: toggle(ACTOR, filters.split_sender(identity)[0], without=True),
        go=lambda identity: going.to_actor(*filters.split_sender(identity)),
        hover=filters.find_sender_title,
        total=read_total(rows, by_change=by_change),
    )


def is_chosen_actor(row: Any, chosen: ActivityFilters) -> bool:
    """Say whether a row is of the chosen actor, whose name may be written in another letter case."""
    sender = find_sender_of_row(row)
    return bool(chosen.actor) and going.find_user(row.name, sender) == going.find_user(chosen.actor or "", sender)


def count_names(rows: pd.DataFrame, *, by_change: bool) -> int:
    """Return the number of a list's names; one by change has those, too, that have nothing any more."""
    return len(rows) if by_change else int((rows["events"] > 0).sum())


def read_total(rows: pd.DataFrame, *, by_change: bool = False) -> int:
    """Return the number of all of a list's names, from some of its rows; see `count_names`."""
    return int(rows["listed" if by_change else "total"].iloc[0]) if len(rows) else 0


def count_entities(rows: pd.DataFrame, chosen: ActivityFilters, count: int) -> int:
    """Count the entities that fit the filters.

    Args:
        rows: the list of entities, in which the others stand beside the chosen one, and of places.
        chosen: the filters.
        count: what the page counts of them all; a chosen entity has it alone.
    """
    return min(count, 1) if chosen.entity else read_total(select_entities(rows))


def select_entities(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of entities."""
    where = find_place()
    return rows[rows["kind"] != where.name] if where else rows


def draw_entities(rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the list of entities."""
    rows = select_entities(rows)

    def go(identity: str) -> None:
        sender, (kind, name) = parse_entity(identity)
        going.to_entity(kind, name, sender=sender)

    draw_ranked(
        "Entity",
        rows,
        when,
        key="entities-list",
        row_id=lambda row: name_entity(row.kind, row.name, find_sender_of_row(row)),
        text=lambda row: shorten(row.name, NAME_CHARACTERS),
        choose=partial(toggle, ENTITY),
        leave_out=partial(toggle, ENTITY, without=True),
        chosen=[name_entity(*chosen.entity, chosen.entity_sender)] if chosen.entity else [],
        go=go,
        hover=filters.describe_entity,
        total=read_total(rows, by_change=by_change),
    )


def draw_centres(where: Place, rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the list of places without the rows of entities."""
    rows = rows[rows["kind"] == where.name]
    draw_ranked(
        where.name,
        rank(rows, by_change),
        when,
        key="centres-list",
        row_id=lambda row: str(row.name),
        text=lambda row: str(row.name),
        choose=partial(toggle, CENTRE),
        leave_out=partial(toggle, CENTRE, without=True),
        chosen=[chosen.centre] if chosen.centre else [],
    )
