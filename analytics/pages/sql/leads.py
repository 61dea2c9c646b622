"""The ways from the chosen row of a query's result to the notification and the entity that it names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from analytics.export.sql_formats import list_values
from analytics.pages.shared import going
from analytics.pages.shared.open_item import is_uuid
from analytics.pages.shared.search import find_numbers
from analytics.pages.shared.store import ask
from analytics.senders import as_words, find_icon, find_kind_of
from analytics.text import as_markdown, shorten

if TYPE_CHECKING:
    import pyarrow as pa

NOTIFICATION = ("notification_id", "id", "seq")
"""The columns that name a notification, the surest first; in `rejected` an `id` names a refused one."""
ENTITY = ("category", "entity_id")
NAMING = {*NOTIFICATION, *ENTITY, "sender"}


class Named(NamedTuple):
    """What a row names: a notification by id or number, and an entity; None where it names none."""

    notification: str | None
    category: str | None = None
    entity: str | None = None
    sender: str | None = None


def describe_leads(columns: list[str]) -> str | None:
    """Return what the rows of these columns lead to; None where they lead nowhere."""
    whats = ["notification"] if any(name in columns for name in NOTIFICATION) else []
    whats += ["entity"] if all(name in columns for name in ENTITY) else []
    return " or ".join(whats) or None


def describe_missing(columns: list[str]) -> str | None:
    """Return the columns that rows lack to lead to what they seem to name, in a sentence; None where they lack none."""
    if "entity_id" in columns and "category" not in columns:
        return "With the column `category` too, a row leads to its entity."
    if describe_leads(columns) is None and any(name.lower().endswith("id") for name in columns):
        return "A row leads to its notification by `seq` or `id`, and to its entity by `category` and `entity_id`."
    return None


def read_row(table: "pa.Table", position: int) -> dict[str, Any]:
    """Return what a row has in the columns that name something; others may have values that Python can't represent."""
    columns = zip(table.column_names, table.columns, strict=True)
    return {name: list_values(column.slice(position, 1))[0] for name, column in columns if name in NAMING}


def read_named(row: Mapping[str, Any]) -> Named:
    """Return what a row names, by its columns."""
    values = {name: None if value is None else str(value) for name, value in row.items()}
    notification = next((values[name] for name in NOTIFICATION if values.get(name)), None)
    category, entity = (values.get(name) for name in ENTITY)
    if not (category and entity):
        return Named(notification)
    return Named(notification, category, entity, values.get("sender"))


def draw_leads(table: "pa.Table", position: int | None) -> None:
    """Draw the ways from the row at a position, or say how a row is chosen."""
    whats = describe_leads(table.column_names)
    if position is None or position >= table.num_rows:
        missing = describe_missing(table.column_names)
        st.caption(" ".join(filter(None, (f"Click a row to open its {whats}.", missing))))
        return
    named = read_named(read_row(table, position))
    st.caption(f"Row {position + 1:,}:", width="content")
    if named.notification:
        lead_to_notification(named.notification)
    if named.category and named.entity:
        label = as_markdown(f"{as_words(find_kind_of(named.category), named.sender)} {shorten(named.entity, 60)}")
        st.button(
            label, key="sql-to-entity", icon=find_icon(named.category, named.sender), on_click=going.to_entity,
            args=(named.category, named.entity), kwargs={"sender": named.sender},
        )  # fmt: skip


def lead_to_notification(name: str) -> None:
    """Draw the way to the notification with an id or a number, or say that there is none."""
    key, icon = "sql-to-notification", ":material/list_alt:"
    if numbers := find_numbers(name, by_part=False):
        label = f"Notification {numbers[0]:,}"
        st.button(label, key=key, icon=icon, on_click=going.to_notification, args=(numbers[0],))
    elif is_uuid(name) and len(ask("rejection", id=name)):
        st.button("Refused notification", key=key, icon=icon, on_click=going.to_refused, args=(name,))
    else:
        st.caption(f"No notification is named {as_markdown(shorten(name, 40))}.", width="content")
