"""What somebody asks for in the same moment as something else."""

import pytest
from playwright.sync_api import expect

from tests.browser.audited import send

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def _history(live):
    send(live)


def test_a_link_that_is_clicked_in_the_same_moment_as_a_row_leads_to_its_page(live, watch):
    page = watch(live.url).load("/notifications?refresh=off")
    link = page.get_by_test_id("stHeader").get_by_role("link", name="Audit").element_handle()
    cell = page.locator(".st-key-notifications tbody td").first
    cell.evaluate("(cell, link) => { cell.click(); link.click(); }", link)
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.locator(".st-key-changes tbody tr").first).to_be_visible()
