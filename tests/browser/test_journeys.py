"""The ways that operators, analysts and auditors go each day: by a few clicks alone, on a laptop and on a phone."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.audited import PUBLIC, SERVER
from tests.browser.watching import row_of

pytestmark = pytest.mark.browser

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


class Way:
    """A way through the dashboard whose clicks are counted; it begins at a page."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, target: Locator) -> None:
        """Click something that can be seen, or be reached by scrolling."""
        target.click()
        self.clicks += 1


@pytest.fixture(scope="module")
def live(audited):
    return audited


@pytest.fixture(params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def begin(live, watch, request):
    watched = watch(live.url, viewport=request.param)
    return lambda address: Way(watched.open(address))


def test_from_the_list_to_the_whole_payload_of_an_updated_account(live, begin):
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    way = begin("/notifications?refresh=off")
    way.click(row_of(way.page, "notifications", "Account.Updated").locator("td").nth(1))
    way.click(way.page.locator(".st-key-detail").get_by_role("tab", name="Raw", exact=True))
    newest = live.one("SELECT arg_max(payload, seq) FROM notifications WHERE event_type = 'Account.Updated'")
    expect(way.page.locator(".st-key-payload-raw code")).to_have_text(newest)
    assert way.clicks == 2


def test_from_activity_to_the_notifications_of_the_actor_whose_number_changed_most(begin):
    way = begin("/?refresh=off")
    way.click(way.page.locator(".st-key-view-popover button"))
    way.click(way.page.locator(".st-key-rank").get_by_text("change", exact=True))
    expect(way.page).to_have_url(re.compile("rank=change"))
    name = way.page.locator(".st-key-actors-list tbody tr").first.locator("button").first
    actor = name.inner_text()
    way.click(name)
    expect(way.page).to_have_url(re.compile("who="))
    way.click(way.page.get_by_role("button", name="See these notifications"))
    rows = way.page.locator(".st-key-notifications tbody tr")
    expect(rows.filter(has_text=actor)).to_have_count(rows.count())
    assert way.clicks == 4


def test_from_a_finding_to_the_signature_and_the_body_of_its_notification(begin):
    way = begin("/audit?refresh=off")
    way.click(row_of(way.page, "findings", PUBLIC).locator("td").nth(2))
    way.click(row_of(way.page, "finding-notifications", PUBLIC).locator("td").nth(2))
    expect(way.page.locator(".st-key-detail .st-key-verdict")).to_contain_text("Verified")
    way.click(way.page.locator(".st-key-detail").get_by_role("tab", name="Raw", exact=True))
    expect(way.page.locator(".st-key-payload-raw code")).to_contain_text(PUBLIC)
    assert way.clicks <= 4


def test_from_an_alarm_to_the_state_of_its_server(begin):
    way = begin("/alerts?refresh=off")
    way.click(row_of(way.page, "in-alarm", SERVER).get_by_role("button", name=SERVER))
    expect(way.page.locator(".st-key-payload-fields")).to_contain_text("powerState")
    assert way.clicks <= 2


def test_a_link_from_a_colleague_opens_the_same_without_a_click(live, begin):
    seq = live.one("SELECT max(seq) FROM notifications WHERE entity_id = ? AND event_type = 'Server.Updated'", SERVER)
    way = begin(f"/notifications?refresh=off&entity={SERVER}&events=Server.Updated&seq={seq}")
    expect(way.page.locator(".st-key-detail .st-key-verdict")).to_be_in_viewport()
    expect(way.page.locator(".st-key-chip-entity")).to_contain_text(SERVER)
    assert way.clicks == 0
