"""The chart of a query's rows: the one that fits them, and what it leaves out."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from analytics.charts import quick_chart
from analytics.charts.choice import Choice, classify_columns, fit_choice, make_first_choice, repeats
from analytics.charts.quick_chart import convert_values, draw, find_step
from analytics.export.results import prepare_rows
from analytics.senders import GREY
from tests.support.readable_store import HOSTILE_NAME
from tests.support.sizes import take_few

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 1, 2)]
HOURS = [DAYS[0] + timedelta(hours=hour) for hour in range(51)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"day": DAYS[1:], "n": [1, 2]}, Choice("line", "day", "n")),
        ({"day": DAYS, "event": ["a", "b", "a"], "n": [1, 2, 3]}, Choice("bar", "day", "n", "event")),
        ({"event": ["a", "b", "a"], "day": DAYS, "n": [1, 2, 3]}, Choice("bar", "day", "n", "event")),
        ({"name": ["a", "b", "c"], "n": [1, 2, 3], "newest": DAYS}, Choice("bar", "name", "n")),
        ({"id": [*map(str, range(51))], "at": HOURS, "n": [1] * 51}, Choice("line", "at", "n")),
        ({"name": ["a", "b"], "n": [1, 2]}, Choice("bar", "name", "n")),
        ({"name": ["a", "b"]}, Choice("bar", "name")),
        ({"n": [1, 2], "m": [3, 4]}, Choice("points", "n", "m")),
        ({"weekday": [1, 2], "hour": [3, 4], "n": [5, 6]}, Choice("points", "weekday", "n")),
        ({"n": [1, 2]}, Choice("histogram", "n")),
        ({"day": DAYS}, Choice("histogram", "day")),
        ({"seq": [1, 2, 3], "received_at": DAYS, "event": ["a", "b", "a"]}, Choice("histogram", "received_at")),
        ({"id": ["a", "b", "c"], "received_at": DAYS}, Choice("histogram", "received_at")),
        ({"received_at": DAYS, "issue_id": [7, 8, 9], "n": [1, 2, 3]}, Choice("line", "received_at", "n")),
        ({"name": ["a", "b"], "last_seq": [1, 2]}, Choice("bar", "name")),
        ({"seq": [1, 2], "n": [3, 4]}, Choice("points", "seq", "n")),
    ],
)
def test_the_first_chart_fits_the_columns(columns, expected):
    assert make_first_choice(pa.table(columns)) == expected


def test_durations_are_shown_as_durations_and_drawn_in_seconds():
    gaps = pa.array([timedelta(days=1), None, timedelta(milliseconds=-1500)], pa.duration("us"))
    table = pa.table({"at": DAYS[1:] + DAYS[:1], "gap": gaps})
    assert prepare_rows(table)["gap"].dtype.kind == "m"
    assert make_first_choice(table) == Choice("line", "at", "gap")
    quick = draw(table, Choice("points", "at", "gap"))
    assert quick.chart.to_dict()["encoding"]["y"]["axis"]["title"] == "gap (seconds)"
    assert [row["y"] for row in list_drawn(quick)] == [86_400.0, None, -1.5]


def test_times_that_python_cannot_represent_and_lists_hinder_no_chart():
    infinite = pa.array([0, 2**62], pa.timestamp("us", "UTC"))
    table = pa.table({"t": infinite, "list": [[1], [1]], "n": [1, 2]})
    assert make_first_choice(table) == Choice("line", "t", "n")
    assert repeats(table, classify_columns(table), "list")
    assert draw(table, Choice("line", "t", "n", "list")).chart.to_dict()


@pytest.mark.parametrize("kind", ["line", "area", "points", "bar"])
def test_days_of_the_first_and_the_last_year_are_drawn(kind):
    days = [date(1, 1, 1), *(day.date() for day in DAYS[1:]), date(9999, 12, 31)]
    assert draw(pa.table({"day": days, "n": [1, 2, 3, 4]}), Choice(kind, "day", "n")).chart.to_dict()
    ends = [datetime(1, 1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]
    for place in ("Asia/Tokyo", "America/Lima"):
        assert draw(pa.table({"at": ends, "n": [1, 2]}), Choice(kind, "at", "n"), zone=ZoneInfo(place)).chart.to_dict()


def test_rows_without_a_place_on_an_axis_are_said_to_be_left_out():
    table = pa.table(
        {"x": [1.0, 2.0, float("inf"), float("nan"), None], "t": [*DAYS, None, None], "y": [1, *[None] * 4]}
    )
    drawn = draw(table, Choice("histogram", "x"))
    assert drawn.notes == ["3 of 5 rows left out: x is NULL, infinite or not a number."]
    assert list_drawn(drawn) == [{"x": 1}, {"x": 2}]
    assert draw(table, Choice("points", "t", "y")).notes == [
        "2 of 5 rows left out: t is NULL, or outside the years 1 to 9999.",
        "4 of 5 rows left out: y is NULL, infinite or not a number.",
    ]


def test_colours_are_those_of_the_rows_that_are_drawn():
    names = [*"abcdefgh", *[f"left out {number // 2}" for number in range(20)]]
    table = pa.table({"x": [*range(8), *[None] * 20], "y": [1] * 28, "name": names})
    drawn = draw(table, Choice("points", "x", "y", "name"))
    assert drawn.notes == ["20 of 28 rows left out: x is NULL, infinite or not a number."]
    assert {row["colour"] for row in list_drawn(drawn)} == set("abcdefgh")


def test_where_all_rows_are_left_out_there_is_no_chart_but_the_reason():
    table = pa.table({"x": [float("inf"), 1.0], "y": [1, None], "t": pa.array([None, 2**62], pa.timestamp("us"))})
    assert draw(table, Choice("histogram", "t")) == (
        None, ["No row can be drawn.", "2 of 2 rows left out: t is NULL, or outside the years 1 to 9999."],
    )  # fmt: skip
    assert draw(table, Choice("points", "x", "y")).notes[0] == "No row can be drawn."


def test_the_bins_of_times_are_those_of_a_clock_in_utc_and_say_when_they_begin_and_end():
    begin = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    table = pa.table({"t": [begin + timedelta(minutes=minute) for minute in range(300)], "half": ["a", "b"] * 150})
    drawn = draw(table, Choice("histogram", "t"))
    rows = list_drawn(drawn)
    assert rows[0] == {"x": "2026-11-30T00:30:00+00:00", "until": "2026-11-30T00:35:00+00:00", "y": 5}
    assert (len(rows), sum(row["y"] for row in rows)) == (60, 300)
    assert len(list_drawn(draw(table, Choice("histogram", "t", colour="half")))) == 120
    *times, number = drawn.chart.to_dict()["encoding"]["tooltip"]
    assert [tip["title"] for tip in (*times, number)] == ["From (UTC)", "To (UTC)", "Rows"]
    assert {(tip["timeUnit"][:3], tip["format"]) for tip in times} == {("utc", "%Y-%m-%d %H:%M:%S")}


def test_times_are_those_of_the_viewers_zone_but_days_and_times_without_a_zone_stay():
    berlin = ZoneInfo("Europe/Berlin")
    moments = [datetime(2026, 7, 1, 22, minute, tzinfo=UTC) for minute in range(0, 60, 20)]
    table = pa.table({"at": moments, "bare": [moment.replace(tzinfo=None) for moment in moments], "n": [1, 2, 3]})
    drawn = draw(table, Choice("histogram", "at"), zone=berlin)
    assert list_drawn(drawn)[0]["x"] == "2026-07-02T00:00:00+00:00"  # an axis in UTC shows it as it is
    chart = drawn.chart.to_dict()
    assert chart["title"]["subtitle"] == "Histogram; times in Berlin"
    assert [tip["title"] for tip in chart["encoding"]["tooltip"]] == ["From (Berlin)", "To (Berlin)", "Rows"]
    for name, begins in (("bare", "2026-07-01T22:00:00"), ("day", "2026-01-01T00:00:00")):
        bare = draw(table.append_column("day", [DAYS]), Choice("line", name, "n"), zone=berlin)
        assert list_drawn(bare)[0]["x"].startswith(begins)
        assert bare.chart.to_dict()["title"]["subtitle"] == "Line; times in UTC"
    assert "times" not in draw(pa.table({"name": ["a"]}), Choice("bar", "name")).chart.to_dict()["title"]["subtitle"]


def test_bins_of_weeks_begin_on_mondays():
    begin = datetime(2026, 11, 5, tzinfo=UTC)
    table = pa.table({"t": [begin, begin + timedelta(days=100)]})
    assert list_drawn(draw(table, Choice("histogram", "t")))[0]["x"] == "2026-11-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("last", "ends"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), ["0001-01-01T00:00:01"]),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), ["0135-11-21T00:00:00", "9999-12-31T23:59:59"]),
    ],
)
def test_a_histogram_of_the_first_moment_and_any_other_has_bins_that_a_browser_can_read(last, ends):
    rows = list_drawn(draw(pa.table({"t": [datetime(1, 1, 1, tzinfo=UTC), last]}), Choice("histogram", "t")))
    assert rows[0]["x"] == "0001-01-01T00:00:00+00:00"
    assert [row["until"][:19] for row in rows] == ends


def test_no_rows_have_no_chart():
    assert make_first_choice(pa.table({"n": pa.array([], pa.int64())})) is None


def test_a_choice_that_does_not_fit_the_columns_is_not_taken():
    table = pa.table({"name": ["a", "b"], "n": [1, 2]})
    assert fit_choice(Choice("line", "gone", "n"), table) == Choice("bar", "name", "n")
    assert fit_choice(Choice("line", "name", "name", "gone"), table) == Choice("line", "name")
    assert fit_choice(Choice("points", "n", "n", "name"), table) == Choice("points", "n", "n", "name")
    assert fit_choice(Choice("bar", "name", "seq"), pa.table({"name": ["a"], "seq": [7]})) == Choice("bar", "name")


@pytest.mark.parametrize("kind", ["bar", "line", "area", "points", "histogram"])
@pytest.mark.parametrize("x", ["day", "n", "name"])
@pytest.mark.parametrize("y", ["n", None])
@pytest.mark.parametrize("colour", take_few(["name", None], 1))
def test_every_choice_is_drawn_with_fields_of_our_names(kind, x, y, colour):
    table = pa.table({"day": DAYS, "n": [1.5, None, float("inf")], "name": [HOSTILE_NAME, None, "datum.image"]})
    made = draw(table, Choice(kind, x, y, colour), dark=True).chart.to_dict()
    assert {channel.get("field", "x") for channel in made["encoding"].values() if isinstance(channel, dict)} <= {
        "x", "y", "colour", "until",
    }  # fmt: skip
    assert made["description"]


def list_drawn(quick):
    """Return the rows in a chart."""
    (rows,) = quick.chart.to_dict()["datasets"].values()
    return rows


def drawn_values(kind, days, names=None):
    """Draw numbers of days, and return the days and numbers in the chart."""
    columns: dict[str, list[object]] = {"day": [date(2026, 3, day) for day in days], "n": [*range(1, len(days) + 1)]}
    columns |= {"name": names} if names else {}
    rows = list_drawn(draw(pa.table(columns), Choice(kind, "day", "n", "name" if names else None)))
    return [(int(row["x"][8:10]), row["y"], row.get("colour")) for row in rows]


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
    assert draw(table, Choice("bar", "day")).notes == []
    assert draw(table.slice(0, 1), Choice("bar", "day", "n")).notes == []
    assert sorted(row["y"] for row in list_drawn(drawn)) == [1, 1, 1, 1, 1, 1, 1, 23]


def test_event_types_keep_their_colours_where_the_rarer_ones_are_joined(monkeypatch):
    own = {f"till.{number:02}": f"#0000{number:02}" for number in range(31)}
    table = pa.table({"day": DAYS[:1] * 31, "event": list(own), "n": [1] * 31})

    def scale():
        return draw(table, Choice("bar", "day", "n", "event")).chart.to_dict()["encoding"]["color"]["scale"]

    monkeypatch.setattr(quick_chart, "colours", lambda dark: own)  # noqa: ARG005
    assert scale() == {"domain": [*list(own)[:7], "others"], "range": [*list(own.values())[:7], GREY[False]]}
    monkeypatch.setattr(quick_chart, "colours", lambda dark: own | {"till.01": "#000002"})  # noqa: ARG005
    assert len(set(scale()["range"])) == 8


def test_many_rows_and_bars_are_said_to_be_left_out():
    table = pa.table({"name": [f"n{n}" for n in range(6_000)], "n": [1] * 6_000})
    assert draw(table, Choice("bar", "name", "n")).notes == [
        "Drawn from the first 5,000 of 6,000 rows.",
        "The first 50 of 5,000 bars.",
    ]


def test_a_day_is_a_step():
    assert find_step(convert_values(DAYS, "time")) == timedelta(days=1)
    assert find_step(convert_values(["a"], "text")) is None


def test_bars_at_irregular_moments_are_wide_enough_to_be_seen():
    moments = [DAYS[0], DAYS[0] + timedelta(microseconds=1), DAYS[2]]
    encoding = draw(pa.table({"t": moments, "n": [1, 2, 3]}), Choice("bar", "t", "n")).chart.to_dict()["encoding"]
    assert "x2" not in encoding


def test_bars_at_the_minutes_of_a_day_lie_side_by_side():
    minutes = [DAYS[0] + timedelta(minutes=number) for number in range(1440) if number % 10]
    encoding = draw(pa.table({"t": minutes, "n": [1] * 1296}), Choice("bar", "t", "n")).chart.to_dict()["encoding"]
    assert "x2" in encoding
