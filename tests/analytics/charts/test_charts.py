"""The charts: what is drawn of which rows, and that nothing of it is ever more than data."""

import json

import pandas as pd
import pytest

from analytics.charts import events, histogram
from analytics.times import Interval, Period, find_zone, make_span
from tests.support.readable_store import HOSTILE_NAME, MIDDAY

BERLIN = find_zone("Europe/Berlin")


@pytest.fixture
def span():
    return make_span("1 h", None, MIDDAY, None, BERLIN)


@pytest.fixture
def frame(span):
    first, second = span.begins_us[:2]
    rows = [(first, "Server.Created", 2), (first, "Server.Updated", 3), (second, HOSTILE_NAME, 1)]
    return pd.DataFrame(rows, columns=["bin_us", "event_type", "events"])


def drawn(frame, span, before=None, **more):
    return events.draw_events(frame, before, span, zone=BERLIN, **more).to_dict()


def rows_of(chart):
    return [row for rows in chart["datasets"].values() for row in rows]


def test_bars_are_stacked_in_the_order_of_the_events(frame, span):
    bars = [row for row in rows_of(drawn(frame, span)) if row["events"]]
    assert [(row["event_type"], row["bottom"], row["top"]) for row in bars] == [
        ("Server.Created", 0, 2), ("Server.Updated", 2, 5), (HOSTILE_NAME, 0, 1),
    ]  # fmt: skip


def test_empty_bins_are_drawn_and_the_running_one_is_not_complete(frame, span):
    bars = rows_of(drawn(frame, span))
    assert len({row["begin"] for row in bars}) == len(span.begins) == 60
    assert [row["state"] for row in bars[-2:]] == ["complete", "still filling"]
    over = make_span("own", Interval(span.since, MIDDAY), MIDDAY + 2 * span.width, None, BERLIN)
    assert {row["state"] for row in rows_of(drawn(frame, over))} == {"complete"}


def test_of_a_range_that_ends_later_than_now_the_bin_of_now_and_those_after_it_are_not_complete(frame, span):
    ahead = make_span("own", Interval(span.since, MIDDAY + 30 * span.width), MIDDAY + span.width / 2, None, BERLIN)
    states = events.fill_bins(frame, ahead).drop_duplicates("bin_us")["state"]
    assert states.to_list() == ["complete"] * 60 + ["still filling"] * 30
    assert events.describe_events(ahead, "", zone=BERLIN).endswith("; pale = still filling.")


@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_scale_of_counts_that_are_all_0_goes_from_0_to_1(frame, span, logarithmic):
    def domain_of(chart):
        scales = [layer["encoding"]["y"].get("scale", {}) for layer in chart["layer"]]
        return next((scale["domain"] for scale in scales if "domain" in scale), None)

    none = pd.DataFrame({"bin_us": [], "events": []})
    before = pd.DataFrame({"bin_us": span.begins_us[:1], "events": [2]})
    assert domain_of(drawn(frame.head(0), span, none, logarithmic=logarithmic)) == [0, 1]
    assert domain_of(drawn(frame.head(0), span, before, logarithmic=logarithmic)) is None
    assert domain_of(drawn(frame, span, none, logarithmic=logarithmic)) is None


def test_a_refresh_changes_data_and_nothing_else(frame, span):
    later = make_span("1 h", None, MIDDAY + span.width, None, BERLIN)

    def without_data(chart):
        names = list(chart.pop("datasets"))
        text = json.dumps(chart)
        for place, name in enumerate(names):
            text = text.replace(name, f"data {place}")
        return text

    before = pd.DataFrame({"bin_us": [later.begins_us[3]], "events": [7]})
    one = events.draw_events(frame, before.head(0), span, zone=BERLIN, name="a week before").to_dict()
    other = events.draw_events(frame, before, later, zone=BERLIN, name="a week before").to_dict()
    assert set(one["datasets"]) != set(other["datasets"])
    views = [{layer.pop("name", "") for layer in chart["layer"]} for chart in (one, other)]
    for chart, names in zip((one, other), views, strict=True):
        assert all(set(param.pop("views", [])) <= names for param in chart.get("params", []))
    assert without_data(one) == without_data(other)


def test_the_time_compared_with_is_a_line_to_the_end_of_the_last_bin(frame, span):
    before = pd.DataFrame({"bin_us": [span.begins_us[0]], "events": [9]})
    chart = events.draw_events(frame, before, span, zone=BERLIN, name="a week before").to_dict()
    line = [row for row in rows_of(chart) if "event_type" not in row]
    assert [line[0]["events"], line[1]["events"], len(line)] == [9, 0, 61]
    assert "the dashed line is a week before" in events.describe_events(span, "a week before", zone=BERLIN)
    assert "dashed" not in events.describe_events(span, "", zone=BERLIN)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_hover_on_a_bar_says_the_other_times_count_and_the_difference(frame, span, logarithmic):
    before = pd.DataFrame({"bin_us": [span.begins_us[0], span.begins_us[-1]], "events": [9, 4]})
    chart = drawn(frame, span, before, name="a week before", logarithmic=logarithmic)
    layer = chart["layer"][0]
    tips = {tip["field"]: tip["title"] for tip in layer["encoding"]["tooltip"]}
    assert (tips["all"], tips["before"], tips["difference"]) == ("All events", "A week before", "Difference")
    rows = chart["datasets"][layer["data"]["name"]]
    assert {(row["all"], row["before"], row["difference"]) for row in rows if row["begin"] == rows[0]["begin"]} == {
        (5, 9, "-4 (-44%)")
    }
    assert (rows[-1]["before"], rows[-1]["difference"]) == (4, ""), "a bin that is still filling has no difference"
    assert "before" not in {tip["field"] for tip in drawn(frame, span)["layer"][0]["encoding"]["tooltip"]}


def test_on_a_logarithmic_scale_each_type_and_the_total_are_lines_and_not_parts_of_a_bar(frame, span):
    chart = drawn(frame, span, logarithmic=True)
    marks = [layer["mark"]["type"] for layer in chart["layer"]]
    assert marks == ["bar", "line"]
    hovered, lines = (chart["datasets"][layer["data"]["name"]] for layer in chart["layer"])
    firsts = {row["event_type"]: row["events"] for row in lines if row["begin"] == lines[0]["begin"]}
    assert firsts == {"Server.Created": 2, "Server.Updated": 3, "Total": 5}
    assert (hovered[0]["each"], hovered[0]["events"]) == ("Server.Updated 3, Server.Created 2", 5)
    axis = chart["layer"][1]["encoding"]["y"]["axis"]
    assert axis["values"][:5] == [0, 1, 10, 100, 1000]
    assert "logarithmic" in events.describe_events(span, "", zone=BERLIN, logarithmic=True)
    assert drawn(frame.head(0), span, logarithmic=True)["layer"]


def test_a_selected_part_is_marked_from_the_begin(frame, span):
    part = Interval(span.begins[3], span.begins[5])
    (brush,) = drawn(frame, span, selected=part)["params"]
    assert brush["value"] == {"x": [span.begins_us[3] // 1000, span.begins_us[5] // 1000]}
    assert (brush["name"], "value" in drawn(frame, span)["params"][0]) == ("brush", False)


def test_no_chart_has_a_field_that_tooltips_take_for_a_picture_or_a_name_in_an_expression(frame, span):
    hours = pd.DataFrame({"hour_of_week": [0], "events": [1]})
    for chart in (drawn(frame, span), histogram.draw_heat_map(hours, "Berlin").to_dict()):
        assert all("image" not in row for row in rows_of(chart))
        del chart["datasets"]
        assert "<script" not in json.dumps(chart)


def test_findings_are_stacked_by_severity(span):
    rows = pd.DataFrame({"bin_us": [span.begins_us[2]] * 2, "severity": ["high", "low"], "findings": [2, 3]})
    chart = histogram.draw_findings(rows, Period(span.since, span.until, span.width, span.per)).to_dict()
    stacked = [(row["severity"], row["bottom"], row["top"]) for row in rows_of(chart) if row["findings"]]
    assert stacked == [("high", 0, 2), ("low", 2, 5)]


def test_the_heat_map_has_each_hour_of_the_week_from_monday_on():
    hours = histogram.fill_hours_of_week(pd.DataFrame({"hour_of_week": [25, 167], "events": [4, 9]}))
    assert len(hours) == 168
    assert hours.iloc[25][["day", "clock", "events"]].to_list() == ["Tuesday", "01:00 to 02:00", 4]
    assert hours["events"].sum() == 13


def test_the_busiest_hour_is_said_in_words():
    frame = pd.DataFrame({"hour_of_week": [25, 167], "events": [4, 9]})
    assert (
        histogram.describe_busiest(frame, "notification")
        == "Most in one hour of the week: 9 notifications on Sundays, 23:00 to 24:00."
    )
    assert histogram.describe_busiest(frame.head(0), "notification") == "Nothing happened in this time."
