"""On paper: what an auditor prints is whole, black on white, and says what it shows and when it was read."""

import pytest
from playwright.sync_api import expect

from tests.browser.audited import SERVER

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

PAPER = {"width": 720, "height": 1000}
DARK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}
AUDIT = "/audit?refresh=off&range=all&account=ACME&actor=kim"
ENTITY = f"/entity?refresh=off&category=Server&name={SERVER}"
CLICKED = (
    ".st-key-search, .stDownloadButton, .st-key-filters-button, .st-key-step-earlier, .st-key-refresh, "
    "[data-testid=stLayoutWrapper]:has(> .st-key-filters)"
)
IS_WHOLE = """frames => frames.every(
    one => one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth)"""
IN_FLEXIBLE = """list => {
    const boxes = [];
    for (let box = list.parentElement; box.dataset.testid !== "stMainBlockContainer"; box = box.parentElement)
        if (/flex|grid/.test(getComputedStyle(box).display)) boxes.push(box.className);
    return boxes;
}"""
READ = "age => getComputedStyle(age, '::after').content"


@pytest.fixture(scope="module")
def live(audited):
    return audited


@pytest.fixture
def print_page(live, watch):
    """Open a page and let it look as it is printed, as wide as paper."""
    pages = []

    def look(address, drawn):
        pages.append(watch(live.url, **DARK).open(address))
        pages[-1].locator(drawn).first.wait_for()
        pages[-1].emulate_media(media="print")
        pages[-1].set_viewport_size(PAPER)
        return pages[-1]

    yield look
    for page in pages:
        page.emulate_media(media="screen")


@pytest.mark.full
@pytest.mark.parametrize(("address", "key"), [(AUDIT, "changes"), (ENTITY, "steps")], ids=["audit", "entity"])
def test_a_printed_page_has_its_lists_whole_and_nothing_to_click(print_page, address, key):
    page = print_page(address, f".st-key-{key} tbody tr")
    for clicked in page.locator(CLICKED).all():
        expect(clicked).to_be_hidden()
    assert page.locator(".frame").evaluate_all(IS_WHOLE)
    area = page.get_by_test_id("stMain")
    assert area.evaluate("area => getComputedStyle(area).overflowY") == "visible"
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    for text in (f".st-key-{key} td", ".st-key-title h3", "strong"):
        expect(page.locator(text).first).to_have_css("color", "rgb(0, 0, 0)")


@pytest.mark.full
def test_a_printed_page_says_what_was_chosen_and_when_it_was_read(print_page):
    page = print_page(AUDIT, ".st-key-changes tbody tr")
    expect(page.get_by_role("button", name="Actor: kim")).to_be_visible()
    expect(page.get_by_role("combobox", name="Account")).to_be_visible()
    assert "Read at 20" in page.locator(".st-key-bar .age").evaluate(READ)


@pytest.mark.full
def test_the_rows_of_a_list_take_lines_of_their_own_before_they_are_printed(live, watch):
    page = watch(live.url, viewport={"width": 1280, "height": 900}).open("/audit?refresh=off&range=all")
    stacked = page.locator(".st-key-changes table.stacks")
    page.locator(".st-key-changes tbody tr").first.wait_for()
    expect(stacked).to_have_count(0)
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(stacked).to_have_count(1)
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    expect(stacked).to_have_count(0)


@pytest.mark.full
@pytest.mark.parametrize(
    ("address", "key"),
    [("/notifications?range=all", "notifications"), ("/?range=all", "types-list"), ("/health?", "health-kept")],
)
def test_what_follows_a_list_of_several_sheets_is_not_printed_over_its_end(print_page, address, key):
    # Chromium makes a flexible box no longer by the rows that go to the next sheet.
    page = print_page(f"{address}&refresh=off", f".st-key-{key} tbody tr")
    assert page.locator(f".st-key-{key}").evaluate(IN_FLEXIBLE) == []


@pytest.mark.full
def test_a_query_and_its_rows_are_printed_black_on_white_in_the_dark_theme_too(print_page):
    page = print_page("/sql?sql=SELECT+1", ".st-key-sql-editor .cm-line")
    code = page.locator(".st-key-sql-editor .cm-editor")
    expect(code).to_have_css("color", "rgb(0, 0, 0)")
    expect(code).to_have_css("background-color", "rgb(255, 255, 255)")
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".st-key-sql-rows canvas").first.wait_for()
    page.emulate_media(media="print")
    expect(page.locator(".st-key-sql-rows canvas").first).to_have_css("filter", "invert(1) hue-rotate(180deg)")
