"""More accounts than a list offers: each is found by a part of its alias or name."""

import json
import re

import pytest
from playwright.sync_api import expect

from analytics.pages.entity.search import MOST_ACCOUNTS
from analytics.pages.shared.accounts import OFFERED
from tests.browser.watching import row_of
from tests.support.keys import signed
from tests.support.sizes import take_few
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

TOP = {"accountAlias": "TOP", "businessName": "Chain of stores"}
STORES = [
    {"accountAlias": f"S{number:03}", "businessName": f"Store {number:03}", "parentAlias": "TOP"}
    for number in range(OFFERED)
]
LOWER = [
    {"accountAlias": "KIOSK", "businessName": "Harbour kiosk", "parentAlias": "S007"},
    {"accountAlias": "SHED", "businessName": "Harbour shed of the northern quay", "parentAlias": "S007"},
]
COUNT = 1 + len(STORES) + len(LOWER)


@pytest.fixture(scope="module")
def many(live):
    for body in (TOP, *STORES, *LOWER):
        raw = json.dumps(body).encode()
        assert live.receiver.sender.post("/webhooks/Account.Created", raw, signed(raw)).status == 200
    until(lambda: live.one("SELECT count(*) FROM accounts") == COUNT, what="all accounts")
    return live


def look_for(page, text):
    field = page.get_by_role("combobox", name="Account", exact=True)
    field.click()
    field.fill(text)
    return field


@pytest.mark.full
@pytest.mark.parametrize("path", take_few(["/", "/notifications", "/alerts", "/audit"], 2))
def test_an_account_that_is_not_offered_is_found_by_a_part_of_its_name(many, watch, path):
    page = watch(many.url).open(f"{path}?refresh=off")
    field = look_for(page, "harbour k")
    expect(page.get_by_role("option")).to_have_count(1)
    field.press("Enter")
    expect(field).to_have_value(re.compile("^KIOSK Harbour kiosk$"))
    page.wait_for_url("**account=KIOSK**")


@pytest.mark.full
def test_of_several_that_fit_one_is_chosen(many, watch):
    page = watch(many.url).open("/?refresh=off")
    field = look_for(page, "harbour")
    field.press("Enter")
    expect(field).to_have_attribute("placeholder", "Choose one with “harbour”")
    field.click()
    expect(page.get_by_role("option")).to_have_count(2)
    for option in page.get_by_role("option").all():
        cut = "option => [option, ...option.children].some((part) => part.scrollWidth > part.clientWidth + 1)"
        assert not option.evaluate(cut), option.inner_text()
    page.get_by_role("option", name="Harbour shed").click()
    page.wait_for_url("**account=SHED**")
    expect(field).to_have_value(re.compile("Harbour shed"))
    expect(page.locator(".st-key-live [data-testid=stMetricValue]").nth(0)).to_have_text("1")


@pytest.mark.full
def test_what_no_account_has_is_said_and_changes_nothing(many, watch):
    page = watch(many.url).open("/?refresh=off")
    counted = page.locator(".st-key-live [data-testid=stMetricValue]").nth(0)
    field = look_for(page, " <b>none</b> ")
    field.press("Enter")
    expect(field).to_have_attribute("placeholder", "No account has “<b>none</b>”")
    expect(counted).to_have_text(f"{COUNT}")
    look_for(page, "shed").press("Enter")
    expect(counted).to_have_text("1")
    look_for(page, "**none**").press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("No account has “**none**”")
    expect(field).to_have_value(re.compile("Harbour shed"))
    expect(counted).to_have_text("1")
    assert "account=SHED" in page.url


@pytest.mark.full
def test_what_was_looked_for_is_forgotten_when_another_account_is_chosen_elsewhere(many, watch):
    page = watch(many.url).open("/?refresh=off")
    field = look_for(page, "harbour")
    field.press("Enter")
    expect(field).to_have_attribute("placeholder", "Choose one with “harbour”")
    row_of(page, "accounts-list", "KIOSK").locator("td").first.locator("button").click()
    page.wait_for_url("**account=KIOSK**")
    page.get_by_role("button", name="Clear all filters").click()
    expect(field).to_have_attribute("placeholder", "All accounts; type to find one")


@pytest.mark.full
def test_a_ranked_list_shows_more_names_on_a_click_and_its_address_keeps_them(many, watch):
    page = watch(many.url).open("/?refresh=off")
    rows = page.locator(".st-key-accounts-list tbody tr")
    expect(rows).to_have_count(30)
    page.locator(".st-key-accounts-list-more button").click()
    shown = min(COUNT, 300)
    expect(rows).to_have_count(shown)
    expect(page).to_have_url(re.compile("rows=300"))
    expect(page.locator(".st-key-accounts-card")).to_contain_text(f"{shown} of {COUNT} accounts")


@pytest.mark.full
def test_a_search_by_a_business_name_says_how_many_more_there_are_than_it_lists(many, watch):
    page = watch(many.url).open("/entity?refresh=off&named=store")
    besides = page.locator(".st-key-found-besides")
    expect(besides.get_by_role("button")).to_have_count(MOST_ACCOUNTS)
    expect(besides).to_contain_text(f"and {1 + len(STORES) - MOST_ACCOUNTS} more accounts")
