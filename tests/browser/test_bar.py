"""The bar of a page: one line of controls near the top, and the data right below it, on a phone too."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import SERVER
from tests.browser.watching import open_filters

pytestmark = pytest.mark.browser

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
MENU_PIXELS, LINE_PIXELS = 48, 48
FIRST = {
    "/": ".st-key-live",
    "/notifications": ".st-key-histogram",
    "/alerts": ".st-key-in-alarm-card",
    "/audit": ".st-key-findings-over-time",
    f"/entity?category=Server&name={SERVER}": ".st-key-entity-name, .st-key-standing",
    "/health": ".st-key-health-tiles, [data-testid=stAlert]",
}


@pytest.fixture(scope="module")
def live(audited):
    return audited


@pytest.mark.parametrize(("viewport", "most"), [(LAPTOP, MENU_PIXELS + 130), (PHONE, 200)], ids=["laptop", "phone"])
def test_the_bar_is_one_line_and_the_data_begin_below_it(live, watch, viewport, most):
    watched = watch(live.url, viewport=viewport)
    for address, first in FIRST.items():
        page = watched.open(f"{address}{'&' if '?' in address else '?'}refresh=off")
        page.locator(first).first.wait_for()
        expect(page.locator("[data-stale=true]")).to_have_count(0)
        begin = page.locator(first).first.bounding_box()
        bar = page.locator(".st-key-bar").bounding_box()
        assert bar["height"] <= LINE_PIXELS, (address, bar)
        assert begin["y"] <= most, (address, begin)
        assert bar["y"] + bar["height"] <= begin["y"], (address, bar, begin)
        area = page.get_by_test_id("stMain")
        assert area.evaluate("area => area.scrollWidth <= area.clientWidth"), address


def test_the_bar_stays_on_top_while_one_scrolls(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/?refresh=off")
    page.locator(".st-key-hours-card, .st-key-centres-card").last.scroll_into_view_if_needed()
    expect(page.locator(".st-key-live")).not_to_be_in_viewport()
    control = page.get_by_role("combobox", name="Time range")
    expect(control).to_be_in_viewport()
    bar = page.locator("[data-testid=stLayoutWrapper]:has(> .st-key-bar)")
    assert "rgba" not in bar.evaluate("bar => getComputedStyle(bar).backgroundColor")
    assert control.bounding_box()["y"] >= page.get_by_test_id("stHeader").bounding_box()["height"]


def test_what_is_filtered_stands_in_the_bar_and_a_click_removes_it(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/audit?refresh=off&range=all&actor=kim&noise=true")
    expect(page.locator(".st-key-filters-button button")).to_contain_text("Filters (2)")
    page.get_by_role("button", name="Actor: kim").click()
    expect(page).not_to_have_url(re.compile("actor="))
    expect(page.locator(".st-key-filters-button button")).to_contain_text("Filters (1)")
    filters = open_filters(page)
    expect(filters.get_by_role("textbox", name="Actor contains")).to_have_value("")
    expect(filters.locator(".st-key-noise input")).to_be_checked()


def test_on_a_phone_the_menu_closes_when_a_page_is_chosen(live, watch):
    page = watch(live.url, viewport=PHONE).open("/?refresh=off")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()


def test_on_a_phone_a_row_says_all_names_and_an_open_notification_covers_the_list(live, watch):
    page = watch(live.url, viewport=PHONE).open("/notifications?refresh=off&entity=" + SERVER)
    row = page.locator(".st-key-notifications tbody tr").first
    for cell in row.locator("td").all():
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth + 1"), cell.inner_text()
    expect(row).to_contain_text(SERVER)
    row.locator("td").nth(1).click()
    expect(page.locator(".st-key-verdict")).to_be_in_viewport()
    expect(row).to_be_hidden()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(row).to_be_in_viewport()
