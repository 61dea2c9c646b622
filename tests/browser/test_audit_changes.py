"""The page Audit: the list of changes and its filters."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import ADDED, ALL, HIDDEN, NAME, OTHER, POWERED, SERVER, SHOWN, USER, expect_changes
from tests.browser.watching import choose, column, expect_total, fill, go_back, open_filters, row_of, texts

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]


@pytest.fixture(scope="module")
def live(audited):
    return audited


@pytest.mark.full
def test_a_changed_field_of_activity_leads_to_its_changes_in_the_same_time_range(live, watch):
    page = watch(live.url, viewport={"width": 1280, "height": 800}).open("/?refresh=off&range=7+d&count=Changed+fields")
    row = row_of(page, "fields-list", "details.cpu")
    number = row.locator("td").nth(1).inner_text()
    row.locator("button").first.click()
    expect(page).to_have_url(re.compile("/audit\\?.*field=details.cpu"))
    expect_changes(page, int(number.replace(",", "")))
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("7 d")
    expect(page.locator(".st-key-changes tbody tr").first).to_be_in_viewport()


@pytest.mark.full
def test_changes_are_told_in_sentences_and_hidden_ones_are_flagged(live, watch):
    page = watch(live.url).open(f"{ALL}&entity={SERVER}")
    sentences = column(page, 2, "changes")
    # It happened hours before it was received, which *Entity* and *Notifications* say in the same words.
    late = re.compile(rf"{re.escape(ADDED)}; received .*\d\d:\d\d:\d\d, 4 h.* later, from 127\.0\.0\.1$")
    expect(sentences.filter(has_text=late)).to_have_count(1)
    expect(sentences.filter(has_text=POWERED)).to_have_count(1)
    page = watch(live.url).open(f"{ALL}&entity=KIM@")
    expect(row_of(page, "changes", HIDDEN).locator("td").nth(1)).to_have_attribute("title", "? unseen")
    expect(row_of(page, "changes", HIDDEN).locator("td.notice")).to_have_count(2)
    expect(page.locator(".st-key-changes-head")).to_contain_text("1 with no visible change")


@pytest.mark.full
def test_changes_are_filtered_by_each_filter_and_cleared(live, watch):
    page = watch(live.url).open(ALL)
    total = live.one(SHOWN)
    expect_changes(page, total)
    choose(page, "Kinds of change", "unseen")
    expect_changes(page, live.one(f"{SHOWN} AND kind = 'unseen'"))
    clear(page, total)
    fill(page, "Field contains", "details.ipaddresses[].public")
    expect_changes(page, live.one(f"{SHOWN} AND path LIKE 'details.ipAddresses[%].public'"))
    clear(page, total)
    fill(page, "Entity contains", SERVER.lower())
    expect_changes(page, live.one(f"{SHOWN} AND entity_id = ?", SERVER))
    clear(page, total)
    fill(page, "Actor contains", "svc_ops")
    expect_changes(page, live.one(f"{SHOWN} AND actor = 'SVC_OPS'"))
    clear(page, total)
    choose(page, "Account", "ACME")
    of_acme = live.one(f"{SHOWN} AND account_alias = 'ACME'")
    expect_changes(page, of_acme)
    fill(page, "Field contains", "no such field")
    expect(page.locator(".st-key-nothing")).to_be_visible()
    clear(page, of_acme)
    expect(page).to_have_url(re.compile("account=ACME"))
    clear_account(page)
    expect_changes(page, total)
    open_filters(page).locator(".st-key-noise label").click()
    expect_changes(page, live.one("SELECT count(*) FROM changes"))


def clear(page, total):
    open_filters(page).get_by_role("button", name="Clear filters", exact=True).click()
    expect(page).not_to_have_url(re.compile("(kind|field|entity|actor)="))
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("all")
    expect_changes(page, total)


def clear_account(page):
    box = page.get_by_role("combobox", name="Account")
    box.click()
    for _ in range(2):
        box.press("Escape")  # the first closes the list
    expect(page).not_to_have_url(re.compile("account="))


@pytest.mark.full
def test_the_address_follows_the_filters_after_the_account_is_cleared(live, watch):
    page = watch(live.url).open(f"{ALL}&account=ACME")
    expect(page.locator(".st-key-below")).to_be_visible()
    clear_account(page)
    expect(page.locator(".st-key-below")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    fill(page, "Actor contains", "svc_ops")
    expect_changes(page, live.one(f"{SHOWN} AND actor = 'SVC_OPS'"))
    expect(page).to_have_url(re.compile("actor=svc_ops"))


@pytest.mark.full
def test_a_field_is_found_by_its_name_in_words_and_by_the_keys_of_what_came(live, watch):
    page = watch(live.url).open(f"{ALL}&entity={SERVER}&field=public+address")
    expect(column(page, 2, "changes")).to_have_text([re.compile(f"^{ADDED}")])
    page = watch(live.url).open(f"{ALL}&entity={SERVER}&field=number+of+CPUs")
    expect(column(page, 2, "changes")).to_have_text([re.compile("changed the number of CPUs")])


@pytest.mark.full
def test_names_of_a_change_lead_to_what_they_name_and_back_leads_to_the_same_view(live, watch):
    page = watch(live.url).open(f"{ALL}&entity={SERVER}&actor=kim")
    for place, expected in ((3, SERVER), (4, "ACME"), (5, USER)):
        row_of(page, "changes", POWERED).locator("td").nth(place).locator("button").click()
        expect(page.locator(NAME)).to_have_text(expected)
        go_back(page, "Audit")
        expect(row_of(page, "changes", POWERED)).to_be_visible()
        expect(page.get_by_role("button", name="Actor: kim")).to_be_visible()


@pytest.mark.full
def test_older_changes_are_leafed_to_and_a_page_stays_as_it_is_while_new_ones_come(live, watch):
    page = watch(live.url).open(ALL.replace("off", "1+s"))
    total = live.one(SHOWN)
    expect_total(page, total)
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".st-key-pager")).to_contain_text(f"51 to {min(100, total)} of")
    held = texts(column(page, 2, "changes"))
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect(again.locator(".st-key-pager")).to_contain_text(f"51 to {min(100, total)} of")
    expect(column(again, 2, "changes")).to_have_text(held)
    expect(column(page, 2, "changes")).to_have_text(held)


@pytest.mark.full
def test_of_a_field_that_is_never_reported_it_says_that_no_time_range_has_it(live, watch):
    page = watch(live.url).open(f"{ALL}&field=Roles")
    expect(page.locator(".st-key-nothing")).to_contain_text("never reports roles, permissions, log-ins")
    expect(page.locator(".st-key-nothing")).not_to_contain_text("longer time range")


@pytest.mark.full
def test_a_deleted_server_is_told(live, watch):
    page = watch(live.url).open(f"{ALL}&entity={OTHER}")
    expect(
        column(page, 2, "changes").filter(has_text=f"Server {OTHER} was deleted (actor not reported)")
    ).to_have_count(1)
