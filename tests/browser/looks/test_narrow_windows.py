"""Where room is short, as on a phone: what belongs together stays in one line, and nothing covers anything."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import PUBLIC, SERVER
from tests.browser.watching import row_of
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.usefixtures("tabs")]

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LINE_PIXELS, LETTER_PIXELS, MENU_PIXELS = 48, 20, 44


@pytest.fixture(scope="module")
def live(audited):
    return audited


BEGINS_AFTER_NAMES = """() => {
    const names = [...document.querySelectorAll("[data-testid=stTopNavLinkContainer]")];
    const ends = names.map(name => name.getBoundingClientRect().right);
    const shown = [...document.querySelectorAll(".search input, .search button")].filter(way => way.checkVisibility());
    return shown.length === 1 && ends.length && shown[0].getBoundingClientRect().left >= Math.max(...ends);
}"""


@pytest.mark.parametrize(("width", "spacing"), [(870, "0"), (910, "0"), (1000, "0.08em")])
def test_the_search_begins_after_the_names_of_the_pages_however_wide_a_font_makes_them(live, watch, width, spacing):
    page = watch(live.url, viewport=LAPTOP).load("/health?refresh=off")
    page.add_style_tag(content=f"[data-testid=stTopNavLink] span {{ letter-spacing: {spacing}; }}")
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function(BEGINS_AFTER_NAMES)


MIDDLES = """keys => keys.map(key => document.querySelector(`.st-key-${key} button`).getBoundingClientRect())
    .map(box => Math.round(box.y + box.height / 2))"""
ENDS = {
    "/audit?range=all": ["mark-seen", "download-findings"],
    "/audit?range=all&actor=nobody": ["download-changes"],
    f"/entity?category=Server&name={SERVER}": ["step-earlier", "step-later", "step-now"],
}


@pytest.mark.parametrize("width", take_few([700, 1280, 870], 2))
def test_controls_at_the_end_of_a_line_stay_together_on_the_right(live, watch, width):
    watched = watch(live.url, viewport={"width": width, "height": 900})
    for address, keys in ENDS.items():
        page = watched.open(f"{address}&refresh=off")
        place = page.locator("[class*='st-key-end-of-']").filter(has=page.locator(f".st-key-{keys[-1]}"))
        expect(place).to_be_visible()
        for key in keys:
            expect(page.locator(f".st-key-{key} button").first).to_be_visible()
        expect(page.locator("[data-stale=true]")).to_have_count(0)  # until then a drawing may still move them
        middles = page.evaluate(MIDDLES, keys)
        assert max(middles) - min(middles) <= 2, (address, middles)
        whole = place.locator("xpath=../..").bounding_box()
        end, last = whole["x"] + whole["width"], place.locator(f".st-key-{keys[-1]}").bounding_box()
        assert last["x"] + last["width"] == pytest.approx(end, abs=2), address


def test_the_field_of_a_page_stands_beside_its_number_in_a_narrow_window(live, watch):
    page = watch(live.url, viewport={"width": 700, "height": 900}).open("/audit?refresh=off&range=all&noise=true")
    number, field = page.get_by_text(re.compile("^Page 1 of")).last, page.locator(".st-key-page-number input")
    ends = [box["y"] + box["height"] / 2 for box in (number.bounding_box(), field.bounding_box())]
    assert ends[0] == pytest.approx(ends[1], abs=2)


def test_what_other_programs_need_stands_in_the_bar_of_sql_on_a_phone_as_an_icon(live, watch):
    page = watch(live.url, viewport=PHONE).load("/sql")
    button = page.locator(".st-key-bar").get_by_role("button", name="Connect from elsewhere")
    expect(button).to_be_in_viewport(ratio=1)
    assert page.locator(".st-key-bar").bounding_box()["height"] <= LINE_PIXELS
    page.set_viewport_size({"width": 700, "height": 900})
    expect(button.get_by_text("Connect from elsewhere")).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_tap_anywhere_on_a_row_opens_it_and_the_caption_of_the_chart_is_whole(live, watch):
    page = watch(live.url, viewport=PHONE).open("/notifications?refresh=off")
    title = page.locator(".st-key-histogram svg .role-title text").first
    expect(title).to_have_text(re.compile("still filling$"))
    row = page.locator(".st-key-notifications tbody tr").first
    assert row.bounding_box()["height"] >= 40
    name = row.locator("td").nth(2).bounding_box()
    page.mouse.click(name["x"] + 10, name["y"] + name["height"] / 2)
    expect(page.locator(".st-key-detail-name [data-testid=stText]")).to_be_visible()
    assert "seq=" in page.url


def test_on_a_phone_a_button_shows_the_search_and_hides_neither_range_nor_filters(live, watch):
    page = watch(live.url, viewport=PHONE).open("/audit?refresh=off&actor=kim")
    for shown in (page.get_by_role("combobox", name="Time range"), page.locator(".st-key-filters-button button")):
        expect(shown).to_be_in_viewport(ratio=1)
    button = page.get_by_role("button", name="Search", exact=True)
    button.click()
    field = page.get_by_role("combobox", name="Search all")
    expect(field).to_be_focused()
    field.press("Escape")
    expect(field).to_be_hidden()
    button.click()
    field.fill(SERVER)
    field.press("Enter")
    expect(page.locator(".st-key-detail-name")).to_contain_text(SERVER)


def test_on_a_phone_the_menu_closes_when_a_page_is_chosen(live, watch):
    page = watch(live.url, viewport=PHONE).open("/?refresh=off")
    menu = page.get_by_role("button", name="Menu", exact=True)
    menu.click()
    links = page.get_by_test_id("stSidebarNav").get_by_role("link")
    assert min(link.bounding_box()["height"] for link in links.all()) >= MENU_PIXELS
    links.filter(has_text="Audit").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Audit")
    expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
    expect(menu).to_be_visible()


def test_on_a_phone_the_menu_is_closed_after_a_reload(live, watch):
    watched = watch(live.url, viewport=PHONE)
    page = watched.load("/set-up?refresh=off")
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_test_id("stSidebar")).to_be_in_viewport()
    page.reload()
    page.locator(".st-key-bar .age").wait_for()
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


def test_on_a_phone_a_tap_on_a_step_of_an_entity_brings_its_panel(live, watch):
    page = watch(live.url, viewport=PHONE).open(f"/entity?refresh=off&category=Server&name={SERVER}")
    page.locator(".st-key-steps tbody tr").nth(1).locator("td").nth(1).click()
    expect(page.locator(".st-key-step-head")).to_be_in_viewport()
    begin = page.locator(".st-key-detail").bounding_box()["y"]
    assert begin >= page.locator(".st-key-bar").bounding_box()["height"], "nothing covers its begin"


@pytest.mark.parametrize(
    ("address", "count", "behind"),
    [
        ("/audit?range=all&actor=kim&account=ACME", 2, ["account_choice", "chip-actor", "actor"]),
        ("/?types=Alert.Notification", 1, ["account_choice", "chips", "count", "view-popover"]),
        ("/entity?named=W&among=Server", 1, ["kind_choice"]),
    ],
)
def test_on_a_phone_the_bar_counts_the_filters_and_has_all_other_controls_behind_them(
    live, watch, address, count, behind
):
    page = watch(live.url, viewport=PHONE).open(f"{address}&refresh=off")
    button, age = page.locator(".st-key-filters-button button"), page.locator(".st-key-bar .age")
    expect(button).to_have_text(re.compile(f"^Filters \\({count}\\)"))
    expect(age).to_have_attribute("data-lamp", "fresh")
    for shown in (button, age):
        expect(shown).to_be_in_viewport(ratio=1)
    bar = page.locator(".st-key-bar")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth"), "nothing lies beside the screen"
    controls = [bar.locator(f".st-key-{key}") for key in (*behind, "refresh")]
    for control in controls:
        expect(control).to_be_hidden()
    button.click()
    for control in controls:
        expect(control).to_be_in_viewport(ratio=1)
    bar.get_by_role("combobox", name="Refresh").click()
    page.get_by_role("option", name="30 s").click()
    expect(page).to_have_url(re.compile(r"refresh=30"))
    page.locator(".st-key-title h3").click()
    expect(bar.get_by_role("combobox", name="Refresh")).to_be_hidden()


@pytest.mark.parametrize(
    ("address", "lists"),
    [
        (f"/entity?category=Server&name={SERVER}", ["findings", "steps"]),
        ("/", ["types-list", "entities-list"]),
    ],
)
def test_on_a_phone_no_column_is_a_few_letters_wide_and_no_list_scrolls_by_itself(live, watch, address, lists):
    page = watch(live.url, viewport=PHONE).open(f"{address}{'&' if '?' in address else '?'}refresh=off")
    for key in lists:
        frame = page.locator(f".st-key-{key} .frame")
        frame.locator("tbody tr").first.wait_for()
        widest = "frame => Math.max(...[...frame.querySelectorAll('tbody tr')[0].cells].map(cell => cell.offsetWidth))"
        assert frame.evaluate(widest) > 140, key
        assert frame.evaluate("frame => frame.scrollHeight <= frame.clientHeight + 1"), key
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth"), key


def test_on_a_phone_a_list_offers_all_names_in_one_place_at_a_time(live, watch):
    page = watch(live.url, viewport=PHONE).open("/?refresh=off&range=all")
    card = page.locator(".st-key-entities-card")
    more, every = (card.get_by_role("button", name=name) for name in ("Show 25 more", "Show all"))
    expect(more).to_be_visible()
    expect(every).to_be_hidden()
    more.click()
    expect(more).to_be_hidden()
    expect(every).to_be_visible()


def test_a_name_beside_the_list_of_findings_is_in_one_line(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/audit?refresh=off&range=all&findings=all")
    row_of(page, "findings", PUBLIC).locator("td").nth(2).click()
    name = row_of(page, "finding-notifications", SERVER).locator("td").nth(1).locator("button")
    assert name.bounding_box()["height"] < 1.5 * LETTER_PIXELS


def test_the_buttons_of_a_chart_cover_no_button_of_the_page_and_show_no_internals(live, watch):
    page = watch(live.url, viewport=LAPTOP).open("/?refresh=off")
    page.locator(".st-key-over-time svg.marks").hover()
    tools = page.locator(".st-key-over-time").get_by_test_id("stElementToolbar")
    expect(tools.get_by_role("button", name="Fullscreen")).to_be_visible()
    expect(tools.get_by_role("button", name="Show data")).to_be_hidden()
    button = page.get_by_role("button", name="See these notifications").bounding_box()
    assert tools.bounding_box()["y"] >= button["y"] + button["height"]


def test_a_tooltip_of_a_chart_goes_when_the_page_scrolls(live, watch):
    page = watch(live.url, viewport=PHONE).load("/?refresh=off")
    page.locator(".st-key-over-time svg.marks").wait_for()
    tooltip = page.locator("#vg-tooltip-element.visible")
    page.evaluate(
        "() => document.body.append(Object.assign(document.createElement('div'),"
        " { id: 'vg-tooltip-element', className: 'vg-tooltip visible', textContent: 'of a tap' }))"
    )
    expect(tooltip).to_have_count(1)
    page.get_by_test_id("stMain").evaluate("area => area.scrollBy(0, 200)")
    expect(tooltip).to_have_count(0)
