"""No page bars people who see little, hear it read, or use the keyboard: axe-core finds nothing serious on any.

Nor does a narrow window: where the columns of a list have no room for words, its rows take several lines.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from analytics.pages.pages import PAGES as EVERY_PAGE
from tests.browser.audited import OTHER, SERVER
from tests.browser.conftest import a_live_one
from tests.browser.watching import row_of, run_linked
from tests.support.measuring import find_cut, find_small
from tests.support.pages import pages
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

BAD = {"serious", "critical"}
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 21, 27)"}
ALL_RULES = {"resultTypes": ["violations"]}
# The dark theme is the same page in other colours.
OF_COLOURS = ALL_RULES | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RULES = {"light": ALL_RULES, "dark": OF_COLOURS}
# So tall that all of a page is on the screen: axe-core can't tell what lies behind what lies elsewhere.
VIEWPORT = {"width": 1500, "height": 4000}
PAGES = pages(SERVER, seq=1)
KINDS = ("one notification", "Activity")
"""Pages of two kinds: something that is open, and charts with lists."""
WHOLE = {**PAGES, "finding": PAGES["Audit"]}
LISTS = {
    "/notifications?list=Refused&refresh=off": "refused-list",
    "/audit?refresh=off&range=all": "changes",
}
PLACES_OF_LEAFING = """
() => [...document.querySelectorAll('[class*="pager"]')].map(pager =>
    [...pager.querySelectorAll("button, input")].filter(way => way.checkVisibility())
        .map(way => Math.round(way.getBoundingClientRect().y + way.getBoundingClientRect().height / 2)))
"""
LINE_PIXELS = 20
LEAST_PIXELS = 60
WIDTHS = """
table => [...table.tBodies[0].rows].flatMap(row => [...row.cells]).filter(cell => cell.textContent)
    .map(cell => cell.getBoundingClientRect().width)
"""


@pytest.fixture(scope="module")
def live(audited):
    return audited


def found_on(page, rules=ALL_RULES) -> list[str]:
    """Return what axe-core finds serious, a line for each element, and the rules that it could not look at."""
    told = Axe().run(page, options=rules).response
    failed = [f"{rule['id']} failed: {rule['error']['message']}" for rule in told["incomplete"] if "error" in rule]
    return failed + [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:300]} {node['failureSummary']}"
        for violation in told["violations"]
        if violation["impact"] in BAD
        for node in violation["nodes"]
    ]


def until_drawn(page, selector: str, ground: str) -> None:
    """Wait until a page is drawn on a ground of this colour."""
    expect(page.locator(".stApp")).to_have_css("background-color", ground)
    page.locator(selector).first.wait_for()
    # While the store is silent, because the machine is busy, what it said before is dimmed.
    expect(page.locator("[data-stale=true], [data-testid=stSkeleton], html[data-clc-silent]")).to_have_count(0)
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")


def open_page(watched, name):
    """Open a page; that of a query as a new document: its link waits for a click only where a session begins."""
    address = WHOLE[name].address
    return watched.load(address) if name == "SQL" else watched.open(address)


@pytest.mark.parametrize("name", take_few(dict.fromkeys([*KINDS, *PAGES]), len(KINDS)))
def test_nothing_serious_is_found_on_a_page_light_and_dark(live, watch, name):
    shown = PAGES[name]
    page = open_page(watch(live.url, viewport=VIEWPORT), name)
    drawn = shown.drawn
    if name == "SQL":
        run_linked(page)
        drawn = ".st-key-sql-results canvas"
    for theme, ground in GROUNDS.items():
        page.emulate_media(color_scheme=theme)
        until_drawn(page, drawn, ground)
        assert not (found := found_on(page, RULES[theme])), "\n\n".join([theme, *found])


PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
TOUCH_PIXELS, TOUCH_PIXELS_IN_ROW = 32, 24


def open_whole(watched, name):
    """Open a page with what it leads to: the rows of a query, the panel of a finding."""
    shown = WHOLE[name]
    page = open_page(watched, name)
    # On a phone an open item covers the list and its chart.
    page.locator(shown.first if name == "one notification" else shown.drawn).first.wait_for()
    if name == "SQL":
        run_linked(page)
        page.locator(".st-key-sql-results canvas").first.wait_for()
    if name == "finding":
        page.locator(".st-key-findings tbody tr").first.click()
        page.locator(".st-key-finding-notifications tbody tr").first.wait_for()
    expect(page.locator("[data-stale=true], [data-testid=stSkeleton]")).to_have_count(0)
    return page


@pytest.mark.full
@pytest.mark.parametrize("name", WHOLE)
def test_nothing_serious_is_found_on_a_phone(live, watch, name):
    assert not (found := found_on(open_whole(watch(live.url, **PHONE), name))), "\n\n".join(found)


@pytest.mark.full
@pytest.mark.parametrize("options", [{"viewport": VIEWPORT}, PHONE], ids=["window", "phone"])
@pytest.mark.parametrize("events", [[], ["Account.Updated", "Server.Updated"]], ids=["nothing came", "no alarm"])
def test_nothing_serious_is_found_where_nothing_came_or_nothing_is_in_alarm(watch, tmp_path, events, options):
    with a_live_one(tmp_path / "data") as quiet:
        for event in events:
            quiet.simulate("--event", event)
        watched = watch(quiet.url, **options)
        for page in EVERY_PAGE:
            shown = watched.load(f"/{page.path}?refresh=off")
            for theme, ground in GROUNDS.items():
                shown.emulate_media(color_scheme=theme)
                until_drawn(shown, ".st-key-bar", ground)
                assert not (found := found_on(shown, RULES[theme])), "\n\n".join([page.title, theme, *found])


@pytest.mark.full
@pytest.mark.parametrize("name", WHOLE)
def test_on_a_phone_a_finger_hits_each_link_and_button_and_reads_each_text_whole(live, watch, name):
    page = open_whole(watch(live.url, **PHONE), name)
    assert find_small(page, TOUCH_PIXELS, TOUCH_PIXELS_IN_ROW) == []
    assert find_cut(page, touched=True) == []
    for places in page.evaluate(PLACES_OF_LEAFING):
        assert max(places, default=0) - min(places, default=0) < LINE_PIXELS, (
            "the ways to other pages take more lines than one"
        )


@pytest.mark.full
@pytest.mark.parametrize("name", WHOLE)
def test_in_a_window_each_text_is_whole_or_a_hover_has_it(live, watch, name):
    # The names of columns have the zone, and this one's is long.
    page = open_whole(watch(live.url, viewport={"width": 1280, "height": 800}, timezone_id="America/Los_Angeles"), name)
    assert find_cut(page, touched=False) == []


LOOKS = """
nodes => nodes.map(node => [Boolean(node.closest("[data-selected=true]")), getComputedStyle(node).backgroundColor])
"""


@pytest.mark.full
def test_forced_colours_show_what_is_chosen(live, watch):
    page = watch(live.url, forced_colors="active").open("/notifications?refresh=off&account=DEMO")
    page.locator(".st-key-notifications tbody td").nth(1).click()
    expect(page.locator(".st-key-detail [role=tab]")).not_to_have_count(0)
    page.locator(".st-key-filters-button button").click()
    for kind in ("[role=radio]", "[role=tab]", "label > span + div"):
        looks = page.locator(f"[data-testid=stMain] {kind}").evaluate_all(LOOKS)
        chosen, others = ({colour for is_chosen, colour in looks if is_chosen is which} for which in (True, False))
        assert chosen, kind
        assert others, kind
        assert not chosen & others, kind
    expect(page.locator(".st-key-notifications tr.chosen")).to_have_css("outline-style", "solid")


FOCUSED = """() => {
    let one = document.activeElement;
    while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    const name = one.getAttribute("aria-label") ?? one.textContent.trim();
    return { name: `${one.tagName} ${name}`.slice(0, 60), outline: getComputedStyle(one).outlineStyle };
}"""
MOST_STOPS = 40


def find_unseen_stops(page) -> list[str]:
    """Press the Tab key through a page; return what gets the focus without an outline, besides the page itself."""
    unseen = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop["name"].startswith("BODY"):
            break
        if stop["outline"] == "none" and not stop["name"].startswith("MAIN"):
            unseen.append(stop["name"])
    return unseen


def go_to(page, name):
    """Press the Tab key until the focus is on what begins with a name."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED)["name"].partition(" ")[2].startswith(name):
            return
    pytest.fail(f"the Tab key never comes to {name}")


@pytest.mark.full
@pytest.mark.parametrize("width", [1280, 1000])
def test_the_keyboard_alone_filters_opens_a_notification_and_comes_back_to_its_row(live, watch, width):
    page = watch(live.url, viewport={"width": width, "height": 800}).load("/notifications?refresh=off")
    row = row_of(page, "notifications", "Server.Deleted")
    go_to(page, "Filters")
    page.keyboard.press("Enter")
    go_to(page, "Entity contains")
    page.keyboard.type(OTHER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Entity: {OTHER}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-filters-button button")).to_be_focused()
    go_to(page, row.text_content()[:20])
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-verdict")).to_be_visible()
    go_to(page, "closeClose")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-verdict")).to_be_hidden()
    expect(row).to_be_focused()


@pytest.mark.full
def test_forced_colours_show_where_the_focus_is(live, watch):
    page = watch(live.url, forced_colors="active").load("/audit?refresh=off&range=all&actor=kim")
    expect(page.locator(".st-key-changes tbody tr").first).to_be_visible()
    assert find_unseen_stops(page) == []


@pytest.mark.full
def test_the_name_of_a_page_with_the_focus_has_an_outline(live, watch):
    page = watch(live.url, viewport=VIEWPORT).load("/health?refresh=off")
    names = [page.get_by_test_id("stTopNavLink").nth(place).inner_text() for place in range(8)]
    unseen = find_unseen_stops(page)
    assert [stop for stop in unseen if stop.startswith("A ") and any(name.split()[-1] in stop for name in names)] == []


@pytest.mark.full
def test_the_check_itself_sees_what_bars_people(live, watch):
    page = watch(live.url).open("/set-up?refresh=off")
    bad = '<button></button><p style="color:#999; background:#fff">pale</p>'
    page.locator(".st-key-title").evaluate("(title, html) => title.insertAdjacentHTML('beforeend', html)", bad)
    assert {line.split()[0] for line in found_on(page)} == {"button-name", "color-contrast"}


@pytest.mark.full
@pytest.mark.parametrize(("width", "is_stacked"), [(700, True), (768, True), (1280, False)])
def test_a_list_without_room_for_its_columns_has_rows_of_several_lines(live, watch, width, is_stacked):
    watched = watch(live.url, viewport={"width": width, "height": 900})
    for address, key in LISTS.items():
        page = watched.open(address)
        table = page.locator(f".st-key-{key} table")
        expect(table.locator("tbody tr").first).to_be_visible()
        assert ("stacks" in (table.get_attribute("class") or "")) == is_stacked, address
        assert page.get_by_test_id("stMain").evaluate("area => area.scrollWidth <= area.clientWidth"), address
        if not is_stacked:
            assert min(table.evaluate(WIDTHS)) >= LEAST_PIXELS, address


@pytest.mark.full
def test_rows_take_lines_of_their_own_as_soon_as_the_window_is_made_narrow(live, watch):
    page = watch(live.url, viewport={"width": 1280, "height": 900}).open("/audit?refresh=off&range=all")
    stacked = page.locator(".st-key-changes table.stacks")
    expect(page.locator(".st-key-changes tbody tr").first).to_be_visible()
    expect(stacked).to_have_count(0)
    page.set_viewport_size({"width": 768, "height": 900})
    expect(stacked).to_have_count(1)
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(stacked).to_have_count(0)
