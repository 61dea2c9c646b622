"""Each age on a page counts by itself, without a refresh and without a word from the store."""

import json
from urllib.parse import quote

import pytest

from analytics.pages.shared.components import BROWSER, read_file
from tests.support.sizes import take_few
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

OFF = "refresh=off"
NAME = "WA1AGEWEB01"


@pytest.fixture
def aged(live):
    """The addresses of pages with an age of what came just now, each with the age's selector."""
    account = {"accountAlias": "AGED", "businessName": "Aged Ltd", "status": "Active"}
    alert = {"accountAlias": "AGED", "serverName": NAME, "triggers": [{"metric": "cpu", "state": "triggered"}]}
    stored = live.one("SELECT count(*) FROM notifications")
    refused = live.one("SELECT count(*) FROM rejected")
    for event, body in (("Account.Updated", account), ("Alert.Notification", alert)):
        assert live.receiver.sender.post(f"/webhooks/{event}", json.dumps(body).encode()).status == 200
    assert live.receiver.sender.post("/webhooks/Server.Updated", b"[]").status == 400
    until(lambda: live.one("SELECT count(*) FROM notifications") == stored + 2, what="the notifications")
    live.until_refused(refused + 1)
    seq = live.one("SELECT max(seq) FROM notifications WHERE event_type = 'Account.Updated'")
    identity = live.one("SELECT arg_max(id, received_at)::VARCHAR FROM rejected")
    entity = f"/entity?{OFF}&category=Account&name=AGED"
    return {
        f"/notifications?{OFF}&seq={seq}": ".st-key-detail-when",
        f"/notifications?{OFF}&list=Refused&refused={identity}": ".st-key-detail-when",
        f"/notifications?{OFF}&list=Refused": ".st-key-reasons tbody tr:first-child td:nth-child(3)",
        entity: ".st-key-standing",
        f"{entity}&step={seq}": ".st-key-step-when",
        f"/entity?{OFF}&named={quote('AGED')}": ".st-key-found tbody tr:first-child td:last-child",
        f"/alerts?{OFF}": ".st-key-in-alarm tbody tr:first-child td:nth-child(2)",
        f"/set-up?{OFF}": ".st-key-last-Account-Updated .age",
        f"/health?{OFF}": ".st-key-health-kept tbody tr:first-child td:nth-child(2)",
    }


@pytest.mark.full
def test_each_age_on_a_page_that_is_not_refreshed_counts_by_itself(aged, live, watch):
    watched = watch(live.url)
    for address, selector in take_few(aged.items(), 6):
        age = watched.open(address).locator(selector)
        before = age.inner_text()
        assert " ago" in before, address
        # From two minutes on, an age changes once a minute.
        until(lambda age=age, before=before: age.inner_text() != before, seconds=90, what=f"an age on {address}")


def test_a_moment_ahead_of_the_clock_is_said_to_be_ahead_unless_two_clocks_may_differ_so(browser):
    page = browser.new_page()
    words = "[-70000, -130, -59, 0, 61, 130].map(ago)"
    told = page.evaluate(f"() => {{ {read_file(BROWSER, 'clocks.js')}\nreturn {words}; }}")
    page.close()
    assert told == ["19 h ahead", "2 min ahead", "0 s ago", "0 s ago", "61 s ago", "2 min ago"]
