"""The signs beside the figures of the page Activity."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import analytics
from analytics.comparison import COMPARISONS, find_comparison
from analytics.pages.activity.signs import KeptRefused, describe_refused, make_kept_refused
from analytics.pages.activity.time_range import When
from analytics.queries import make_query
from analytics.times import Interval, make_span
from tests.support.dashboard_app import make_app
from tests.support.readable_store import Refused, build_store, server
from tests.support.sizes import take_few

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def time_of(how):
    """Return the day up to a moment, and the time to compare it with, if there is one."""
    span = make_span("24 h", None, AT, None, ZoneInfo("UTC"))
    compared = find_comparison(span.since, span.until, how) if how else None
    return When(span, Interval(span.since, span.until), compared, how or COMPARISONS[0], AT - timedelta(days=99))


@pytest.mark.parametrize(
    ("count", "before", "how", "text"),
    [
        (656, 0, "the period before", "**656 refused** are kept, none in the period before"),
        (656, 0, "a week before", "**656 refused** are kept, none a week before"),
        (656, 0, None, "**656 refused** are kept"),
        (656, 600, "the period before", r"**656 refused** are kept, \+56 \(\+9%\)"),
        (1, None, "the period before", "**1 refused** is kept"),
        (0, 0, "the period before", "**0 refused**"),
        (0, 5, "the period before", "**0 refused**"),
    ],
)
def test_the_sign_of_refused_notifications_compares_them_in_plain_words(count, before, how, text):
    assert describe_refused(KeptRefused(count, before), time_of(how)).text == text


@pytest.mark.parametrize(
    ("ages", "kept"),
    take_few(
        [
            # The reason's oldest row is from before both times, so none of these made room.
            ({"not_json": (1, 60, 99)}, KeptRefused(1, 0)),
            ({"not_json": (1, 30, 99), "signature_missing": (2, 99)}, KeptRefused(2, 1)),
            ({"not_json": (1, 30)}, KeptRefused(1, None)),
            ({"not_json": (1, 30, 99), "signature_missing": (2, 3)}, KeptRefused(3, None)),
            ({}, KeptRefused(0, 0)),
        ],
        3,
    ),
)
def test_refused_notifications_are_compared_with_a_time_of_which_none_made_room(tmp_path, ages, kept):
    refused = [
        Refused(reason, "/webhooks/Server.Updated", b"{", received_at=AT - timedelta(hours=age))
        for reason, hours in ages.items()
        for age in hours
    ]
    with analytics.connect(str(build_store(tmp_path / "s.duckdb", [], refused))) as client:
        rows = client.df(*make_query("activity_refused", time_of("the period before").part_values))
    assert make_kept_refused(rows) == kept


@pytest.mark.parametrize("accepted", [True, False])
def test_all_of_time_counts_what_was_refused_before_anything_was_accepted(tmp_path, monkeypatch, accepted):
    now = datetime.now(UTC)
    earlier = now - timedelta(hours=5)
    refused = [Refused("signature_invalid", "/webhooks/Server.Updated", b"{}", received_at=earlier) for _ in range(9)]
    rows = [server("ACME", "WA1ACMEWEB01", received_at=now - timedelta(hours=1))] if accepted else []
    store = build_store(tmp_path / "s.duckdb", rows, refused)
    monkeypatch.chdir(tmp_path)
    for chosen in ("24 h", "all"):
        app = make_app(monkeypatch, "activity", str(store), range=chosen).run()
        (label,) = [sign.label for sign in app.button if "refused**" in sign.label]
        assert "**9 refused** are kept" in label, chosen
