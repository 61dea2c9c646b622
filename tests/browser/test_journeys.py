"""The ways that operators, analysts and auditors go each day: at most four clicks each.

On a phone one more shows the controls of the bar.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import PUBLIC, SERVER
from tests.browser.watching import row_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def live(audited):
    return audited


@pytest.fixture(params=[pytest.param(LAPTOP, id="laptop"), pytest.param(PHONE, id="phone", marks=pytest.mark.full)])
def begin(live, watch, request):
    watched = watch(live.url, viewport=request.param)
    return watched.open


@pytest.mark.full
def test_from_the_list_to_the_whole_payload_of_an_updated_account(live, begin):
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    page = begin("/notifications?refresh=off")
    row_of(page, "notifications", "Account.Updated").locator("td").nth(1).click()
    page.locator(".st-key-detail").get_by_role("tab", name="Raw", exact=True).click()
    newest = live.one("SELECT arg_max(payload, seq) FROM notifications WHERE event_type = 'Account.Updated'")
    expect(page.locator(".st-key-payload-raw code")).to_have_text(newest)


@pytest.mark.full
def test_from_activity_to_the_notifications_of_the_actor_whose_number_changed_most(begin):
    page = begin("/?refresh=off")
    if page.viewport_size == PHONE:
        page.locator(".st-key-filters-button button").click()
    page.locator(".st-key-view-popover button").click()
    page.locator(".st-key-rank").get_by_text("change", exact=True).click()
    expect(page).to_have_url(re.compile("rank=change"))
    page.locator(".st-key-title h3").click()
    expect(page.locator(".st-key-rank")).to_have_count(0)  # the choices cover the lists no more
    name = page.locator(".st-key-actors-list tbody tr").first.locator("button").first
    actor = name.inner_text()
    name.click()
    expect(page).to_have_url(re.compile("who="))
    page.locator(".st-key-see-these-place button").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    rows = page.locator(".st-key-notifications tbody tr")
    expect(rows.first).to_contain_text(actor)
    expect(rows.filter(has_not_text=actor)).to_have_count(0)


@pytest.mark.full
def test_from_a_finding_to_the_signature_and_the_body_of_its_notification(begin):
    page = begin(f"/audit?refresh=off&entity={SERVER}")  # other modules may add findings before it
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    row_of(page, "finding-notifications", PUBLIC).locator("td").nth(2).click()
    expect(page.locator(".st-key-detail .st-key-verdict")).to_contain_text("Verified")
    page.locator(".st-key-detail").get_by_role("tab", name="Raw", exact=True).click()
    expect(page.locator(".st-key-payload-raw code")).to_contain_text(PUBLIC)


@pytest.mark.full
def test_from_an_alarm_to_the_state_of_its_server(begin):
    page = begin("/alerts?refresh=off")
    row_of(page, "in-alarm", SERVER).get_by_role("button", name=SERVER).click()
    expect(page.locator(".st-key-payload-fields")).to_contain_text("powerState")


@pytest.mark.full
def test_a_link_from_a_colleague_opens_the_same_without_a_click(live, begin):
    seq = live.one("SELECT max(seq) FROM notifications WHERE entity_id = ? AND event_type = 'Server.Updated'", SERVER)
    page = begin(f"/notifications?refresh=off&entity={SERVER}&events=Server.Updated&seq={seq}")
    expect(page.locator(".st-key-detail .st-key-verdict")).to_be_in_viewport()
    expect(page.locator(".st-key-chip-entity")).to_contain_text(SERVER)
