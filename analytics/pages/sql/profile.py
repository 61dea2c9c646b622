"""The profile of a column: missing, distinct and frequent values, bounds, and the spread of numbers and times."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import altair as alt
import pandas as pd
import streamlit as st

from analytics.charts.charts import ACCENT, INK, make_utc_tip
from analytics.client.client import Client
from analytics.errors import QueryError
from analytics.pages.shared.components import Column as Shown
from analytics.pages.shared.components import Line, draw_chart, draw_pairs, draw_table
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.store import open_connection
from analytics.pages.sql import editor
from analytics.pages.sql.schema import COUNTS_SECONDS, StoreColumn, StoreTable, count_rows
from analytics.text import as_markdown, shorten
from analytics.times import EPOCH, to_microseconds
from analytics.words.meanings import find_meaning

ValueKind = Literal["number", "time", "text", "truth", "heavy"]

# Of more rows only a sample is read, chosen by blocks, so that the rest is never read.
WHOLE_ROWS = 300_000
SAMPLED_ROWS = 100_000
SAMPLED_HEAVY_ROWS = 20_000
LONGEST_SECONDS = 10.0
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UBIGINT", "UINTEGER")
TIMES = ("TIMESTAMP", "DATE")
HEAVY = ("JSON", "BLOB")

# A view can't be sampled by blocks, but the table below it can.
BELOW = {"events": ("notifications", "duplicate_of IS NULL")}
NEWEST = {"entities": f"last_seq > (SELECT max(seq) - {2 * SAMPLED_HEAVY_ROWS} FROM notifications)"}  # noqa: S608
TOP_COLUMNS = (Shown("Most frequent", "62%"), Shown("Rows", "20%", align="right"), Shown("", "18%", align="right"))
LONGEST = 120
FIRST_US = to_microseconds(datetime.min.replace(tzinfo=UTC))
LAST_US = to_microseconds(datetime.max.replace(tzinfo=UTC))


class Profile(NamedTuple):
    """The profile of a column.

    `seen` of `rows` rows were read; the other figures are of those. `parts` are the most frequent values (`name` and
    `number`), or the histogram of numbers or times (`begins`, `ends`, `number`), times in microseconds since 1970.
    """

    kind: ValueKind
    rows: int
    seen: int
    filled: int
    differing: int
    smallest: str | None
    largest: str | None
    parts: list[dict[str, Any]]

    @property
    def spreads(self) -> bool:
        """Whether the parts are a histogram."""
        return self.kind in ("number", "time")


@cache
def read(name: str) -> str:
    """Return the text of a query on a column's values, without its comment."""
    return files(__package__).joinpath("profiles", f"{name}.sql").read_text(encoding="utf-8").partition("\n")[2]


def classify(data_type: str) -> ValueKind:
    """Return the kind of values in columns of a type."""
    if data_type.startswith(HEAVY):
        return "heavy"
    if data_type.endswith("]"):
        return "text"
    if data_type.startswith(NUMBERS):
        return "number"
    if data_type == "BOOLEAN":
        return "truth"
    return "time" if data_type.startswith(TIMES) else "text"


def quote_name(name: str) -> str:
    """Return a name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def describe_source(table: str, kind: ValueKind, rows: int) -> str:
    """Return the source of a column's values: all rows, or a sample of too many."""
    most = SAMPLED_HEAVY_ROWS if kind == "heavy" else SAMPLED_ROWS
    if rows <= (most if kind == "heavy" else WHOLE_ROWS):
        return quote_name(table)
    if table in NEWEST:
        return f"{quote_name(table)} WHERE {NEWEST[table]}"
    below, condition = BELOW.get(table, (table, "true"))
    return f"(FROM {quote_name(below)} TABLESAMPLE {100 * most / rows:.6f}% (system)) WHERE {condition}"


def compute_profile(client: Client, table: str, column: str, data_type: str, rows: int) -> Profile:
    """Return the profile of a column.

    Args:
        client: asks the store.
        table: a table or view.
        column: one of its columns.
        data_type: the column's type, as DuckDB writes it.
        rows: the approximate number of rows of the table.

    Raises:
        AnalyticsError: no answer.
    """
    kind = classify(data_type)
    number = {"number": "value::DOUBLE", "time": "epoch_us(value)::DOUBLE"}.get(kind, "NULL::DOUBLE")
    values = f"SELECT {quote_name(column)} AS value FROM {describe_source(table, kind, rows)}"  # noqa: S608 - names of the schema
    sampled = f"WITH sampled AS MATERIALIZED (SELECT value, {number} AS number FROM ({values}))\n"  # noqa: S608 - the same
    query = sampled + read("texts" if number.startswith("NULL") else "numbers")
    (row,) = client.sql(query, timeout=LONGEST_SECONDS).to_pylist()
    if kind in ("heavy", "truth"):
        row |= {"smallest": None, "largest": None}
    return Profile(
        kind=kind,
        rows=max(rows, row["seen"]),
        seen=row["seen"],
        filled=row["filled"],
        differing=min(row["differing"], row["filled"]),
        smallest=row["smallest"],
        largest=row["largest"],
        parts=row["parts"] or [],
    )


@st.cache_data(ttl=COUNTS_SECONDS, show_spinner=False)
def find_profile(table: str, column: str, data_type: str) -> Profile:
    """Return the profile of a column; at most a minute old."""
    return compute_profile(open_connection().client, table, column, data_type, count_rows().get(table, 0))


def format_percent(part: int, whole: int) -> str:
    """Return a part in percent."""
    share = 100 * part / whole if whole else 0
    return f"{share:.0f} %" if share >= 1 or not part else "< 1 %"


def draw_profile(owner: StoreTable, column: StoreColumn) -> None:
    """Draw the profile of a column."""
    with st.container(key="sql-profile", border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{as_markdown(column.name)}**", width="stretch")
            st.button(
                "Insert", key="sql-insert", on_click=lambda: editor.insert(name_in_sql(column.name)),
                help="Insert its name at the cursor",
            )  # fmt: skip
        if meaning := find_meaning(owner.name, column.name):
            st.caption(as_markdown(meaning))
        try:
            profile = find_profile(owner.name, column.name, column.type)
        except QueryError as error:
            st.caption(as_markdown(str(error)))
            return
        draw_facts(profile)
        if profile.parts and profile.spreads:
            draw_chart(draw_spread(profile, column.name, dark=is_dark()), key="sql-spread")
        elif profile.parts and profile.kind != "heavy":
            draw_top(profile)


def name_in_sql(name: str) -> str:
    """Return a name as a user writes it in SQL."""
    return name if name.isidentifier() and name.islower() else quote_name(name)


def draw_facts(profile: Profile) -> None:
    """Draw the figures."""
    missing = profile.seen - profile.filled
    about = "" if profile.differing <= 1 else "about "
    values = [("NULL", f"{missing:,} ({format_percent(missing, profile.seen)})")]
    if profile.kind != "truth":  # the list below has the share of each value
        values.append(("Distinct", f"{about}{profile.differing:,}"))
    if profile.smallest is not None:
        values += [
            ("Smallest", shorten(profile.smallest, LONGEST)),
            ("Largest", shorten(profile.largest or "", LONGEST)),
        ]
    draw_pairs(values, key="sql-facts", alt="Figures of the column")
    if profile.seen < profile.rows:
        st.caption(f"Of a sample: {profile.seen:,} of {profile.rows:,} rows.")


def draw_top(profile: Profile) -> None:
    """Draw the most frequent values."""
    lines = [
        Line(
            str(place),
            [shorten(part["name"], LONGEST), f"{part['number']:,}", format_percent(part["number"], profile.seen)],
        )
        for place, part in enumerate(profile.parts)
    ]
    draw_table(TOP_COLUMNS, lines, key="sql-top", alt="Most frequent values")


def make_moment(microseconds: float) -> datetime:
    """Return the moment of an end of a bin, which is rounded and may lie past the last moment of the calendar."""
    return EPOCH + timedelta(microseconds=min(max(int(microseconds), FIRST_US), LAST_US))


def draw_spread(profile: Profile, name: str, *, dark: bool) -> alt.Chart:
    """Return the histogram of numbers or times."""
    data = pd.DataFrame(profile.parts)
    times = profile.kind == "time"
    if times:
        for end in ("begins", "ends"):
            data[end] = [make_moment(value) for value in data[end]]
    kind: Literal["temporal", "quantitative"] = "temporal" if times else "quantitative"
    ends = [
        make_utc_tip(field, f"{title} (UTC)") if times else alt.Tooltip(field, type=kind, title=title)
        for field, title in (("begins", "From"), ("ends", "To"))
    ]
    scale = alt.Scale(type="utc") if times else alt.Scale(zero=False)
    axis = alt.Axis(title=None, grid=False, labelColor=INK[dark], tickCount=4, labelOverlap=True)
    chart: alt.Chart = alt.Chart(data).mark_bar(binSpacing=1, orient="vertical", color=ACCENT[dark])
    return chart.encode(
        x=alt.X("begins", type=kind, scale=scale, axis=axis),
        x2="ends",
        y=alt.Y("number:Q", axis=alt.Axis(title=None, tickCount=3, format="~s", labelColor=INK[dark])),
        tooltip=[
            *ends,
            alt.Tooltip("number:Q", title="Rows", format=","),
        ],
    ).properties(height=120, width="container", description=f"Histogram of {shorten(name)}")
