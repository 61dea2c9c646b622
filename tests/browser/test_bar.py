"""The bar of a page: one line of controls near the top, and the data right below it, on a phone too."""

import re
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from analytics.pages.shared.components import BROWSER, read_file
from analytics.pages.shared.search import SEARCH_HTML
from tests.browser.audited import SERVER
from tests.browser.watching import GO, choose, drawn_at, open_filters, row_of
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

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


@pytest.mark.full
@pytest.mark.parametrize(
    ("viewport", "most"),
    [
        pytest.param(LAPTOP, MENU_PIXELS + 130, id="laptop"),
        pytest.param(PHONE, 200, id="phone", marks=pytest.mark.full),
    ],
)
def test_the_bar_is_one_line_and_the_data_begin_below_it(live, watch, viewport, most):
    watched = watch(live.url, viewport=viewport)
    for address, first in take_few(FIRST.items(), 2):
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


@pytest.mark.full
def test_the_bar_stays_on_top_while_one_scrolls(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/?refresh=off")
    page.locator(".st-key-hours-card, .st-key-centres-card").last.scroll_into_view_if_needed()
    expect(page.locator(".st-key-live")).not_to_be_in_viewport()
    control = page.get_by_role("combobox", name="Time range")
    expect(control).to_be_in_viewport()
    bar = page.locator("[data-testid=stLayoutWrapper]:has(> .st-key-bar)")
    assert "rgba" not in bar.evaluate("bar => getComputedStyle(bar).backgroundColor")
    head, search = page.get_by_test_id("stHeader").bounding_box(), page.locator(".search input").bounding_box()
    assert control.bounding_box()["y"] >= head["height"]
    assert search["y"] + search["height"] / 2 == pytest.approx(head["height"] / 2, abs=1), "in the line of the pages"
    page.set_viewport_size({"width": 740, "height": 900})
    age, refresh = (page.locator(f".st-key-bar {part}").bounding_box() for part in (".age", ".st-key-refresh"))
    assert age["y"] + age["height"] / 2 == pytest.approx(refresh["y"] + refresh["height"] / 2, abs=2)


def find(page, text):
    """Search as one does without a mouse."""
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search all")
    expect(field).to_be_focused()
    field.fill(text)
    field.press("Enter")


def test_the_search_of_every_page_leads_to_an_entity_or_a_notification(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/health?refresh=off")
    name = page.locator(".st-key-detail-name")
    (row,) = live.receiver.sql("SELECT seq, id::VARCHAR AS id FROM events WHERE event_type = 'Server.Created' LIMIT 1")
    find(page, SERVER.lower())
    expect(name).to_contain_text(SERVER)
    find(page, row["id"])
    expect(name).to_contain_text("Server.Created")
    expect(page).to_have_url(re.compile(f"/notifications\\?seq={row['seq']}&refresh=off$"))


@pytest.mark.full
def test_the_search_of_every_page_leads_to_an_account_by_its_business_name_and_to_the_list(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/health?refresh=off")
    name = page.locator(".st-key-detail-name")
    find(page, "northwind re")
    expect(name.get_by_test_id("stText")).to_have_text("ROOT")
    find(page, "acmew")
    expect(name).to_contain_text(SERVER)
    find(page, "e")
    expect(page).to_have_url(re.compile("/entity\\?named=e&refresh=off$"))
    expect(page.locator(".st-key-found tbody tr").nth(1)).to_be_visible()
    field = page.get_by_role("textbox", name="Name contains")
    field.fill("a/b")
    expect(field).to_have_value("a/b")


@pytest.mark.full
def test_the_search_finds_a_part_of_an_id_and_of_an_events_name(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/health?refresh=off")
    name = page.locator(".st-key-detail-name")
    (row,) = live.receiver.sql("SELECT seq, id::VARCHAR AS id FROM events WHERE event_type = 'Server.Created' LIMIT 1")
    for part in (row["id"][-12:], row["id"][19:].upper(), row["id"][:30]):
        find(page, part)
        expect(page).to_have_url(re.compile(f"/notifications\\?seq={row['seq']}&refresh=off$"))
        expect(name).to_contain_text("Server.Created")
        find(page, SERVER)
        expect(name).to_contain_text(SERVER)
    find(page, "r.delet")
    expect(page).to_have_url(re.compile("/notifications\\?events=Server.Deleted&events=User.Deleted&refresh=off$"))


@pytest.mark.full
def test_the_search_leads_from_an_event_to_its_notifications(live, watch):
    page = watch(live.url).open("/set-up?refresh=off")
    find(page, "user.updated")
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    expect(page).to_have_url(re.compile("events=User.Updated"))
    expect(row_of(page, "notifications", "User.Updated")).to_be_visible()


def test_names_are_suggested_while_somebody_types_and_lead_to_their_pages(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/health?refresh=off")
    drawn = drawn_at(page)
    field, suggested = page.get_by_role("combobox", name="Search all"), page.locator(".search [role=option]")
    page.keyboard.press("/")
    page.keyboard.type("acmew")
    expect(suggested).to_have_text([f"{SERVER}Server"])
    expect(field).to_have_attribute("aria-expanded", "true")
    field.fill("acme")
    expect(suggested.first).to_have_text("ACME  Acme ManufacturingAccount")
    names = suggested.all_inner_texts()
    assert any(name.startswith(SERVER) for name in names), names
    page.keyboard.press("ArrowDown")
    expect(suggested.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(field).not_to_have_attribute("aria-activedescendant", re.compile("."))
    page.keyboard.press("ArrowUp")
    expect(suggested.last).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == suggested.last.get_attribute("id")
    page.keyboard.press("Escape")
    expect(suggested).to_have_count(0)
    expect(field).to_be_focused()
    assert drawn_at(page) == drawn, "the page is not drawn for a suggestion"
    field.fill("northwind")
    expect(suggested).to_have_text(["ROOT  Northwind ResaleAccount"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-detail-name")).to_contain_text("ROOT")
    expect(page).to_have_url(re.compile("refresh=off"))


@pytest.mark.full
@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_actors_and_events_are_suggested_too_and_a_click_leads_there(live, watch, viewport):
    page = watch(live.url, viewport=viewport).open("/audit?refresh=1+s")
    suggested = page.locator(".search [role=option]")
    page.keyboard.press("/")
    page.keyboard.type("nobody.kn")
    expect(suggested).to_have_text(["NOBODY.KNOWNUser"])
    assert not (found := Axe().run(page, ".search").response["violations"]), found
    suggested.click()
    expect(page.locator(".st-key-detail-name")).to_contain_text("NOBODY.KNOWN")
    page.keyboard.press("/")
    page.keyboard.type("r.delet")
    expect(suggested).to_have_text(["Server.DeletedEvent", "User.DeletedEvent"])
    suggested.first.click()
    expect(page).to_have_url(re.compile("/notifications\\?events=Server.Deleted&refresh=1"))


def test_what_is_filtered_stands_in_the_bar_and_a_click_removes_it(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/audit?refresh=off&range=all&actor=kim&noise=true")
    expect(page.locator(".st-key-filters-button button")).to_contain_text("Filters (2)")
    page.get_by_role("button", name="Actor: kim").click()
    expect(page).not_to_have_url(re.compile("actor="))
    expect(page.locator(".st-key-filters-button button")).to_contain_text("Filters (1)")
    filters = open_filters(page)
    expect(filters.get_by_role("textbox", name="Actor contains")).to_have_value("")
    expect(filters.locator(".st-key-noise input")).to_be_checked()


@pytest.mark.full
def test_a_page_that_is_opened_anew_by_the_menu_has_no_filter_of_the_visit_before(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/audit?refresh=off&range=30+d")
    choose(page, "Kinds of change", "removed")
    expect(page.locator(".st-key-filters-button button")).to_contain_text("Filters (1)")
    expect(page.get_by_role("button", name="Kind: removed")).to_be_visible()
    for away in ("Health", "Entity"):
        page.get_by_role("link", name=away, exact=True).click()
        expect(page.locator(".st-key-title h3")).to_have_text(away)
        page.get_by_role("link", name="Audit", exact=True).click()
        expect(page.locator(".st-key-title h3")).to_have_text("Audit")
        expect(page.locator(".st-key-changes-head")).to_be_visible()
        expect(page.get_by_role("button", name="Kind: removed")).to_have_count(0)
        expect(page.locator(".st-key-filters-button button")).to_have_text(re.compile("Filters(?! \\()"))


@pytest.mark.full
@pytest.mark.parametrize(
    ("viewport", "path"), take_few([(LAPTOP, "/"), (PHONE, "/audit"), (LAPTOP, "/audit"), (PHONE, "/")], 2)
)
def test_a_range_of_ones_own_begins_with_the_range_in_use_in_open_fields_and_enter_applies_it(
    live, watch, viewport, path
):
    page = watch(live.url, viewport=viewport).open(f"{path}?refresh=off&range=6+h")
    page.get_by_role("combobox", name="Time range").click()
    own = page.get_by_role("option", name="own")
    expect(own).to_be_in_viewport(ratio=1)
    own.dispatch_event("click")
    fields = page.locator("[class*='st-key-own-from-'], [class*='st-key-own-to-']")
    expect(fields).to_have_count(2)
    for field in fields.all():
        expect(field).to_be_in_viewport(ratio=1)
        expect(field.get_by_role("spinbutton").first).to_have_text(re.compile(r"\d{4}"))
    since, until = own_range(page)
    assert until - since == timedelta(hours=6)
    fields.first.get_by_role("spinbutton").first.focus()
    page.keyboard.type("202601010800")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("own=2026-01-01T08"))
    button = page.locator(".st-key-own-range button").first
    expect(button).to_contain_text(f"2026-01-01 08:00 to {until:%Y-%m-%d %H:%M}")
    for field in fields.all():
        expect(field).to_be_in_viewport(ratio=1)
    expect(fields).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-own-popover button")).to_be_in_viewport(ratio=1)


def own_range(page):
    expect(page).to_have_url(re.compile("own=2"))
    return [datetime.fromisoformat(end) for end in unquote(re.search("own=([^&]*Z)", page.url)[1]).split("/")]


@pytest.mark.full
@pytest.mark.parametrize(
    "address",
    take_few(
        [
            "/?range=own&own=2026-01-01T08:00:00Z/2026-01-02T08:00:00Z",
            "/notifications?from=2026-01-01T08:00:00",
            "/?range=own",
            "/notifications?from=2026-01-01T08:00:00&to=2026-01-02T08:00:00",
        ],
        2,
    ),
)
def test_with_a_range_of_ones_own_the_bar_is_one_line_too(live, watch, address):
    page = watch(live.url, viewport=LAPTOP).open(f"{address}{'&' if '?' in address else '?'}refresh=1+s")
    expect(page.locator(".st-key-bar .age")).to_be_visible()
    range_button = page.locator(".st-key-own-popover")
    expect(range_button).to_contain_text("2026-01-01" if "2026" in address else "Last 24 h")
    assert page.locator(".st-key-bar").bounding_box()["height"] <= LINE_PIXELS
    assert range_button.locator("p").first.evaluate("text => text.scrollWidth <= text.clientWidth"), "it is whole"


def test_on_a_scrolled_page_the_bar_is_whole_and_has_a_border_above_the_rows(live, watch):
    page = watch(live.url, viewport={"width": 1280, "height": 800}).open("/health?refresh=off")
    bar = page.locator('[data-testid="stLayoutWrapper"]:has(> .st-key-bar)')
    expect(bar).to_have_css("box-shadow", "none")
    page.get_by_test_id("stMain").evaluate("node => node.scrollTo(0, 300)")
    expect(bar).not_to_have_css("box-shadow", "none")
    above, control = (page.locator(one).bounding_box() for one in ("[data-testid=stHeader]", ".st-key-refresh"))
    assert control["y"] >= above["y"] + above["height"], "the line above covers no border of a control"


@pytest.mark.full
def test_the_search_keeps_the_focus_and_what_is_typed_while_the_bar_is_drawn_anew(live, watch):
    page = watch(live.url).open("/audit?refresh=off")
    field = page.get_by_role("combobox", name="Search all")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("we")
    page.evaluate(GO, "/set-up")
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    expect(field).to_be_focused()
    page.keyboard.type("b")
    expect(field).to_have_value("web")
    page.locator(".st-key-title h3").click()
    expect(field).not_to_be_focused()


SCRIPT = f"{read_file(BROWSER, 'clocks.js')}{read_file(BROWSER, 'search.js')}"
DRAW = """
    async ([source, html]) => {
        const { default: draw } = await import(source);
        window.draw = () => {
            const parentElement = document.body.appendChild(document.createElement("div"));
            parentElement.innerHTML = html;
            draw({ data: { hint: "", turn: "" }, parentElement, setTriggerValue: () => {} });
        };
        window.draw();
    }
"""


def test_typing_goes_on_where_the_new_search_is_drawn_before_the_old_one_goes(browser):
    page = browser.new_page()
    page.set_content("<body></body>")
    page.evaluate(DRAW, ["data:text/javascript," + quote(SCRIPT), SEARCH_HTML])
    page.keyboard.press("/")
    page.keyboard.type("we")
    page.evaluate("window.draw()")
    page.evaluate("document.querySelector('div').remove()")
    field = page.get_by_role("combobox", name="Search all")
    expect(field).to_be_focused()
    page.keyboard.type("b")
    expect(field).to_have_value("web")
    page.close()
