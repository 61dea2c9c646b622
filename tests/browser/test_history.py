"""Back, Forward and the links of the top bar: each leads to a view as it was left, in one step."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.audited import ACCOUNT, SERVER, USER
from tests.browser.watching import choose, drawn_at, expect_refreshed, expect_total, fill, find_field, go_back, row_of
from tests.support.sizes import size
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

NAME = ".st-key-detail-name [data-testid=stText]"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def find_refresh(page):
    return page.get_by_role("combobox", name="Refresh")


def link(page, name):
    return page.get_by_test_id("stHeader").get_by_role("link", name=name)


def test_back_and_forward_keep_filters_that_the_page_left_has_too(live, watch):
    page = watch(live.url).open(f"/notifications?refresh=off&entity={SERVER}&events=Server.Updated")
    for _ in range(size(1, 2)):
        row_of(page, "notifications", "kim@acme.example").locator("td").nth(2).locator("button").click()
        expect(page.locator(NAME)).to_have_text(SERVER)
        go_back(page, "Notifications")
        expect(page).to_have_url(re.compile("[?&]refresh=off"))
        expect(find_refresh(page)).to_have_value("off")
        expect(find_field(page, "textbox", "Entity contains")).to_have_value(SERVER)
        page.go_forward()
        expect(page.locator(NAME)).to_have_text(SERVER)
        expect(page).to_have_url(re.compile("/entity.*[?&]refresh=off"))
        expect(find_refresh(page)).to_have_value("off")
        go_back(page, "Notifications")
        expect(find_refresh(page)).to_have_value("off")


@pytest.mark.full
def test_back_leads_to_all_of_several_values_of_a_filter(live, watch):
    query, told = "refresh=off&range=all&rule=public_address_added&rule=hidden_user_update", []
    watched = watch(live.url)

    def hear(message):
        told.append(ForwardMsg.FromString(message).page_info_changed.query_string)

    watched.page.on("websocket", lambda socket: socket.on("framereceived", hear))
    page = watched.load(f"/audit?{query}")
    rules = page.locator(".st-key-chips")
    expect(rules).to_contain_text("Rule: Public address added to a server, H")
    link(page, "Health").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Health")
    told.clear()
    go_back(page, "Audit")
    expect(rules).to_contain_text("Rule: Public address added to a server, H")
    expect(page).to_have_url(f"{live.url}/audit?{query}")
    # Not even for a moment has it another address: the browser might ask for something then, or leave the page again.
    assert set(filter(None, told)) <= {query}


@pytest.mark.full
def test_a_link_of_the_top_bar_that_is_clicked_at_once_leaves_the_filters_in_the_history(live, watch):
    page = watch(live.url).page
    page.goto(f"{live.url}/notifications?refresh=off&entity={SERVER}", wait_until="commit")
    link(page, "Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page).to_have_url(f"{live.url}/audit?refresh=off")
    go_back(page, "Notifications")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value(SERVER)
    expect(page).to_have_url(f"{live.url}/notifications?refresh=off&entity={SERVER}")


@pytest.mark.full
def test_a_link_of_the_top_bar_leads_to_a_page_without_the_filters_of_the_one_before_in_one_step(live, watch):
    page = watch(live.url).open(f"/notifications?refresh=off&entity={SERVER}&account={ACCOUNT}")
    steps = page.evaluate("history.length")
    link(page, "Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page).to_have_url(f"{live.url}/audit?account={ACCOUNT}&refresh=off")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value("")
    expect(page.get_by_role("combobox", name="Account", exact=True)).to_have_value(re.compile(ACCOUNT))
    assert page.evaluate("history.length") == steps + 1
    fill(page, "Entity contains", USER)
    expect(page).to_have_url(re.compile("entity=KIM"))
    link(page, "Notifications").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value("")
    expect_total(page, live.one(f"SELECT count(*) FROM events WHERE account_alias = '{ACCOUNT}'"))
    go_back(page, "Audit")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value(USER)
    go_back(page, "Notifications")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value(SERVER)


@pytest.mark.full
def test_a_range_that_is_chosen_follows_by_the_top_bar(live, watch):
    page = watch(live.url).load("/alerts?refresh=off")  # in another document a range may have been chosen before
    before = drawn_at(page)
    choose(page, "Time range", "28 d")
    expect_refreshed(page, before)  # the links have the range from then on
    expect(page).to_have_url(re.compile("range=28"))
    link(page, "Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.get_by_role("combobox", name="Time range")).to_have_value("28 d")
    expect(page).to_have_url(re.compile(r"/audit\?.*range=28"))


@pytest.mark.full
def test_the_top_bar_carries_a_chosen_range_to_each_page_that_offers_it_and_back_leads_through_all(live, watch):
    page = watch(live.url).load("/?refresh=off")  # in another document a range may have been chosen before

    def expect_on(title, shown):
        link(page, title).click()
        expect_range_of(title, shown)

    def expect_range_of(title, shown):
        expect(page.locator(".st-key-title h3")).to_have_text(title)
        expect(page.locator(".st-key-range input, .st-key-when input").filter(visible=True)).to_have_value(shown)

    for title, default in (("Notifications", "all"), ("Audit", "7 d"), ("Activity", "24 h")):
        expect_on(title, default)
    choose(page, "Time range", "7 d")
    expect(page.locator(".st-key-over-time")).to_contain_text("Number per 3 h")
    expect_on("Audit", "7 d")
    link(page, "Health").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Health")
    expect_on("Notifications", "7 d")
    expect_on("Activity", "7 d")
    choose(page, "Time range", "24 h")
    expect(page.locator(".st-key-over-time")).to_contain_text("Number per 15 min")
    expect_on("Alerts", "24 h")
    expect_on("Notifications", "24 h")
    for title in ("Alerts", "Activity"):
        go_back(page, title)
        expect_range_of(title, "24 h")


@pytest.mark.full
def test_back_within_a_page_closes_an_open_list_of_choices(live, watch):
    page = watch(live.url).open("/audit?refresh=off")
    account, choices = page.get_by_role("combobox", name="Account", exact=True), page.get_by_role("listbox")
    choose(page, "Account", ACCOUNT)
    expect(page).to_have_url(re.compile(f"account={ACCOUNT}"))
    expect(page.locator("[data-stale=true]")).to_have_count(0)  # until then a click may be lost
    account.click()
    expect(choices).to_be_visible()
    page.go_back()
    expect(page).not_to_have_url(re.compile("account="))
    expect(choices).to_have_count(0)
    expect(account).to_have_value("")


@pytest.mark.full
def test_names_open_what_they_name_again_and_again_after_back(live, watch):
    page = watch(live.url).open(f"/notifications?refresh=1+s&entity={SERVER}&events=Server.Updated")
    for place, expected in [(2, SERVER), (4, ACCOUNT), (5, USER)] * size(1, 3):
        row_of(page, "notifications", "kim@acme.example").locator("td").nth(place).locator("button").click()
        expect(page.locator(NAME)).to_have_text(expected)
        go_back(page, "Notifications")


@pytest.mark.full
def test_a_link_that_is_clicked_in_the_same_moment_as_a_row_leads_to_its_page(live, watch):
    page = watch(live.url).load("/notifications?refresh=off")
    audit = link(page, "Audit").element_handle()
    cell = page.locator(".st-key-notifications tbody td").first
    cell.evaluate("(cell, link) => { cell.click(); link.click(); }", audit)
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.locator(".st-key-changes tbody tr").first).to_be_visible()


WAITS_LONG = """const timer = window.setTimeout.bind(window);
window.setTimeout = (call, ms, ...rest) => timer(call, ms === 10 ? 500 : ms, ...rest);"""


@pytest.mark.full
def test_a_link_that_is_clicked_before_a_choice_is_drawn_leads_to_its_page_without_that_choice(live, watch):
    opened = watch(live.url)
    opened.page.add_init_script(WAITS_LONG)  # a busy browser: what the choice draws arrives before the page is left
    page = opened.load("/audit?refresh=off&range=7+d")
    steps = page.evaluate("history.length")
    alerts = link(page, "Alerts").element_handle()
    find_field(page, "combobox", "Time range").click()
    option = page.get_by_role("option", name="24 h").first
    option.evaluate("(option, link) => { option.click(); link.click(); }", alerts)
    expect(page.locator(".st-key-title h3")).to_have_text("Alerts")
    expect(page).to_have_url(re.compile(r"/alerts\?refresh=off$"))
    assert page.evaluate("history.length") == steps + 1


@pytest.mark.full
def test_back_leads_to_the_place_on_the_page_where_one_was(live, watch):
    page = watch(live.url, viewport={"width": 1280, "height": 800}).open("/?refresh=off&range=all")
    area = page.get_by_test_id("stMain")
    opener = page.locator(".st-key-actors-list tbody tr").first.locator("td").last.locator("button")
    opener.scroll_into_view_if_needed()
    place = area.evaluate("area => area.scrollTop")
    assert place > 300
    opener.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Entity")
    go_back(page, "Activity")
    until(lambda: abs(area.evaluate("area => area.scrollTop") - place) < 2, what="the place of before")
    link(page, "Alerts").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Alerts")
    until(lambda: area.evaluate("area => area.scrollTop") == 0, what="the top of the page")


SEND_LATE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (request) {
  send.call(this, request);
  const { late } = window;
  if (late) for (let wait = 0; wait < 1000; wait += 50) setTimeout(() => send.call(this, late), wait);
  window.last = request;
};
"""
"""Sends an earlier request again and again after the next one, as a slow browser or a slow network does once."""


@pytest.mark.full
def test_a_late_request_for_a_part_of_the_page_before_leaves_the_new_page_whole(live, watch):
    watched = watch(live.url)
    watched.page.add_init_script(SEND_LATE)
    page = watched.open(f"/notifications?refresh=off&entity={SERVER}")
    row_of(page, "notifications", "kim@acme.example").locator("td").first.locator("button").click()
    expect(page.get_by_role("table", name="Fields that this step changed")).to_be_visible()
    page.evaluate("window.late = window.last")
    link(page, "Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    page.evaluate("window.late = null")
    choose(page, "Account", ACCOUNT)
    assert page.evaluate("window.late === null"), "the page was loaded again"
    expect(page).to_have_url(re.compile(f"/audit.*account={ACCOUNT}"))
    expect(page.locator(".st-key-changes-head")).to_be_visible()


def find_type(message):
    """Return the type of one of the server's messages."""
    return ForwardMsg.FromString(message).WhichOneof("type")


def test_a_drawing_of_the_page_before_that_comes_late_changes_nothing_in_the_history(live, watch):
    """The browser gets the drawing of a filter after it went to another page, as from a slow server."""
    held, asked = None, []

    def route(socket):
        server = socket.connect_to_server()

        def ask(message):
            asked.append(message)
            server.send(message)

        def answer(message):
            if held is None:
                socket.send(message)
            else:
                held.append((socket, message))

        socket.on_message(ask)
        server.on_message(answer)

    watched = watch(live.url)
    watched.page.route_web_socket(re.compile("/_stcore/stream"), route)
    page = watched.load(f"/audit?account={ACCOUNT}&refresh=off")
    steps = page.evaluate("history.length")
    held = []
    fill(page, "Entity contains", USER)
    # Messages come only while the browser is asked something.
    until(lambda: page.title() and any(find_type(message) == "script_finished" for _, message in held))
    before = len(asked)
    link(page, "Notifications").click()
    until(lambda: page.title() and len(asked) > before)
    late, held = held, None
    for socket, message in late:
        socket.send(message)
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    expect(page).to_have_url(f"{live.url}/notifications?account={ACCOUNT}&refresh=off")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value("")
    assert page.evaluate("history.length") == steps + 1
    go_back(page, "Audit")
    expect(find_field(page, "textbox", "Entity contains")).to_have_value(USER)
    expect(page).to_have_url(f"{live.url}/audit?account={ACCOUNT}&entity={quote(USER)}&refresh=off")
