"""The charts of notebooks, as pictures."""

import re
from datetime import date
from decimal import Decimal

import altair as alt
import pandas as pd
import vl_convert

from analytics.notebook.charts import draw_offline


def draw(chart):
    """Return the picture of a chart."""
    return draw_offline(chart.to_dict())["image/svg+xml"]


def test_a_picture_has_room_for_a_wider_font():
    chart = alt.Chart(alt.Data(values=[{"a": "Account.Updated", "n": 1}])).mark_bar().encode(x="n:Q", color="a:N")
    spec = chart.to_dict()
    sizes = [
        int(re.search(r'width="(\d+)"', svg)[1])
        for svg in (vl_convert.vegalite_to_svg(spec), draw_offline(spec)["image/svg+xml"])
    ]
    assert sizes[1] - sizes[0] == 50


def test_times_of_the_afternoon_are_not_those_of_the_morning():
    moments = pd.DataFrame({"at": pd.to_datetime(["2026-03-02 20:09:10", "2026-03-02 20:12:00"])})
    labels = re.findall(r">([^<>]+)</text>", draw(alt.Chart(moments).mark_point().encode(x="at:T")))
    assert "20:10" in labels
    assert "20:09:30" in labels


def test_dates_and_sums_of_a_dataframe_are_drawn():
    rows = pd.DataFrame({"day": [date(2026, 3, 2), date(2026, 3, 3)], "sum": [Decimal("7.5"), None]})
    picture = draw(alt.Chart(rows).mark_bar().encode(x="day:T", y="sum:Q"))
    assert re.findall(r'aria-label="([^"]*day: [^"]*)"', picture) == ["day: 2026-03-02 00:00; sum: 7.5"]


def test_a_chart_without_rows_is_a_sentence():
    chart = alt.Chart(pd.DataFrame({"at": [], "n": []})).mark_bar().encode(x="at:T", y="n:Q")
    assert draw_offline(chart.to_dict()) == {"text/plain": "There are no rows to draw."}
