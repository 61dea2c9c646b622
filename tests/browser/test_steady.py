"""Refreshes change what is new, and nothing else: nodes, scroll, what is open, and the row under the pointer stay."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from analytics.pages.shared.components import BROWSER, TABLE_HTML, read_file
from tests.browser.audited import SERVER
from tests.browser.watching import drawn_at, expect_refreshed, row_of
from tests.support.sizes import take_few

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

REFRESHES, SCROLLED = 8, 120
LIST, ROWS = ".st-key-notifications", 50
RESTING = '<div data-testid="stApp" data-test-script-state="notRunning"></div>'
MARK = "nodes => { nodes.forEach(node => { node.markedByTest = true; }); return nodes.length; }"
COUNT = """async ([source, names]) => {
  window.asked = [];
  window.counters = [];
  for (const name of names) {
    const { default: count } = await import(`${source}#${name}`);
    const parentElement = document.createElement("div");
    parentElement.append(document.createElement("span"));
    const setTriggerValue = () => window.asked.push(name);
    window.counters.push(turn => count({ data: { seconds: 0.1, turn }, parentElement, setTriggerValue }));
  }
  for (const draw of window.counters) draw("first");
}"""
IS_MARKED = "nodes => nodes.length > 0 && nodes.every(node => node.markedByTest)"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def refreshed(page, live, times=REFRESHES):
    """Wait until the page was refreshed so many times, with something new each few times."""
    for number in range(times):
        before = drawn_at(page)
        if number % 5 == 0:
            live.simulate("--event", "Account.Updated", "--account", "DEMO")
        expect_refreshed(page, before)


def marked(page, *selectors):
    """Mark the nodes of each selector, once there is at least one of each."""
    for selector in selectors:
        expect(page.locator(selector)).not_to_have_count(0)
        assert page.locator(selector).evaluate_all(MARK)
    return selectors


def replaced(page, selectors):
    """Name the selectors whose nodes are not all those that were marked."""
    return [selector for selector in selectors if not page.locator(selector).evaluate_all(IS_MARKED)]


@pytest.mark.full
def test_findings_and_changes_keep_their_rows(live, watch):
    page = watch(live.url).open("/audit?refresh=1+s&range=all&findings=all")
    row_of(page, "findings", SERVER).locator("td").nth(1).click()
    expect(page.locator(".st-key-findings tr.chosen")).to_have_count(1)
    expect(page.locator(".st-key-detail")).to_be_visible()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    kept = marked(page, ".st-key-findings-over-time svg.marks", ".st-key-findings", ".st-key-changes", ".st-key-detail")
    opened = page.locator(".st-key-findings tr.chosen").inner_text()
    refreshed(page, live)
    assert replaced(page, kept) == []
    assert page.locator(".st-key-findings tr.chosen").inner_text() == opened


@pytest.mark.full
def test_an_entity_keeps_its_timeline_its_step_and_where_it_is_scrolled_to(live, watch):
    step = live.one("SELECT max(seq) FROM notifications WHERE entity_id = ? AND action = 'Updated'", SERVER)
    page = watch(live.url, viewport={"width": 1280, "height": 700}).open(
        f"/entity?refresh=1+s&category=Server&name={SERVER}&step={step}"
    )
    expect(page.locator(".st-key-steps tr.chosen")).to_have_count(1)
    expect(page.locator(".st-key-findings-about")).to_be_visible()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    kept = marked(page, ".st-key-steps table", ".st-key-detail", ".st-key-differences table", ".st-key-findings-about")
    frame = page.get_by_test_id("stMain")
    assert frame.evaluate("frame => { frame.scrollTop = 120; return frame.scrollTop; }") == SCROLLED
    refreshed(page, live)
    assert replaced(page, kept) == []
    assert frame.evaluate("frame => frame.scrollTop") == SCROLLED


@pytest.fixture
def listed(live, watch):
    page = watch(live.url).open("/notifications?refresh=1+s")
    expect(page.locator(f"{LIST} tbody tr")).to_have_count(ROWS)
    return page


def ids(page):
    return page.locator(f"{LIST} tbody tr").evaluate_all("rows => rows.map(row => row.dataset.id)")


def bring_news(live, page, count):
    """Let notifications come, and wait until the page has drawn them, or lets them wait."""
    live.simulate("--event", "Account.Updated", "--count", str(count), "--rate", "0")
    expect(page.locator(f"{LIST} .news")).to_have_text(f"{count} new ↑")


@pytest.mark.full
def test_new_notifications_wait_while_the_pointer_is_in_the_list_and_come_when_it_leaves(live, listed):
    before = ids(listed)
    third = listed.locator(f"{LIST} tbody tr").nth(2)
    third.hover()
    bring_news(live, listed, 3)
    assert ids(listed) == before
    listed.mouse.move(5, 5)
    expect(listed.locator(f"{LIST} .news")).to_be_hidden()
    assert ids(listed)[3:] == before[:-3]


def test_a_click_opens_the_row_that_was_pointed_at(live, listed):
    before = ids(listed)
    third = listed.locator(f"{LIST} tbody tr").nth(2)
    third.hover()
    bring_news(live, listed, 2)
    third.locator("td").nth(1).click()
    expect(listed.locator(f"{LIST} tr.chosen")).to_have_attribute("data-id", before[2])


@pytest.mark.full
def test_new_notifications_wait_while_a_row_has_the_focus(live, listed):
    listed.mouse.move(5, 5)
    listed.keyboard.press("j")
    before = ids(listed)
    bring_news(live, listed, 2)
    assert ids(listed) == before
    listed.locator(".st-key-title h3").click()
    expect(listed.locator(f"{LIST} .news")).to_be_hidden()
    assert ids(listed)[2:] == before[:-2]


@pytest.mark.full
def test_new_notifications_wait_while_the_list_is_scrolled_and_a_click_brings_them(live, listed):
    frame = listed.locator(f"{LIST} .frame")
    frame.evaluate("frame => { frame.scrollTop = 200; }")
    before = ids(listed)
    bring_news(live, listed, 1)
    assert ids(listed) == before
    listed.locator(f"{LIST} .news").click()
    expect(listed.locator(f"{LIST} .news")).to_be_hidden()
    assert ids(listed)[1:] == before[:-1]
    assert frame.evaluate("frame => frame.scrollTop") == 0


@pytest.mark.full
def test_another_filter_is_never_held_up(listed):
    listed.locator(f"{LIST} tbody tr").nth(2).hover()
    # By keyboard alone: the pointer stays over the list.
    listed.locator(".st-key-filters-button button").evaluate("button => button.click()")
    field = listed.get_by_role("textbox", name="Entity contains", exact=True)
    expect(field).to_be_visible()
    field.evaluate("field => field.focus()")
    expect(field).to_be_focused()
    listed.keyboard.type("NOTHING HAS THIS NAME")
    listed.keyboard.press("Enter")
    expect(listed.locator(".st-key-nothing")).to_be_visible()


@pytest.mark.full
def test_another_filter_shows_its_list_from_the_top(listed):
    frame = listed.locator(f"{LIST} .frame")
    frame.evaluate("frame => { frame.scrollTop = 200; }")
    listed.locator(".st-key-filters-button button").click()
    listed.get_by_role("textbox", name="Entity contains", exact=True).fill("1")
    before = drawn_at(listed)
    listed.keyboard.press("Enter")
    expect_refreshed(listed, before)
    assert frame.evaluate("frame => frame.scrollHeight - frame.clientHeight") > 0
    listed.wait_for_function("frame => frame.scrollTop === 0", arg=frame.element_handle())


HEARS = """async source => {
  const { default: draw } = await import(source);
  const heard = new Set();
  document.addEventListener = (name, hear, { signal }) => {
    heard.add(name);
    signal.addEventListener("abort", () => heard.delete(name));
  };
  const column = { name: "Name", width: "100%", opens: true };
  const data = { columns: [column], rows: [], colours: {}, chosen: null, main: true, steady: "all" };
  const end = draw({ data, parentElement: document.body });
  const before = [...heard];
  end();
  return [before, [...heard]];
}"""


def test_a_list_that_is_gone_hears_nothing_of_the_document_which_would_keep_it(browser):
    page = browser.new_page()
    page.set_content(TABLE_HTML)
    code = "".join(read_file(BROWSER, f"{name}.js") for name in ("clocks", "table"))
    assert page.evaluate(HEARS, f"data:text/javascript,{quote(code)}") == [["scroll", "keydown"], []]
    page.close()


@pytest.fixture
def counting(browser):
    """A page at rest on which the counters of two parts have begun, with a clock that only the test moves."""
    page = browser.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.set_content(RESTING)
    source = "data:text/javascript," + quote(read_file(BROWSER, "clocks.js") + read_file(BROWSER, "refresh.js"))
    page.evaluate(COUNT, [source, ["first", "second"]])
    yield page
    page.close()


def test_two_parts_that_are_due_at_once_are_requested_one_after_the_other(counting):
    counting.clock.run_for(2000)
    assert counting.evaluate("window.asked") == ["first"]
    counting.evaluate("window.counters[0]('drawn')")
    counting.clock.run_for(200)
    assert len(counting.evaluate("window.asked")) == 2


def test_a_lost_request_holds_the_others_up_for_three_seconds(counting):
    counting.clock.run_for(3000)
    assert counting.evaluate("window.asked") == ["first"]
    counting.clock.run_for(800)
    assert len(counting.evaluate("window.asked")) == 2


BEGIN, END = "2026-01-01T08:15:00Z", "2026-01-02T09:30:00Z"
DIGITS = ["2026", "01", "01", "08", "15", "2026", "01", "02", "09", "30"]


@pytest.mark.full
@pytest.mark.parametrize(
    ("address", "button"),
    take_few(
        [
            (f"/notifications?from={BEGIN}&to={END}", "own"),
            (f"/?range=own&own={BEGIN}/{END}", "own"),
            (f"/audit?range=own&own={BEGIN}/{END}", "own"),
            (f"/?part={BEGIN}/{END}", "part"),
        ],
        2,
    ),
)
def test_fields_that_are_opened_after_refreshes_have_the_range_of_the_link(live, watch, address, button):
    page = watch(live.url, timezone_id="UTC").open(f"{address}&refresh=1+s")
    expect_refreshed_twice(page)
    linked = page.url
    page.locator(f".st-key-{button}-popover button").click()
    digits = page.locator("[data-testid=stDateTimeInput] [role=spinbutton]")
    expect(digits).to_have_text(DIGITS)
    expect_refreshed_twice(page)
    assert page.url == linked
    digits.first.focus()
    page.keyboard.type("202601010730")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("2026-01-01T07%3A30.*2026-01-02T09%3A30"))


def expect_refreshed_twice(page):
    """Wait for a drawing that began when the browser had drawn all of the one before."""
    for _ in range(2):
        expect_refreshed(page, drawn_at(page))
