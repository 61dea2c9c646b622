"""The dashboard without a receiver: it says what to start, keeps what it showed, and goes on by itself."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.watching import column, drawn_at, expect_refreshed, go_back
from tests.support.browsing import a_dashboard
from tests.support.keys import key_directory
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.sizes import take_few
from tests.support.waiting import until

pytestmark = pytest.mark.browser

PAGES = take_few(("/notifications", "/sql", "/health", "/", "/set-up", "/alerts", "/audit", "/entity"), 2)
EMPTY = {
    "/": (".st-key-nothing", "No notification yet"),
    "/notifications": (".st-key-nothing", "No notification"),
    "/set-up": (".st-key-targets", "not yet"),
    "/alerts": (".st-key-nothing", "No notification yet"),
    "/sql": (".st-key-sql-editor .cm-content", "FROM events"),
}
KEPT = {
    "/notifications": ".st-key-notifications table",
    "/set-up": ".st-key-targets",
    "/health": ".st-key-health-state",
}
SILENT = ".silent"
MARK = "node => { node.markedByTest = true; }"
IS_DIMMED = """node => {
  let opacity = 1;
  for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) opacity *= getComputedStyle(at).opacity;
  return opacity < 0.7;
}"""


def is_dimmed(page, shown):
    return page.locator(shown).evaluate(IS_DIMMED)


@pytest.fixture
def place(tmp_path):
    """A data directory, the address where its query service is to be, and a dashboard on it."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    address = free_address()
    with a_dashboard(data_dir, f"http://{address}") as url:
        yield data_dir, address, url


@pytest.mark.full
def test_every_page_says_what_to_start_recovers_and_stays_dimmed_as_it_was_when_the_receiver_stops(watch, place):
    data_dir, address, url = place
    pages = {path: watch(url, beside=True).open(path) for path in PAGES}
    kept = [(pages[path], shown) for path, shown in KEPT.items() if path in pages]
    for page in pages.values():
        away = page.locator(".st-key-not-running")
        expect(away).to_contain_text("No receiver to read from")
        expect(away).to_contain_text(f"No receiver answers at http://{address}")
        expect(away.locator("code")).to_have_text(["clc-receiver serve", "clc-receiver demo"])
        page.evaluate("window.neverReloaded = 'marked'")
    with running(PreparedReceiver, data_dir, CLC_QUERY_LISTEN=address) as receiver:
        for path, page in pages.items():
            expect(page.locator(".st-key-not-running")).to_have_count(0)
            expect(page.locator(".st-key-freshness")).to_contain_text("no notification yet")
            if path in EMPTY:
                shown, text = EMPTY[path]
                expect(page.locator(shown)).to_contain_text(text)
        assert receiver.sender.post("/webhooks/Account.Updated", b'{"accountAlias":"BACK"}').status == 200
        expect(pages["/notifications"].locator(".st-key-notifications tbody tr")).to_have_count(1)
        # The row comes before the rest of its drawing. Without an answer to that, the page goes back to the one before.
        expect(pages["/notifications"].locator(".st-key-freshness")).to_contain_text("newest")
        for page, shown in kept:
            expect(page.locator(shown)).to_be_visible()
            page.locator(shown).evaluate(MARK)
            # Where a slow machine leaves a refresh of all pages without an answer for 3 s, it is dimmed for a moment.
            until(lambda page=page, shown=shown: not is_dimmed(page, shown), what=f"{shown} as usual")
    for page in pages.values():
        expect(page.locator(SILENT)).to_contain_text(
            re.compile(r"The store has not answered for \d+ s, since [\d:]+\.")
        )
        expect(page.locator(SILENT)).to_contain_text("start one with clc-receiver serve")
    for page, shown in kept:
        until(lambda page=page, shown=shown: is_dimmed(page, shown), what=f"{shown} dimmed")
    assert not is_dimmed(pages["/sql"], ".st-key-sql-editor")
    with running(PreparedReceiver, data_dir, CLC_QUERY_LISTEN=address) as receiver:
        assert receiver.sender.post("/webhooks/Account.Updated", b'{"accountAlias":"AGAIN"}').status == 200
        for page in pages.values():
            expect(page.locator(SILENT)).to_be_hidden()
            assert page.evaluate("window.neverReloaded") == "marked"
        for page, shown in kept:
            until(lambda page=page, shown=shown: not is_dimmed(page, shown), what=f"{shown} as usual")
            assert page.locator(shown).evaluate("node => node.markedByTest"), shown
        expect(column(pages["/notifications"], 2)).to_have_text(["AGAIN", "BACK"])


@pytest.mark.full
def test_what_was_not_shown_before_is_asked_for_once_the_receiver_is_back_and_clicks_until_then_do_no_harm(
    watch, place
):
    data_dir, address, url = place
    with running(PreparedReceiver, data_dir, CLC_QUERY_LISTEN=address) as receiver:
        key = str(key_directory() / "private.pem")
        command = [sys.executable, "-m", "receiver", "simulate", "--to", receiver.url, "--key", key, "--quiet"]
        subprocess.run([*command, "--count", "120", "--rate", "0"], env=environment(data_dir), check=True, cwd=data_dir)
        page = watch(url).open("/notifications?refresh=off")
        expect(page.locator(".st-key-pager")).to_contain_text("1 to 50 of")
        before = drawn_at(page)
        page.get_by_role("button", name="Older").click()
        expect(page.locator(".st-key-pager")).to_contain_text("51 to 100 of")
        expect_refreshed(page, before)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator(SILENT)).to_be_visible()
    expect(page.locator(".st-key-pager")).to_contain_text("51 to 100 of")
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".st-key-not-kept")).to_contain_text("loaded as soon as the receiver answers")
    page.get_by_role("link", name="Audit").click()
    expect(page.locator(".st-key-not-running")).to_contain_text("No receiver to read from")
    go_back(page, "Notifications")
    expect(page.locator(".st-key-not-running")).to_contain_text("No receiver to read from")
    with running(PreparedReceiver, data_dir, CLC_QUERY_LISTEN=address):
        expect(page.locator(".st-key-pager")).to_contain_text("101 to")
