"""A store that has dropped months: each page says so where it reaches before them, and compares nothing with them."""

import re

import pytest
from playwright.sync_api import expect

from analytics import connect
from analytics.findings.finding import make_finding_id
from tests.browser.conftest import a_live_one
from tests.browser.watching import column, expect_total, run_linked
from tests.support.dropping import (
    BUSY,
    DAY,
    GONE,
    KEPT,
    NEW,
    NOW,
    REACHING,
    SAID,
    SINCE,
    SINCE_THEN,
    drop_before,
    history,
)
from tests.support.stored import store_of

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.usefixtures("tabs")]

LINE = ".st-key-complete-since"
LINE_SAID = re.compile(rf"^(Complete|Counted) {re.escape(SAID)}$")


@pytest.fixture(scope="module")
def gone(tmp_path_factory):
    """The directory of a store that dropped months, and the id of a notification that went."""
    directory = tmp_path_factory.mktemp("dropped") / "data"
    directory.mkdir()
    file = store_of(directory, history())
    with connect(str(file)) as client:
        [row] = client.sql(
            "SELECT id::VARCHAR AS id FROM notifications WHERE event_type = 'User.Created' AND seq = 2"
        ).to_pylist()
    drop_before(file, SINCE)
    return directory, row["id"]


@pytest.fixture(scope="module")
def live(browser, gone):  # noqa: ARG001 - without one there is nothing to start
    with a_live_one(gone[0]) as started:
        assert started.one("SELECT count(*) FROM notifications") == KEPT + SINCE_THEN
        yield started


def look(watch, live, address):
    return watch(live.url, timezone_id="UTC").open(address)


def total(page):
    return page.locator(".st-key-live [data-testid=stMetric]").first


@pytest.mark.parametrize(("path", "earlier", "later"), REACHING)
def test_a_page_says_since_when_it_is_complete_where_it_reaches_before_that(live, watch, path, earlier, later):
    page = look(watch, live, f"{path}?refresh=off&{earlier}")
    expect(page.locator(LINE)).to_have_text(LINE_SAID)
    page = look(watch, live, f"{path}?refresh=off&{later}")
    expect(page.locator(LINE)).to_have_count(0)


@pytest.mark.parametrize("address", ["range=all", "range=year", f"range=own&own={SINCE - 60 * DAY:%Y-%m-%dT%H:%MZ}/.."])
def test_activity_counts_and_draws_from_then_on(live, watch, address):
    page = look(watch, live, f"/?refresh=off&{address}")
    expect(total(page).get_by_test_id("stMetricValue")).to_have_text(f"{SINCE_THEN}")
    expect(column(page, 0, "entities-list")).to_have_text([NEW, BUSY, "LEE"])
    expect(column(page, 2, "entities-list")).to_have_text(["11", "2", "1"])
    page.get_by_role("button", name="See these notifications").click()
    expect_total(page, SINCE_THEN)


def test_activity_counts_nothing_of_a_time_before(live, watch):
    ends = "/".join(f"{SINCE - days * DAY:%Y-%m-%dT%H:%MZ}" for days in (20, 2))
    page = look(watch, live, f"/?refresh=off&range=own&own={ends}")
    expect(page.locator(".st-key-live [data-testid=stMetricValue]")).to_have_text(["0", "0"])
    expect(page.locator(".st-key-nothing")).to_contain_text("in months that are in the lake alone")
    expect(page.locator(".st-key-over-time")).to_have_count(0)
    expect(page.locator(LINE)).to_have_text(LINE_SAID)


def test_alerts_begin_then(live, watch):
    page = look(watch, live, "/alerts?refresh=off&range=year")
    axis = page.locator(".st-key-alarms-over-time svg.marks")
    expect(axis).to_contain_text(f"{NOW - 15 * DAY:%b}")
    expect(axis).not_to_contain_text(f"{NOW - 200 * DAY:%b}")


def test_activity_compares_with_a_period_that_is_complete_alone(live, watch):
    page = look(watch, live, "/?refresh=off&range=7+d")
    expect(total(page)).to_contain_text("from 3 a week before")
    page = look(watch, live, "/?refresh=off&range=30+d")
    expect(total(page)).to_contain_text(f"no comparison: complete only since {SINCE:%Y-%m-%d} 00:00 UTC")
    expect(page.locator(".st-key-entities-list th")).to_have_text(["Entity", "without", "Number", "Open"])


def test_the_list_of_notifications_has_what_stayed_and_the_chart_begins_then(live, watch):
    page = look(watch, live, "/notifications?refresh=off")
    expect_total(page, KEPT + SINCE_THEN)
    drawn = page.locator(".st-key-histogram svg.marks .mark-rect[class*=marks] > path")
    expect(drawn).not_to_have_count(0)
    assert not [text for text in drawn.evaluate_all(DATA) if text < SINCE.timestamp() * 1000]


DATA = "paths => paths.map((path) => Number(path.__data__.datum.begin))"


def test_a_link_to_a_dropped_notification_says_where_it_is(live, watch):
    page = look(watch, live, "/notifications?refresh=off&seq=2")
    expect(page.locator(".st-key-detail")).to_contain_text(GONE)
    page = look(watch, live, "/notifications?refresh=off&seq=99")
    expect(page.locator(".st-key-detail")).to_contain_text("It is not in the store that this dashboard reads.")
    page = look(watch, live, "/entity?refresh=off&category=User&name=KIM&step=2")
    expect(page.locator(".st-key-detail")).to_contain_text(GONE)


def test_findings_of_dropped_notifications_are_not_listed_and_a_link_to_one_says_why(live, watch, gone):
    page = look(watch, live, "/audit?refresh=off&range=all&findings=all")
    created = page.locator(".st-key-findings tbody tr", has_text="was created")
    expect(created).to_have_count(1)
    expect(created).to_contain_text("LEE")
    page = look(watch, live, f"/audit?refresh=off&range=all&finding={make_finding_id('user_created', gone[1])}")
    expect(page.locator(".st-key-detail")).to_contain_text(f"or before {SINCE:%Y-%m-%d} 00:00 UTC, in the lake.")


def test_an_entity_says_of_no_time_before_what_was_known_of_it(live, watch):
    page = look(watch, live, f"/entity?refresh=off&category=Server&name={BUSY}")
    expect(page.locator(".st-key-standing")).to_contain_text("latest alert")
    expect(page.locator(".st-key-standing")).not_to_contain_text("first seen")
    page = look(watch, live, f"/entity?refresh=off&category=Server&name={BUSY}&at={SINCE - 9 * DAY:%Y-%m-%d}")
    expect(page.locator(".st-key-detail")).to_contain_text("does not have its state of")
    page = look(watch, live, f"/entity?refresh=off&category=Server&name={NEW}")
    expect(page.locator(".st-key-standing")).to_contain_text("first seen")


def test_set_up_says_of_no_event_that_it_never_came_or_how_often_in_all(live, watch):
    page = look(watch, live, "/set-up?refresh=off")
    expect(page.locator(".st-key-last-Server-Deleted")).to_contain_text(f"not since {SINCE:%Y-%m-%d} 00:00 UTC")
    expect(page.locator(".st-key-last-User-Updated")).to_contain_text("1 here")


def test_the_sql_page_shows_the_table_of_what_was_dropped(live, watch):
    page = look(watch, live, "/sql?sql=SELECT+before+FROM+dropped")
    run_linked(page)
    expect(page.locator(".st-key-sql-results")).to_contain_text("1 row")
    row = page.locator(".st-key-sql-tables tbody tr", has_text="dropped")
    expect(row).to_have_text(re.compile(r"dropped\s*1"))
    row.locator("td").first.click()
    expect(column(page, 0, "sql-columns")).to_have_text(["before", "notifications", "last_seq", "kept", "dropped_at"])
