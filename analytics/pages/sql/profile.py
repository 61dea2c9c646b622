"""The profile of a column on the SQL page."""

from datetime import timedelta
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from analytics.charts.charts import ACCENT, INK
from analytics.errors import QueryError
from analytics.pages.shared.components import Column as Shown
from analytics.pages.shared.components import Line, draw_pairs, draw_table
from analytics.pages.shared.frame import is_dark
from analytics.pages.sql import editor
from analytics.pages.sql.profiles import Profile, quote_name
from analytics.pages.sql.schema import StoreColumn, StoreTable, profile_of
from analytics.text import as_markdown, shorten
from analytics.times import EPOCH
from analytics.words.meanings import meaning_of

TOP_COLUMNS = (Shown("Most frequent", "62%"), Shown("Rows", "20%", align="right"), Shown("", "18%", align="right"))
LONGEST = 120


def percent(part: int, whole: int) -> str:
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
                help="Put its name where the cursor is in the SQL",
            )  # fmt: skip
        if meaning := meaning_of(owner.name, column.name):
            st.caption(as_markdown(meaning))
        try:
            profile = profile_of(owner.name, column.name, column.type)
        except QueryError as error:
            st.caption(as_markdown(str(error)))
            return
        draw_facts(profile)
        if profile.parts and profile.spreads:
            st.altair_chart(draw_spread(profile, column.name, dark=is_dark()), key="sql-spread")
        elif profile.parts and profile.kind != "heavy":
            draw_top(profile)


def name_in_sql(name: str) -> str:
    """Return a name as a user writes it in SQL."""
    return name if name.isidentifier() and name.islower() else quote_name(name)


def draw_facts(profile: Profile) -> None:
    """Draw the figures."""
    missing = profile.seen - profile.filled
    about = "" if profile.differing <= 1 else "about "
    values = [
        ("NULL", f"{missing:,} ({percent(missing, profile.seen)})"),
        ("Distinct", f"{about}{profile.differing:,}"),
    ]
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
        Line(str(place), [shorten(part["name"], LONGEST), f"{part['number']:,}", percent(part["number"], profile.seen)])
        for place, part in enumerate(profile.parts)
    ]
    draw_table(TOP_COLUMNS, lines, key="sql-top", alt="Most frequent values")


def draw_spread(profile: Profile, name: str, *, dark: bool) -> alt.Chart:
    """Return the histogram of numbers or times."""
    data = pd.DataFrame(profile.parts)
    times = profile.kind == "time"
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
