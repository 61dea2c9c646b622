"""Times of the dashboard: ranges, bins, what they are compared with, and time zones."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.comparison import (
    BEFORE,
    COMPARISONS,
    USUAL,
    WEEK,
    change,
    compare,
    describe_move,
    find_comparison,
    format_difference,
)
from analytics.comparison import DAY as DAY_BEFORE
from analytics.pages.activity.time_range import When, find_last_end
from analytics.pages.shared.formatting import format_in_zone
from analytics.times import (
    EPOCH,
    OWN,
    RANGES,
    Interval,
    find_zone,
    floor,
    format_in_utc,
    label_zone,
    list_edges,
    list_offsets,
    make_period,
    make_span,
)
from tests.support.readable_store import MIDDAY

BERLIN = find_zone("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(year, month, day, hour=0, minute=0, second=0):
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize("name", [name for name, length in RANGES.items() if length])
def test_a_range_has_neither_too_few_bins_nor_too_many(name):
    span = make_period(name, MIDDAY, None)
    assert 20 <= (span.until - span.since) / span.width <= 101
    assert floor(span.since, span.width) == span.since
    assert 20 <= len(make_span(name, None, MIDDAY, None, BERLIN).begins) <= 101


def test_the_range_all_begins_with_the_first_notification():
    span = make_period("all", MIDDAY, MIDDAY - timedelta(days=365))
    assert span.per == "7 days"
    assert span.since <= MIDDAY - timedelta(days=365)


def test_the_bins_of_a_period_that_a_brush_touches_are_whole_and_of_the_period():
    span = make_period("24 h", MIDDAY, None)
    assert (span.per, span.widen_to_bins(MIDDAY - HOUR - MINUTE, MIDDAY - MINUTE)) == (
        "15 min",
        (MIDDAY - HOUR - 15 * MINUTE, MIDDAY),
    )
    assert span.widen_to_bins(MIDDAY, MIDDAY - 2 * DAY) == (MIDDAY - DAY, MIDDAY)


def test_a_range_leads_to_audit_by_its_name_and_a_part_of_it_as_a_range_of_ones_own():
    span = make_span("7 d", None, MIDDAY, None, BERLIN)
    whole = When(span, Interval(span.since, span.until), None, BEFORE, name="7 d")
    assert whole.range_values == {"range": "7 d"}
    part = Interval(MIDDAY - DAY, MIDDAY - HOUR)
    assert whole._replace(part=part).range_values == {"range": OWN, "own": str(part)}
    assert whole._replace(part=Interval(MIDDAY - DAY, MIDDAY)).range_values["own"].endswith("/..")


def test_days_begin_at_midnight_of_the_zone_also_when_clocks_change():
    # In Berlin the 29th of March 2026 has 23 hours.
    begins = list_edges(at(2026, 3, 28, 12), at(2026, 3, 30, 12), DAY, BERLIN)
    assert begins == [at(2026, 3, 27, 23), at(2026, 3, 28, 23), at(2026, 3, 29, 22)]


@pytest.mark.parametrize(
    ("now", "end"), [(at(2026, 3, 29, 9), at(2026, 3, 29, 22)), (at(2026, 10, 25, 9), at(2026, 10, 25, 23))]
)
def test_a_day_that_is_not_over_ends_at_midnight_of_the_zone_also_when_clocks_change(now, end):
    assert make_span("90 d", None, now, None, BERLIN).ends[-1] == end


def test_weeks_begin_on_a_monday():
    begins = list_edges(at(2026, 3, 4), at(2026, 3, 10), 7 * DAY, find_zone("UTC"))
    assert begins == [at(2026, 3, 2), at(2026, 3, 9)]


def test_hours_begin_at_the_full_hour_of_a_zone_that_is_half_an_hour_apart():
    begins = list_edges(at(2026, 3, 2, 10), at(2026, 3, 2, 11, 30), HOUR, find_zone("Asia/Kolkata"))
    assert begins == [at(2026, 3, 2, 9, 30), at(2026, 3, 2, 10, 30)]


def test_an_own_range_is_counted_as_it_was_typed_and_ends_where_it_says():
    own = Interval(MIDDAY - 5 * HOUR - timedelta(seconds=7), MIDDAY - HOUR)
    span = make_span(OWN, own, MIDDAY, None, BERLIN)
    assert (span.since, span.until, span.running) == (own.since, own.until, False)
    assert span.begins[0] <= own.since < span.begins[1]
    assert make_span(OWN, Interval(own.since), MIDDAY, None, BERLIN).running


def test_a_part_is_widened_to_whole_bins():
    span = make_span("1 h", None, MIDDAY, None, BERLIN)
    part = Interval(MIDDAY - timedelta(seconds=630), MIDDAY - timedelta(seconds=570))
    assert span.widen_to_bins(part) == Interval(MIDDAY - timedelta(minutes=11), MIDDAY - timedelta(minutes=9))


def test_a_part_of_an_own_range_is_not_widened_past_its_ends():
    own = Interval(MIDDAY - 5 * HOUR - MINUTE, MIDDAY - 2 * HOUR - MINUTE)
    span = make_span(OWN, own, MIDDAY, None, BERLIN)
    second = timedelta(seconds=1)
    assert span.widen_to_bins(Interval(own.since + second, own.until - second)) == own
    assert make_span(OWN, own._replace(until=None), MIDDAY, None, BERLIN).widen_to_bins(own).since == own.since


@pytest.mark.parametrize(
    ("length", "how", "shift", "said"),
    [
        (HOUR, BEFORE, HOUR, "the period before"),
        (HOUR, DAY_BEFORE, DAY, "a day before"),
        (3 * DAY - HOUR, DAY_BEFORE, 3 * DAY, "3 days before"),
        (HOUR, WEEK, 7 * DAY, "a week before"),
        (30 * DAY, WEEK, 35 * DAY, "5 weeks before"),
    ],
)
def test_what_a_time_is_compared_with_is_as_long_and_lies_before_it(length, how, shift, said):
    found = find_comparison(MIDDAY - length, MIDDAY, how)
    assert (found.since, found.until) == (MIDDAY - length - shift, MIDDAY - shift)
    assert (found.shift, found.name) == (shift, said)


@pytest.mark.parametrize("how", COMPARISONS)
def test_a_part_is_compared_with_the_same_part_of_the_time_that_the_chart_draws(how):
    span = make_span("24 h", None, MIDDAY + timedelta(minutes=7), None, BERLIN)
    part = Interval(MIDDAY - 4 * HOUR, MIDDAY - HOUR)
    time = When(span, part, None, how, EPOCH)
    compared = time.compare(part.since, part.until)
    assert (part.since - compared.since, part.until - compared.until) == (time.line.shift, time.line.shift)
    assert compared.name == time.line.name


@pytest.mark.parametrize("how", COMPARISONS)
def test_of_a_part_that_is_not_over_as_much_is_compared_as_has_lasted_by_now(how):
    today = Interval(MIDDAY - 12 * HOUR, MIDDAY + 12 * HOUR)
    time = When(make_span(OWN, today, MIDDAY, None, find_zone("UTC")), today, None, how, EPOCH)
    compared = time.compare_part()
    assert (compared.since, compared.until) == (today.since - time.line.shift, MIDDAY - time.line.shift)
    assert time.line.until == today.until - time.line.shift, "the dashed line is drawn to its end"
    later = time._replace(part=Interval(MIDDAY + HOUR, today.until))
    assert later.compare_part().until == today.until - time.line.shift


@pytest.mark.parametrize(
    ("first", "is_compared"),
    [(timedelta(), True), (timedelta(seconds=1), False), (3 * HOUR, False), (None, False)],
    ids=["whole", "almost", "in part", "nothing yet"],
)
def test_a_time_is_compared_only_with_one_that_was_kept_from_its_begin_on(first, is_compared):
    span = make_span("24 h", None, MIDDAY, None, BERLIN)
    begin = find_comparison(span.since, span.until, BEFORE, span.early).since
    time = When(span, Interval(span.since), None, BEFORE, None if first is None else begin + first)
    assert (time.compare(span.since, span.until) is not None) == is_compared
    assert (time.line is not None) == is_compared


@pytest.mark.parametrize("first_after", [3 * HOUR, 2 * DAY], ids=["in part", "not at all"])
def test_a_figure_says_why_it_is_compared_with_nothing(first_after, monkeypatch):
    monkeypatch.setattr("analytics.pages.shared.formatting.find_viewer_zone", lambda: find_zone("UTC"))
    span = make_span("24 h", None, MIDDAY, None, BERLIN)
    first = find_comparison(span.since, span.until, BEFORE, span.early).since + first_after
    time = When(span, Interval(span.since), None, BEFORE, first)
    kept = f"{first:%Y-%m-%d %H:%M} UTC"
    partly = f"the period before was kept only from {kept} on"
    why = partly if first_after < DAY else f"no data before {kept}"
    assert time.compare_counts(7, 3) == ("", f"no comparison: {why}")


@pytest.mark.parametrize(
    ("name", "kept", "words"),
    [
        ("24 h", timedelta(days=99), "from 393 a week before"),
        ("7 d", timedelta(days=99), "from 393 a week before"),
        ("28 d", timedelta(days=99), "from 393 4 weeks before"),
        ("6 h", timedelta(days=99), "from 393 in the period before"),
        ("24 h", timedelta(days=3), "from 393 in the period before"),
    ],
)
def test_a_day_or_more_is_compared_with_the_same_weekdays_where_these_were_kept(name, kept, words):
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    span = make_span(name, None, saturday, None, BERLIN)
    time = When(span, Interval(span.since), None, USUAL, saturday - kept).choose_usual()
    assert time._replace(compared=time.compare_part()).compare_counts(1_168, 393) == ("up 775 (+197%)", words)


@pytest.mark.parametrize("name", ["24 h", "7 d", "28 d"])
@pytest.mark.parametrize("how", [BEFORE, WEEK])
def test_a_range_is_compared_with_one_at_the_same_time_of_day(name, how):
    span = make_span(name, None, MIDDAY + timedelta(minutes=7), None, BERLIN)
    compared = find_comparison(span.since, span.until, how, span.early)
    assert span.early > timedelta()
    assert compared.shift % timedelta(days=1) == timedelta()
    assert compared.shift == (RANGES[name] if how == BEFORE else -(-RANGES[name] // (7 * DAY)) * 7 * DAY)
    # Otherwise the bin that still fills would be compared with nothing.
    assert (compared.since, compared.until) == (span.since - compared.shift, span.until - compared.shift)


@pytest.mark.parametrize("text", ["2026-03-02T12:00Z/2026-03-02T13:00Z", "2026-03-02T12:00:07Z/.."])
def test_an_interval_is_read_from_the_text_that_it_writes(text):
    assert str(Interval.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "..",
        "x/y",
        "2026-03-02T12:00Z",
        "2026-03-02T13:00Z/2026-03-02T12:00Z",
        "0001-01-01T00:00+14:00/..",
        "0001-01-02T00:00Z/..",
        "2026-03-02T12:00Z/9999-01-01T00:00Z",
    ],
)
def test_a_text_that_is_no_interval_is_none(text):
    assert Interval.parse(text) is None


def test_an_interval_that_ends_before_it_begins_is_told_from_none():
    text = "2026-03-02T13:00Z/2026-03-02T12:00Z"
    assert Interval.parse_ends(text).is_reversed
    assert str(Interval.parse_ends(text)) == text
    assert not Interval(MIDDAY).is_reversed
    assert Interval.parse_ends("x/y") is None


def test_the_longest_range_of_ones_own_has_bins_that_can_be_drawn_and_can_be_compared():
    span = make_span(OWN, Interval(at(2000, 1, 1)), MIDDAY, None, BERLIN)
    assert len(span.begins) < 1000
    assert find_comparison(span.since, span.until, WEEK).until <= span.since


def test_a_zone_is_ahead_from_when_its_clocks_changed_on():
    found = list_offsets(at(2026, 3, 1), at(2026, 11, 1), BERLIN)
    assert found == [(at(2026, 3, 1), HOUR), (at(2026, 3, 29, 1), 2 * HOUR), (at(2026, 10, 25, 1), HOUR)]


def test_clocks_that_change_at_half_an_hour_of_utc_are_ahead_from_then_on():
    found = list_offsets(at(2026, 2, 1), at(2026, 11, 30), find_zone("America/St_Johns"))
    changes = [at(2026, 2, 1), at(2026, 3, 8, 5, 30), at(2026, 11, 1, 4, 30)]
    assert found == [(moment, -hours * MINUTE) for moment, hours in zip(changes, (210, 150, 210), strict=True)]


@pytest.mark.parametrize(
    "name", [None, "", "No/Such", "../../etc/passwd", "/etc/passwd", "\x00", "America", "x" * 5000]
)
def test_a_zone_that_is_none_is_utc(name):
    assert label_zone(find_zone(name)) == "UTC"


def test_a_moment_is_said_in_the_viewers_zone_and_in_utc():
    assert format_in_zone(MIDDAY, BERLIN) == "2026-03-02 13:00:00"
    assert format_in_utc(MIDDAY) == "2026-03-02 12:00:00 UTC"
    assert (format_in_zone(None, BERLIN), format_in_utc(None)) == ("", "")
    assert label_zone(find_zone("America/Argentina/Buenos_Aires")) == "Buenos Aires"


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (3, 2, "+50%"),
        (1, 2, "-50%"),
        (1, 999, "-99%"),
        (0, 999, "-100%"),
        (5, 0, "new"),
        (0, 0, None),
        (50, 2, "25x"),
        (2, 2, "+0%"),
        (202, 201, "<1%"),
        (199, 200, "<1%"),
    ],
)
def test_a_change_is_said_in_percent(now, before, said):
    assert change(now, before) == said


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (1300, 100, "+1,200 (13x)"),
        (1, 2, "-1 (-50%)"),
        (5, 0, "+5"),
        (0, 0, None),
        (2, 2, "±0"),
        (0, 4, "-4 (-100%)"),
    ],
)
def test_a_difference_is_said_absolute_and_in_percent(now, before, said):
    assert format_difference(now, before) == said


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (3, 2, "↑ 1 (+50%)"),
        (1, 2, "↓ 1 (-50%)"),
        (0, 4, "↓ 4 (-100%)"),
        (5, 0, "↑ 5 (new)"),
        (2, 2, "±0"),
        (0, 0, None),
    ],
)
def test_a_move_is_told_by_an_arrow_and_its_size(now, before, told):
    assert describe_move(now, before) == told


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (1287, 512, "up 775 (+151%) from 512"),
        (3, 4, "down 1 (-25%) from 4"),
        (7, 7, "as many as"),
        (5, 0, "up 5 from 0"),
        (21_000, 10, "up 20,990 (2,100x) from 10"),
    ],
)
def test_two_counts_are_compared_as_one_would_say_it(now, before, said):
    assert " ".join(compare(now, before)) == said


def test_the_last_visit_is_the_one_before_this_one():
    now, begun = at(2026, 3, 2, 12), int(at(2026, 3, 1, 9).timestamp())
    just, long_ago = int(now.timestamp()) - 60, int(now.timestamp()) - 7200
    assert find_last_end(f"{begun}.{just}", now) == at(2026, 3, 1, 9)
    assert find_last_end(f"{begun}.{long_ago}", now) == at(2026, 3, 2, 10)
    assert find_last_end(f".{just}", now) is None
    for odd in ("", "x", "..", "9" * 400, f"{'9' * 12}.{just}", "-1.-1", "\u0661.\u0661"):
        assert find_last_end(odd, now) is None
