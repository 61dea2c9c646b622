"""What a column holds, as the SQL page shows it."""

from datetime import timedelta
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from analytics.charts.charts import ACCENT, INK
from analytics.errors import QueryError
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.table import Column as Shown
from analytics.pages.shared.table import Line, pairs, table
from analytics.pages.sql import editor
from analytics.pages.sql.profiles import Profile, quote_name
from analytics.pages.sql.schema import StoreColumn, StoreTable, profile_of
from analytics.text import as_markdown, shorten
from analytics.times.periods import EPOCH
from analytics.words.meanings import meaning_of

TOP_COLUMNS = (Shown("Most frequent", "62%"), Shown("Rows", "20%", align="right"), Shown("", "18%", align="right"))
LONGEST = 120


def percent(part: int, whole: int) -> str:
    """Return a part in percent."""
    share = 100 * part / whole if whole else 0
    return f"{share:.0f} %" if share >= 1 or not part else "< 1 %"


def profile_card(shown: StoreTable, column: StoreColumn) -> None:
    """Draw what a column holds."""
    with st.container(key="sql-profile", border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{as_markdown(column.name)}**", width="stretch")
            st.button(
                "Insert", key="sql-insert", on_click=lambda: editor.insert(name_in_sql(column.name)),
                help="Put its name where the cursor is in the SQL",
            )  # fmt: skip
        if meaning := meaning_of(shown.name, column.name):
            st.caption(as_markdown(meaning))
        try:
            found = profile_of(shown.name, column.name, column.type)
        except QueryError as error:
            st.caption(as_markdown(str(error)))
            return
        draw_facts(found)
        if found.parts and found.spreads:
            st.altair_chart(draw_spread(found, column.name, dark=is_dark()), key="sql-spread")
        elif found.parts and found.kind != "heavy":
            draw_top(found)


def name_in_sql(name: str) -> str:
    """Return a name as one writes it in SQL."""
    return name if name.isidentifier() and name.islower() else quote_name(name)


def draw_facts(found: Profile) -> None:
    """Draw the figures."""
    missing = found.seen - found.filled
    about = "" if found.differing <= 1 else "about "
    values = [
        ("NULL", f"{missing:,} ({percent(missing, found.seen)})"),
        ("Distinct", f"{about}{found.differing:,}"),
    ]
    if found.smallest is not None:
        values += [("Smallest", shorten(found.smallest, LONGEST)), ("Largest", shorten(found.largest or "", LONGEST))]
    pairs(values, key="sql-facts", alt="Figures of the column")
    if found.seen < found.rows:
        st.caption(f"Of a sample: {found.seen:,} of {found.rows:,} rows.")


def draw_top(found: Profile) -> None:
    """Draw the most frequent values."""
    lines = [
        Line(str(place), [shorten(part["name"], LONGEST), f"{part['number']:,}", percent(part["number"], found.seen)])
        for place, part in enumerate(found.parts)
    ]
    table(TOP_COLUMNS, lines, key="sql-top", alt="Most frequent values")


def draw_spread(found: Profile, name: str, *, dark: bool) -> alt.Chart:
    """Return the histogram of numbers or times."""
    data = pd.DataFrame(found.parts)
    times = found.kind == "time"
    if times:
        for end in ("begins", "ends"):
            data[end] = [EPOCH + timedelta(microseconds=int(value)) for value in data[end]]
    kind: Literal["temporal", "quantitative"] = "temporal" if times else "quantitative"
    scale = alt.Scale(type="utc") if times else alt.Scale(zero=False)
    axis = alt.Axis(title=None, grid=False, labelColor=INK[dark], tickCount=4, labelOverlap=True)
    chart: alt.Chart = alt.Chart(data).mark_bar(binSpacing=1, orient="vertical", color=ACCENT[dark])
    return chart.encode(
        x=alt.X("begins", type=kind, scale=scale, axis=axis),
        x2="ends",
        y=alt.Y("number:Q", axis=alt.Axis(title=None, tickCount=3, format="~s", labelColor=INK[dark])),
        tooltip=[
            alt.Tooltip("begins", type=kind, title="From"),
            alt.Tooltip("ends", type=kind, title="To"),
            alt.Tooltip("number:Q", title="Rows", format=","),
        ],
    ).properties(height=120, width="container", description=f"Histogram of {shorten(name)}")
