"""What the scripts of a page request by themselves: one drawing at a time."""

from urllib.parse import quote

import pytest

from analytics.pages.shared.components import BROWSER, read_file

pytestmark = pytest.mark.browser

RESTING = '<div data-testid="stApp" data-test-script-state="notRunning"></div>'
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


@pytest.fixture
def page(usual):
    """A page at rest on which the counters of two parts have begun, with a clock that only the test moves."""
    page = usual.new_page()
    page.clock.install()
    page.set_content(RESTING)
    source = "data:text/javascript," + quote(read_file(BROWSER, "clocks.js") + read_file(BROWSER, "refresh.js"))
    page.evaluate(COUNT, [source, ["first", "second"]])
    yield page
    page.close()


def test_two_parts_that_are_due_at_once_are_requested_one_after_the_other(page):
    page.clock.run_for(2000)
    assert page.evaluate("window.asked") == ["first"]
    page.evaluate("window.counters[0]('drawn')")
    page.clock.run_for(200)
    assert len(page.evaluate("window.asked")) == 2


def test_a_lost_request_holds_the_others_up_for_three_seconds(page):
    page.clock.run_for(3000)
    assert page.evaluate("window.asked") == ["first"]
    page.clock.run_for(800)
    assert len(page.evaluate("window.asked")) == 2
