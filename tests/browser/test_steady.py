"""Refreshes of Audit and Entity change what is new, and nothing else: nodes, scroll and what is open stay."""

import pytest
from playwright.sync_api import expect

from tests.browser.audited import SERVER
from tests.browser.watching import drawn_at, expect_refreshed, row_of

pytestmark = pytest.mark.browser

REFRESHES, SCROLLED = 8, 120
MARK = "nodes => { nodes.forEach(node => { node.markedByTest = true; }); return nodes.length; }"
IS_MARKED = "nodes => nodes.length > 0 && nodes.every(node => node.markedByTest)"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def refreshed(page, live, times=REFRESHES):
    """Wait until the page was refreshed so many times, with something new each few times."""
    for number in range(times):
        before = drawn_at(page)
        if number % 5 == 0:
            live.simulate("--event", "Account.Updated", "--account", "DEMO")
        expect_refreshed(page, before)


def marked(page, *selectors):
    """Mark the nodes of each selector, once there is at least one of each."""
    for selector in selectors:
        expect(page.locator(selector)).not_to_have_count(0)
        assert page.locator(selector).evaluate_all(MARK)
    return selectors


def replaced(page, selectors):
    """Name the selectors whose nodes are not all those that were marked."""
    return [selector for selector in selectors if not page.locator(selector).evaluate_all(IS_MARKED)]


def test_findings_and_changes_keep_their_rows(live, watch):
    page = watch(live.url).open("/audit?refresh=1+s&range=all")
    row_of(page, "findings", SERVER).locator("td").nth(1).click()
    expect(page.locator(".st-key-findings tr.chosen")).to_have_count(1)
    expect(page.locator(".st-key-detail")).to_be_visible()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    kept = marked(page, ".st-key-findings-over-time svg.marks", ".st-key-findings", ".st-key-changes", ".st-key-detail")
    opened = page.locator(".st-key-findings tr.chosen").inner_text()
    refreshed(page, live)
    assert replaced(page, kept) == []
    assert page.locator(".st-key-findings tr.chosen").inner_text() == opened


def test_an_entity_keeps_its_timeline_its_step_and_where_it_is_scrolled_to(live, watch):
    step = live.one("SELECT max(seq) FROM notifications WHERE entity_id = ? AND action = 'Updated'", SERVER)
    page = watch(live.url, viewport={"width": 1280, "height": 700}).open(
        f"/entity?refresh=1+s&category=Server&name={SERVER}&step={step}"
    )
    expect(page.locator(".st-key-steps tr.chosen")).to_have_count(1)
    expect(page.locator(".st-key-findings-about")).to_be_visible()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    kept = marked(page, ".st-key-steps table", ".st-key-detail", ".st-key-differences table", ".st-key-findings-about")
    frame = page.get_by_test_id("stMain")
    assert frame.evaluate("frame => { frame.scrollTop = 120; return frame.scrollTop; }") == SCROLLED
    refreshed(page, live)
    assert replaced(page, kept) == []
    assert frame.evaluate("frame => frame.scrollTop") == SCROLLED
