"""Each view is a link: an address opened anew shows the same filters, page and detail."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.watching import column, expect_range, expect_total, go_back, open_filters, texts

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(audited):
    return audited


def test_activity_keeps_range_account_and_refresh(live, watch):
    alias, count = live.receiver.sql(
        "SELECT account_alias, count(*) AS n FROM events GROUP BY ALL ORDER BY n DESC, account_alias LIMIT 1"
    )[0].values()
    page = watch(live.url).open(f"/?range=6+h&refresh=30+s&account={alias}&alone=yes")
    expect(page.locator(".st-key-live [data-testid=stMetricValue]").nth(0)).to_have_text(f"{count:,}")
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("6 h")
    expect(page.get_by_role("combobox", name="Refresh")).to_have_value("30 s")
    expect(page.get_by_role("combobox", name="Account", exact=True)).to_have_value(re.compile(f"{alias}\\b"))
    expect(page.locator(".st-key-below input")).not_to_be_checked()


def test_the_address_that_one_would_guess_leads_to_activity_with_its_filters(live, watch):
    page = watch(live.url).open("/activity?range=7+d")
    expect(page.locator(".st-key-title h3")).to_have_text("Activity")
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("7 d")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Alerts").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Alerts")
    go_back(page, "Activity")
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("7 d")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_address_that_is_none_says_so(live, watch):
    page = watch(live.url).open("/no-such-page")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")


def test_notifications_keep_every_filter(live, watch):
    some = live.receiver.sql(
        "SELECT seq, entity_id, account_alias, actor FROM events "
        "WHERE event_type = 'Server.Updated' AND actor IS NOT NULL ORDER BY seq DESC LIMIT 1"
    )[0]
    filters = {
        "events": "Server.Updated",
        "account": some["account_alias"],
        "below": "false",
        "entity": some["entity_id"],
        "actor": some["actor"],
        "text": "powerState",
        "signature": "valid",
        "when": "1+h",
        "copies": "true",
        "refresh": "off",
    }
    address = "/notifications?" + "&".join(f"{name}={value}" for name, value in filters.items())
    page = watch(live.url).open(address)
    count = live.one(
        "SELECT count(*) FROM notifications WHERE event_type = 'Server.Updated' AND entity_id = ? AND actor = ?",
        some["entity_id"],
        some["actor"],
    )
    expect_total(page, count)
    expect(column(page, 2)).to_have_text([some["entity_id"]] * count)
    open_filters(page)
    for label, value in (("Entity", "entity"), ("Actor", "actor"), ("Payload", "text")):
        expect(page.get_by_role("textbox", name=f"{label} contains")).to_have_value(filters[value])
    expect(page.locator(".st-key-events")).to_contain_text("Server.Updated")
    expect(page.locator(".st-key-signature")).to_contain_text("valid")
    expect(page.get_by_role("combobox", name="Received in the last")).to_have_value("1 h")
    expect(page.locator(".st-key-copies input")).to_be_checked()


@pytest.mark.full
def test_a_page_of_the_list_and_what_is_open_are_in_the_address_that_clicks_make(live, watch):
    page = watch(live.url).open("/notifications?refresh=off")
    page.get_by_role("button", name="Older").click()
    expect_range(page, 51, 100)
    page.locator(".st-key-notifications tbody tr").nth(4).locator("td").nth(1).click()
    name = page.locator(".st-key-detail-name")
    name.wait_for()
    expect(page).to_have_url(re.compile("seq="))
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect_range(again, 51, 100)
    expect(again.locator(".st-key-detail-name [data-testid=stText]")).to_have_text(
        name.locator("[data-testid=stText]").inner_text()
    )
    expect(column(again, 0)).to_have_text(texts(column(page, 0)))


def test_a_refused_one_is_opened_by_its_address(live, watch):
    refused = live.one("SELECT id::VARCHAR FROM rejected LIMIT 1")
    page = watch(live.url).open(f"/notifications?list=Refused&refused={refused}")
    expect(page.locator(".st-key-detail-name")).to_contain_text("signature_missing")


def test_set_up_keeps_the_address_that_was_typed(live, watch):
    page = watch(live.url).open("/set-up?base=https://hooks.example.com")
    expect(page.locator(".st-key-targets code").first).to_have_text(
        "https://hooks.example.com/webhooks/Account.Created"
    )


@pytest.mark.full
def test_the_browsers_tab_says_first_that_servers_are_in_alarm(audited, watch):
    page = watch(audited.url).open("/audit?refresh=1+s")
    expect(page).to_have_title(re.compile(r"^▲ \d+ in alarm · Audit · CLC webhooks$"))
    page.get_by_role("link", name="Set up").click()
    expect(page).to_have_title(re.compile(r"^▲ \d+ in alarm · Set up · CLC webhooks$"))


@pytest.mark.full
def test_the_browsers_tab_names_the_page_and_its_subject(live, watch):
    page = watch(live.url).open("/notifications?refresh=off")
    expect(page).to_have_title(re.compile("(^|in alarm · )Notifications · CLC webhooks$"))
    page.locator(".st-key-notifications tbody tr").first.locator("td").nth(1).click()
    expect(page).to_have_title(re.compile(r"(^|in alarm · )no\. \d+ · Notifications · CLC webhooks$"))
    page = watch(live.url).open("/entity?category=Account&name=DEMO")
    expect(page).to_have_title(re.compile("(^|in alarm · )DEMO · Entity · CLC webhooks$"))


@pytest.mark.full
def test_an_address_with_an_unknown_category_says_so_and_offers_the_search(live, watch):
    page = watch(live.url).open("/entity?category=<b>Nonsense&name=X&refresh=off")
    expect(page.locator(".st-key-unknown-category")).to_contain_text("There is no category “<b>Nonsense”")
    expect(page.get_by_role("textbox", name="Name contains")).to_be_visible()


@pytest.mark.full
def test_a_list_that_is_opened_with_a_chosen_row_shows_it(live, watch):
    seq = live.one("SELECT seq FROM notifications WHERE duplicate_of IS NULL ORDER BY seq DESC LIMIT 1 OFFSET 45")
    page = watch(live.url).open(f"/notifications?refresh=off&seq={seq}")
    chosen = page.locator(".st-key-notifications tr.chosen")
    expect(chosen).to_be_in_viewport()
    frame = page.locator(".st-key-notifications .frame").bounding_box()
    row = chosen.bounding_box()
    assert frame["y"] <= row["y"]
    assert row["y"] + row["height"] <= frame["y"] + frame["height"]
