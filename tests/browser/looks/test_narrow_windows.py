"""Where room is short: what belongs together stays in one line, and nothing covers anything."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import SERVER
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.usefixtures("tabs")]

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LINE_PIXELS = 48


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
