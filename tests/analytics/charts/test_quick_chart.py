"""The chart of a query's rows: the one that fits them, and what it leaves out."""

import re
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from analytics.charts.choice import Choice, classify_columns, fit_choice, make_first_choice, repeats
from analytics.charts.quick_chart import convert_values, draw, find_step
from analytics.export.results import prepare_rows
from tests.support.readable_store import HOSTILE_NAME

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 1, 2)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"day": DAYS[1:], "n": [1, 2]}, Choice("line", "day", "n")),
        ({"day": DAYS, "event": ["a", "b", "a"], "n": [1, 2, 3]}, Choice("bar", "day", "n", "event")),
        ({"name": ["a", "b"], "n": [1, 2]}, Choice("bar", "name", "n")),
        ({"name": ["a", "b"]}, Choice("bar", "name")),
        ({"n": [1, 2], "m": [3, 4]}, Choice("points", "n", "m")),
        ({"n": [1, 2]}, Choice("histogram", "n")),
        ({"day": DAYS}, Choice("histogram", "day")),
    ],
)
def test_the_first_chart_fits_the_columns(columns, expected):
    assert make_first_choice(pa.table(columns)) == expected


def test_durations_are_shown_as_durations_and_drawn_in_seconds():
    gaps = pa.array([timedelta(days=1), None, timedelta(milliseconds=-1500)], pa.duration("us"))
    table = pa.table({"at": DAYS[1:] + DAYS[:1], "gap": gaps})
    assert prepare_rows(table)["gap"].dtype.kind == "m"
    assert make_first_choice(table) == Choice("line", "at", "gap")
    chart = draw(table, Choice("points", "at", "gap")).chart.to_dict()
    assert chart["encoding"]["y"]["axis"]["title"] == "gap (seconds)"
    (values,) = chart["datasets"].values()
    assert [row["y"] for row in values] == [86_400.0, None, -1.5]
    alone = draw(table.slice(1, 1), Choice("line", "at", "gap")).chart.to_dict()
    assert next(iter(alone["datasets"].values()))[0]["y"] is None


def test_times_that_python_cannot_represent_and_lists_hinder_no_chart():
    infinite = pa.array([0, 2**62], pa.timestamp("us", "UTC"))
    table = pa.table({"t": infinite, "list": [[1], [1]], "n": [1, 2]})
    assert make_first_choice(table) == Choice("line", "t", "n")
    assert repeats(table, classify_columns(table), "list")
    assert draw(table, Choice("line", "t", "n", "list")).chart.to_dict()


def test_no_rows_have_no_chart():
    assert make_first_choice(pa.table({"n": pa.array([], pa.int64())})) is None


def test_a_choice_that_does_not_fit_the_columns_is_not_taken():
    table = pa.table({"name": ["a", "b"], "n": [1, 2]})
    assert fit_choice(Choice("line", "gone", "n"), table) == Choice("bar", "name", "n")
    assert fit_choice(Choice("line", "name", "name", "gone"), table) == Choice("line", "name")
    assert fit_choice(Choice("points", "n", "n", "name"), table) == Choice("points", "n", "n", "name")


@pytest.mark.parametrize("kind", ["bar", "line", "area", "points", "histogram"])
@pytest.mark.parametrize("x", ["day", "n", "name"])
@pytest.mark.parametrize("y", ["n", None])
@pytest.mark.parametrize("colour", ["name", None])
def test_every_choice_is_drawn_with_fields_of_our_names(kind, x, y, colour):
    table = pa.table({"day": DAYS, "n": [1.5, None, float("inf")], "name": [HOSTILE_NAME, None, "datum.image"]})
    made = draw(table, Choice(kind, x, y, colour), dark=True).chart.to_dict()
    assert {channel.get("field", "x") for channel in made["encoding"].values() if isinstance(channel, dict)} <= {
        "x", "y", "colour", "until",
    }  # fmt: skip
    assert made["description"]


def drawn_values(kind, days, names=None):
    """Draw numbers of days, and return the days and numbers in the chart."""
    columns: dict[str, list[object]] = {"day": [date(2026, 3, day) for day in days], "n": [*range(1, len(days) + 1)]}
    columns |= {"name": names} if names else {}
    made = draw(pa.table(columns), Choice(kind, "day", "n", "name" if names else None)).chart.to_dict()
    (values,) = made["datasets"].values()
    return [(int(row["x"][8:10]), row["y"], row.get("colour")) for row in values]


@pytest.mark.parametrize("kind", ["line", "area"])
def test_a_line_or_an_area_breaks_where_days_are_missing(kind):
    gap = (3, None, None)
    assert drawn_values(kind, [1, 2, 6, 7]) == [(1, 1, None), (2, 2, None), gap, (6, 3, None), (7, 4, None)]
    assert sorted(drawn_values(kind, [7, 6, 2, 1]))[2] == gap
    names = ["a", "b", "a", "a", "b"]
    broken = [row for row in drawn_values(kind, [1, 1, 2, 3, 3], names) if row[1] is None]
    assert broken == [(2, None, "b")]


def test_values_at_no_regular_distances_and_bars_have_no_gaps():
    assert len(drawn_values("area", [1, 2, 5, 9, 20])) == 5
    assert len(drawn_values("bar", [1, 2, 6, 7])) == 4
    assert len(drawn_values("area", [2, 1, 7, 6])) == 4


@pytest.mark.parametrize(
    ("kind", "days", "labels"),
    [
        (
            "bar",
            [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 9, 16, 23)],
            ["Nov 02", "Nov 09", "Nov 16", "Nov 23"],
        ),
        ("line", [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)], ["Jan 01", "Jan 02"]),
        ("bar", [date(2026, 1, 1), date(2026, 2, 1)], ["Jan 2026", "Feb 2026"]),
        ("bar", [date(2025, 12, 29), date(2026, 1, 5)], ["Dec 29, 2025", "Jan 05, 2026"]),
    ],
)
def test_ticks_of_days_and_weeks_stand_under_their_bars_and_say_the_date(kind, days, labels):
    x = draw(pa.table({"day": days, "n": [1] * len(days)}), Choice(kind, "day", "n")).chart.to_dict()["encoding"]["x"]
    shift, form = re.fullmatch(r"utcFormat\(datum\.value - (\d+), '(.*)'\)", x["axis"]["labelExpr"]).groups()
    ticks = [
        datetime(at["year"], at["month"], at["date"], at["hours"], at["minutes"], tzinfo=UTC)
        for at in x["axis"]["values"]
    ]
    begins = [tick - timedelta(milliseconds=int(shift)) for tick in ticks]
    assert [f"{begin:{form}}" for begin in begins] == labels
    assert [begin.date() for begin in begins] == [day.date() if isinstance(day, datetime) else day for day in days]
    assert (int(shift) > 0) == (kind == "bar")  # the middle of a bar, but the place of a point


def test_rare_colours_are_drawn_together_and_rows_of_one_place_are_added_up():
    table = pa.table({"day": DAYS[:1] * 30, "name": [f"n{n}" for n in range(30)], "n": [1] * 30})
    drawn = draw(table, Choice("bar", "day", "n", "name"))
    assert drawn.notes == ["23 values of name are drawn together, as “others”.", "Rows of one day are added up."]
    (rows,) = drawn.chart.to_dict()["datasets"].values()
    assert sorted(row["y"] for row in rows) == [1, 1, 1, 1, 1, 1, 1, 23]


def test_many_rows_and_bars_are_said_to_be_left_out():
    table = pa.table({"name": [f"n{n}" for n in range(6_000)], "n": [1] * 6_000})
    assert draw(table, Choice("bar", "name", "n")).notes == [
        "Drawn from the first 5,000 of 6,000 rows.",
        "The first 50 of 5,000 bars.",
    ]


def test_a_day_is_a_step():
    assert find_step(convert_values(DAYS, "time")) == timedelta(days=1)
    assert find_step(convert_values(["a"], "text")) is None
