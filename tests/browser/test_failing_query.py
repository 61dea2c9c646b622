"""A query that fails empties no page: it stays as it was, dimmed and with its age, and says what failed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.audited import SERVER, send
from tests.browser.conftest import Live
from tests.browser.test_not_running import MARK, is_dimmed
from tests.browser.watching import choose, drawn_at, fill
from tests.support.browsing import a_dashboard
from tests.support.pages import pages
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.slow_store import BUSY, TIMEOUT, a_slow_store
from tests.support.waiting import until

pytestmark = pytest.mark.browser

AGE = ".st-key-freshness"
WARNING = "[class*=st-key-trouble-]"
SHOWN = {
    "Activity": ".st-key-live",
    "Notifications": ".st-key-notifications table",
    "Alerts": ".st-key-in-alarm-card",
    "Audit": ".st-key-changes table",
    "Entity": ".st-key-steps table",
    "Health": ".st-key-health-state",
    "Set up": ".st-key-targets",
}
LAST_OF_EACH = {
    "ORDER BY\\n    events DESC, name\\nLIMIT $most",
    "AS fresh\\nFROM notifications",
    "WHERE seq = $seq) AS id_then",
    "WHERE kind = 'unseen'",
    "ORDER BY occurred_at DESC, seq DESC\\nLIMIT $page_rows",
    "/status",
    "max(received_at) AS last, count(*) AS notifications",
}
"""Parts of a query that each of these pages puts after others."""


@pytest.fixture(scope="module")
def place(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    data_dir = tmp_path_factory.mktemp("failing") / "data"
    with (
        running(PreparedReceiver, data_dir) as receiver,
        a_slow_store(receiver.query_url) as slow,
        a_dashboard(data_dir, slow.url) as url,
    ):
        send(Live(receiver, url))
        yield slow, url


@pytest.fixture(autouse=True)
def _as_usual(place):
    yield
    place[0].failing, place[0].failure = set(), TIMEOUT
    place[0].held_back.clear()


def address_of(name, refresh):
    return pages(SERVER, 1)[name].address.replace("refresh=off", f"refresh={refresh}&range=all")


def goes_on_counting(page):
    said = page.locator(AGE).inner_text()
    assert re.match(r"\d+ s ago · newest ", said), said
    until(lambda: page.locator(AGE).inner_text() != said, what="an age that counts")


@pytest.mark.full
def test_while_a_query_of_it_fails_each_page_stays_as_it_was_dimmed_with_its_age_and_goes_on_by_itself(place, watch):
    slow, url = place
    opened = {name: watch(url, beside=True).open(address_of(name, "1+s")) for name in take_few(SHOWN, 1)}
    for name, page in opened.items():
        expect(page.locator(AGE)).to_contain_text("newest")
        page.locator(SHOWN[name]).evaluate(MARK)
    slow.failing = LAST_OF_EACH
    for name, page in opened.items():
        expect(page.locator(WARNING)).to_contain_text("This query failed. The query took longer than 30 s")
        expect(page.locator(WARNING)).to_contain_text("Below is what was shown before.")
        until(lambda page=page, name=name: is_dimmed(page, SHOWN[name]), what=f"{name} dimmed")
        goes_on_counting(page)
        before, failed = drawn_at(page), slow.failed
        until(lambda failed=failed: slow.failed > failed + len(opened), what="some more tries of all pages")
        assert drawn_at(page) == before
        assert is_dimmed(page, SHOWN[name])
        assert page.locator(SHOWN[name]).evaluate("node => node.markedByTest"), name
    assert not is_dimmed(opened["Activity"], AGE)
    assert not is_dimmed(opened["Activity"], WARNING)
    slow.failing = set()
    for name, page in opened.items():
        expect(page.locator(WARNING)).to_have_count(0)
        until(lambda page=page, name=name: not is_dimmed(page, SHOWN[name]), what=f"{name} as usual")
        assert page.locator(SHOWN[name]).evaluate("node => node.markedByTest"), name


@pytest.mark.full
def test_while_all_queries_are_refused_as_too_many_a_filter_says_what_was_not_shown_before_and_then_is_heeded(
    place, watch
):
    slow, url = place
    page = watch(url).open("/notifications?refresh=off")
    rows = page.locator(".st-key-notifications tbody tr")
    expect(rows.filter(has_text=SERVER)).not_to_have_count(0)
    slow.failing, slow.failure = {"SELECT"}, BUSY
    choose(page, "Account", "ROOT")
    expect(page.locator(WARNING)).to_contain_text("The receiver is busy; this is tried again.")
    expect(page.locator(".st-key-not-kept")).to_contain_text("loaded as soon as the receiver answers")
    slow.failing = set()
    expect(page.locator(WARNING)).to_have_count(0)
    expect(page.locator(".st-key-not-kept")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Account", exact=True)).to_have_value(re.compile("ROOT"))
    expect(rows.filter(has_text=SERVER)).not_to_have_count(0)


@pytest.mark.full
@pytest.mark.parametrize("refresh", ["1+s", "off"])
def test_a_page_that_was_never_shown_says_what_failed_alone_and_is_drawn_as_soon_as_nothing_does(place, watch, refresh):
    slow, url = place
    slow.failing = LAST_OF_EACH
    page = watch(url)
    page.page.goto(url + address_of("Entity", refresh))
    page = page.page
    expect(page.locator(WARNING)).to_contain_text("This query failed. The query took longer than 30 s")
    expect(page.locator(WARNING)).not_to_contain_text("shown before")
    expect(page.locator(".st-key-steps")).to_have_count(0)
    slow.failing = set()
    expect(page.locator(".st-key-steps tbody tr")).not_to_have_count(0)
    expect(page.locator(WARNING)).to_have_count(0)


def paleness(page, shown):
    return float(
        page.locator(shown).evaluate("""element => {
      let opacity = 1;
      for (let each = element; each; each = each.parentElement) opacity *= getComputedStyle(each).opacity;
      return opacity;
    }""")
    )


@pytest.mark.full
def test_after_a_choice_older_values_are_pale_until_new_ones_are_there(place, watch):
    slow, url = place
    page, shown = watch(url).open("/audit?refresh=off&range=all"), ".st-key-changes"
    page.locator(shown).wait_for()
    for label, text in (("Actor", "svc"), ("Actor", "svc_"), ("Field", "cpu"), ("Field", "memory")):
        slow.held_back.add("kind = 'unseen'")
        fill(page, f"{label} contains", text)
        until(lambda: paleness(page, shown) < 0.6, what="pale values")
        slow.held_back.clear()
        until(lambda: paleness(page, shown) == 1, what="new values")


@pytest.mark.full
def test_a_refresh_leaves_what_is_shown_as_it_is_also_where_a_query_fails(place, watch):
    slow, url = place
    page, shown = watch(url).open("/audit?refresh=1+s&range=all"), ".st-key-changes"
    page.locator(f"{shown} table").wait_for()
    slow.held_back.add("kind = 'unseen'")
    expect(page.locator("[data-stale=true] table")).not_to_have_count(0)
    page.wait_for_function("() => document.getAnimations().every(each => each.playState === 'finished')")
    assert paleness(page, shown) == 1
    slow.failing = set(slow.held_back)
    slow.held_back.clear()
    until(lambda: paleness(page, shown) < 0.7, what="dimmed values")
    slow.held_back |= slow.failing
    expect(page.locator(f"{shown}[data-stale=true]")).to_have_count(1)
    assert paleness(page, shown) < 0.7
