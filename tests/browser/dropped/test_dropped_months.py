"""A store that has dropped months: each page says so where it reaches before them, and compares nothing with them."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from analytics import connect
from analytics.findings.finding import make_finding_id
from tests.browser.conftest import a_live_one
from tests.browser.watching import column, expect_total, run_linked
from tests.support.dropping import drop_before
from tests.support.stored import Received, store_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
SINCE = (NOW - 40 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
BUSY, QUIET, NEW = "WA1ACMEWEB01", "WA1ACMEOLD01", "WA1ACMENEW01"
LINE = ".st-key-complete-since"
SAID = re.compile(
    rf"^(Complete|Counted) since {SINCE:%Y-%m-%d} 00:00 UTC\. "
    r"Of earlier months, only the last state of each entity is here; the rest is in the lake\.$"
)
KEPT = 5
"""How many older notifications stay: the last ones of two servers and a user, and an alert for each state."""
SINCE_THEN = 3 + 10 + 1


def server(name, at, cpu):
    body = {
        "name": name, "status": "active", "details": {"cpu": cpu},
        "changeInfo": {"modifiedBy": "ann", "modifiedDate": at.isoformat()},
        "links": [{"rel": "account", "id": "acme"}]
    }  # fmt: skip
    return Received("Server.Updated", at, json.dumps(body))


def user(event, name, at, mail):
    body = {"userName": name, "accountAlias": "ACME", "status": "Active", "emailAddress": mail}
    return Received(f"User.{event}", at, json.dumps(body))


def alert(at, state):
    trigger = {"metric": "cpu", "state": state, "data": {"cpuPercent": 93.5}}
    body = {"accountAlias": "ACME", "serverName": BUSY, "triggers": [trigger]}
    return Received("Alert.Notification", at, json.dumps(body))


def history():
    return [
        server(QUIET, SINCE - 30 * DAY, 1),
        user("Created", "kim", SINCE - 25 * DAY, "kim@acme.example"),
        server(QUIET, SINCE - 20 * DAY, 2),
        server(BUSY, SINCE - 15 * DAY, 1),
        alert(SINCE - 12 * DAY, "triggered"),
        alert(SINCE - 11 * DAY, "notTriggered"),
        user("Updated", "kim", SINCE - 10 * DAY, "kim@example.com"),
        server(BUSY, SINCE - 5 * DAY, 2),
        server(BUSY, SINCE + 5 * DAY, 4),
        server(NEW, SINCE + 6 * DAY, 1),
        alert(SINCE + 7 * DAY, "triggered"),
        *(server(NEW, NOW - (9.5 - number) * DAY, number) for number in range(10)),
        user("Created", "lee", NOW - DAY / 4, "lee@acme.example"),
    ]


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
    return page.locator(".st-key-total-line")


@pytest.mark.parametrize(
    ("path", "earlier", "later"),
    [
        ("/", "range=90+d", "range=7+d"),
        ("/notifications", "when=all", "when=30+d"),
        ("/audit", "range=all", "range=30+d"),
        ("/alerts", "range=year", "range=30+d"),
        ("/entity", f"category=Server&name={QUIET}", f"category=Server&name={NEW}"),
    ],
)
def test_a_page_says_since_when_it_is_complete_where_it_reaches_before_that(live, watch, path, earlier, later):
    page = look(watch, live, f"{path}?refresh=off&{earlier}")
    expect(page.locator(LINE)).to_have_text(SAID)
    page = look(watch, live, f"{path}?refresh=off&{later}")
    expect(page.locator(LINE)).to_have_count(0)


@pytest.mark.full
@pytest.mark.parametrize("address", ["range=all", "range=year", f"range=own&own={SINCE - 60 * DAY:%Y-%m-%dT%H:%MZ}/.."])
def test_activity_counts_and_draws_from_then_on(live, watch, address):
    page = look(watch, live, f"/?refresh=off&{address}")
    expect(total(page).locator("strong")).to_have_text(f"{SINCE_THEN} notifications")
    expect(column(page, 0, "entities-list")).to_have_text([NEW, BUSY, "LEE"])
    expect(column(page, 1, "entities-list")).to_have_text(["11", "2", "1"])
    page.get_by_role("button", name="See these notifications").click()
    expect_total(page, SINCE_THEN)


def test_activity_counts_nothing_of_a_time_before(live, watch):
    ends = "/".join(f"{SINCE - days * DAY:%Y-%m-%dT%H:%MZ}" for days in (20, 2))
    page = look(watch, live, f"/?refresh=off&range=own&own={ends}")
    expect(page.locator(".st-key-live [data-testid=stMetricValue]")).to_have_text(["0", "0"])
    expect(page.locator(".st-key-nothing")).to_contain_text("in months that are in the lake alone")
    expect(page.locator(".st-key-over-time")).to_have_count(0)
    expect(page.locator(LINE)).to_have_text(SAID)


def test_alerts_begin_then(live, watch):
    page = look(watch, live, "/alerts?refresh=off&range=year")
    axis = page.locator(".st-key-alarms-over-time svg.marks")
    expect(axis).to_contain_text(f"{NOW - 15 * DAY:%b}")
    expect(axis).not_to_contain_text(f"{NOW - 200 * DAY:%b}")


@pytest.mark.full
def test_activity_compares_with_a_period_that_is_complete_alone(live, watch):
    page = look(watch, live, "/?refresh=off&range=7+d")
    expect(total(page)).to_contain_text("from 3 in the period before")
    page = look(watch, live, "/?refresh=off&range=30+d")
    expect(total(page)).to_contain_text(
        f"no comparison, because the store is complete only since {SINCE:%Y-%m-%d} 00:00 UTC"
    )
    expect(page.locator(".st-key-entities-list th")).to_have_text(["Entity", "Number", "Open"])


def test_the_list_of_notifications_has_what_stayed_and_the_chart_begins_then(live, watch):
    page = look(watch, live, "/notifications?refresh=off")
    expect_total(page, KEPT + SINCE_THEN)
    drawn = page.locator(".st-key-histogram svg.marks .mark-rect[class*=marks] > path")
    expect(drawn).not_to_have_count(0)
    assert not [text for text in drawn.evaluate_all(DATA) if text < SINCE.timestamp() * 1000]


DATA = "paths => paths.map((path) => Number(path.__data__.datum.begin))"


def test_a_link_to_a_dropped_notification_says_where_it_is(live, watch):
    gone = f"not in this store any more: months before {SINCE:%Y-%m-%d} 00:00 UTC are in the lake."
    page = look(watch, live, "/notifications?refresh=off&seq=2")
    expect(page.locator(".st-key-detail")).to_contain_text(gone)
    page = look(watch, live, "/notifications?refresh=off&seq=99")
    expect(page.locator(".st-key-detail")).to_contain_text("It is not in the store that this dashboard reads.")
    page = look(watch, live, "/entity?refresh=off&category=User&name=KIM&step=2")
    expect(page.locator(".st-key-detail")).to_contain_text(gone)


def test_findings_of_dropped_notifications_are_not_listed_and_a_link_to_one_says_why(live, watch, gone):
    page = look(watch, live, "/audit?refresh=off&range=all")
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
