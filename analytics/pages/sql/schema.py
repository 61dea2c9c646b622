"""The store's schema on the SQL page: tables, columns, numbers of rows, functions."""

import zlib
from typing import Any, NamedTuple

import streamlit as st

from analytics.client.completeness import TABLE
from analytics.pages.shared.store import ask, list_rows
from analytics.words.meanings import MEANINGS, find_meaning

SCHEMA_SECONDS = 300.0
COUNTS_SECONDS = 60.0
LONGEST_DESCRIPTION = 160
SHORT_TYPES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


class StoreColumn(NamedTuple):
    """A column and its type."""

    name: str
    type: str

    @property
    def short_type(self) -> str:
        """Return its type in short."""
        return SHORT_TYPES.get(self.type, self.type)


class StoreTable(NamedTuple):
    """A table or view with its columns; `own` marks the receiver's own."""

    name: str
    is_view: bool
    columns: list[StoreColumn]

    @property
    def own(self) -> bool:
        """Whether it is the receiver's own."""
        return self.name not in MEANINGS

    @property
    def kind(self) -> str:
        """Return the word for it: table or view."""
        return "view" if self.is_view else "table"


@st.cache_data(ttl=SCHEMA_SECONDS, show_spinner=False)
def list_tables() -> list[StoreTable]:
    """Return tables and views, those for questions first; at most some minutes old."""
    by_name: dict[str, StoreTable] = {}
    for row in list_rows(ask("schema_columns")):
        table = by_name.setdefault(row.table_name, StoreTable(row.table_name, bool(row.is_view), []))
        table.columns.append(StoreColumn(row.column_name, row.data_type))
    order = {name: place for place, name in enumerate(MEANINGS)}
    return sorted(by_name.values(), key=lambda table: (order.get(table.name, len(order)), table.name))


@st.cache_data(ttl=COUNTS_SECONDS, show_spinner=False)
def count_rows() -> dict[str, int]:
    """Return the numbers of rows of tables and views; at most a minute old."""
    drops = True if any(table.name == TABLE for table in list_tables()) else None
    return {row.table_name: int(row.number) for row in list_rows(ask("schema_counts", drops=drops))}


@st.cache_data(ttl=SCHEMA_SECONDS, show_spinner=False)
def list_completions() -> dict[str, Any]:
    """Return the words that the editor completes."""
    words = {
        "tables": [
            {
                "name": table.name,
                "kind": table.kind,
                "info": MEANINGS[table.name].holds,
                "columns": [
                    {
                        "label": column.name,
                        "type": "property",
                        "detail": column.short_type,
                        "info": find_meaning(table.name, column.name),
                    }
                    for column in table.columns
                ],
            }
            for table in list_tables()
            if not table.own
        ],
        "functions": [
            {"label": row.function_name, "detail": row.parameters, "info": row.description[:LONGEST_DESCRIPTION]}
            for row in list_rows(ask("schema_functions"))
        ],
    }
    return {"id": str(zlib.crc32(repr(words).encode())), **words}
