"""The dashboard without a receiver: it says what to start, and goes on by itself when that is there."""

import pytest
from playwright.sync_api import expect

from receiver.sockets import free_address
from tests.browsing import a_dashboard
from tests.processes import Receiver, running

pytestmark = pytest.mark.browser

PAGES = ("/", "/notifications", "/set-up", "/audit", "/entity", "/alerts", "/sql")
RECOVERS = 15_000


def test_every_page_says_what_to_start_recovers_and_goes_back_when_the_receiver_stops(watch, tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    address = free_address("127.0.0.1:0")
    with a_dashboard(data_dir, f"http://{address}") as url:
        pages = [watch(url).open(path) for path in PAGES]
        for page in pages:
            away = page.locator(".st-key-not-running")
            expect(away).to_contain_text("No receiver to read from")
            expect(away).to_contain_text(f"No receiver answers at http://{address}")
            expect(away.locator("code")).to_have_text(["clc-receiver serve", "clc-receiver demo"])
            page.evaluate("window.neverReloaded = 'marked'")
        with running(Receiver, data_dir, CLC_QUERY_LISTEN=address) as receiver:
            for page in pages:
                expect(page.locator(".st-key-not-running")).to_have_count(0, timeout=RECOVERS)
                expect(page.locator(".st-key-freshness")).to_contain_text("no notification yet", timeout=RECOVERS)
            expect(pages[0].locator(".st-key-nothing")).to_contain_text("Nothing in this time range")
            expect(pages[1].locator(".st-key-nothing")).to_contain_text("No notification")
            expect(pages[2].locator(".st-key-targets")).to_contain_text("not yet")
            expect(pages[5].locator(".st-key-nothing")).to_contain_text("No alarm yet")
            expect(pages[6].locator(".st-key-sql-editor .cm-content")).to_contain_text("FROM events")
            assert receiver.sender.post("/webhooks/Account.Updated", b'{"accountAlias":"BACK"}').status == 200
            expect(pages[1].locator(".st-key-notifications tbody tr")).to_have_count(1, timeout=RECOVERS)
        for page in pages:
            expect(page.locator(".st-key-not-running")).to_contain_text("clc-receiver serve", timeout=RECOVERS)
            assert page.evaluate("window.neverReloaded") == "marked"
