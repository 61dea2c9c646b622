"""The product's own walk: one changed address is sent, and is seen whole a moment later."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.watching import column, expect_raw, row_of, tab

pytestmark = pytest.mark.browser

MARK = "window.neverReloaded = 'marked'"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def seen_after(live, page, key):
    before = live.one("SELECT count(*) FROM notifications WHERE account_alias = 'DEMO'")
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    answered = time.monotonic()
    page.wait_for_function(key, polling=50)
    took = time.monotonic() - answered
    assert live.one("SELECT count(*) FROM notifications WHERE account_alias = 'DEMO'") == before + 1
    assert page.evaluate("window.neverReloaded") == "marked"
    return took


def test_a_changed_address_appears_without_a_reload_and_a_click_on_its_account_shows_the_whole_payload(
    live, watch, capsys
):
    page = watch(live.url).open("/notifications")
    page.locator(".st-key-notifications tbody tr").first.wait_for()
    page.evaluate(MARK)
    took = seen_after(
        live,
        page,
        """() => [...document.querySelectorAll('.st-key-notifications *')].some(
            (element) => element.shadowRoot?.querySelector('tbody tr')?.textContent.includes('DEMO'))""",
    )
    with capsys.disabled():
        print(f"\na changed address: in the list {took:.2f} s after its answer")
    expect(column(page, 1).first).to_have_text("Account.Updated")
    row_of(page, "notifications", "DEMO").get_by_role("button", name="DEMO").first.click()
    expect(page.locator(".st-key-detail-name")).to_contain_text("DEMO")
    stored = live.one("SELECT payload FROM notifications WHERE account_alias = 'DEMO' ORDER BY seq DESC LIMIT 1")
    expect_raw(page, stored)
    tab(page, "Tree")
    expect(page.locator(".st-key-payload-tree")).to_contain_text("addressLine1")
    assert page.evaluate("window.neverReloaded") == "marked"


@pytest.mark.full
def test_the_counts_of_activity_grow_without_a_reload(live, watch, capsys):
    page = watch(live.url).open("/")
    metric = page.locator(".st-key-live [data-testid=stMetricValue]").nth(0)
    before = live.one("SELECT count(*) FROM events")
    expect(metric).to_have_text(f"{before:,}")
    page.evaluate(MARK)
    took = seen_after(
        live,
        page,
        f"() => document.querySelectorAll('.st-key-live [data-testid=stMetricValue]')[0].innerText == '{before + 1:,}'",
    )
    with capsys.disabled():
        print(f"\na changed address: counted on Activity {took:.2f} s after its answer")
