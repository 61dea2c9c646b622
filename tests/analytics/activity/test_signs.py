"""The signs beside the figures of the page Activity."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics.comparison import COMPARISONS, find_comparison
from analytics.pages.activity.signs import describe_refused
from analytics.pages.activity.time_range import When
from analytics.times import Interval, make_span

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def time_of(how):
    """Return the day up to a moment, and the time to compare it with, if there is one."""
    span = make_span("24 h", None, AT, None, ZoneInfo("UTC"))
    compared = find_comparison(span.since, span.until, how) if how else None
    return When(span, Interval(span.since, span.until), compared, how or COMPARISONS[0], AT - timedelta(days=99))


@pytest.mark.parametrize(
    ("count", "before", "how", "text"),
    [
        (656, 0, "the period before", "**656 refused**, none in the period before"),
        (656, 0, "a week before", "**656 refused**, none a week before"),
        (656, 0, None, "**656 refused**"),
        (656, 600, "the period before", r"**656 refused**, \+56 \(\+9%\)"),
        (0, 0, "the period before", "**0 refused**"),
        (0, 5, "the period before", "**0 refused**"),
    ],
)
def test_the_sign_of_refused_notifications_compares_them_in_plain_words(count, before, how, text):
    assert describe_refused(count, before, time_of(how)).text == text
