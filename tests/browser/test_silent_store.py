"""Every page says that the store does not answer and since when, whether it was open before or is opened meanwhile."""

import os
import re
import signal
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from analytics.pages.shared.components import BROWSER, read_file
from analytics.pages.shared.silence import PULSE_HTML
from tests.browser.audited import SERVER, send
from tests.browser.conftest import Live
from tests.browser.test_not_running import is_dimmed
from tests.browser.watching import drawn_at, expect_refreshed, find_field
from tests.support.browsing import a_dashboard
from tests.support.pages import pages
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver, running, stopped
from tests.support.sizes import take_few
from tests.support.slow_store import a_slow_store
from tests.support.waiting import until

pytestmark = pytest.mark.browser

SILENT = ".silent"
SAYS_SINCE = re.compile(r"^The store has (not answered|been slow with queries) for \d+ (s|min), since \d\d:\d\d:\d\d\.")
SOON = 20_000  # ms: 5 s on a machine that has nothing else to do
KEPT = ".st-key-freshness"
LAMP = ".st-key-freshness .age"


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    data_dir = tmp_path_factory.mktemp("silent") / "data"
    # Or `serve` would replace the store that a test has stopped, where the machine is slow.
    with (
        running(PreparedReceiver, data_dir, CLC_HANG_SECONDS="3600") as receiver,
        a_dashboard(data_dir, receiver.query_url, CLC_LISTEN=receiver.url.removeprefix("http://")) as url,
    ):
        yield Live(receiver, url)


@pytest.fixture(scope="module", autouse=True)
def _history(live):
    send(live)


def addresses(*, refresh="5+s"):
    shown = pages(SERVER, 1)
    named = take_few(("Activity", "SQL", "Health", "Set up", "Audit", "Notifications", "Alerts", "search", "Entity"), 5)
    return {name: shown[name].address.replace("refresh=off", f"refresh={refresh}") for name in named}


def says_that_the_store_is_silent(page):
    expect(page.locator(SILENT)).to_contain_text(SAYS_SINCE, timeout=SOON)


def goes_on_counting(page):
    said = page.locator(KEPT).inner_text()
    assert " ago" in said
    until(lambda: page.locator(KEPT).inner_text() != said, what="an age that counts")


def test_each_page_says_since_when_the_store_hangs_dims_what_it_shows_counts_on_and_goes_on_by_itself(live, watch):
    asked = take_few(addresses(refresh="30+s").items(), 2)
    opened = {name: watch(live.url, beside=True).open(address) for name, address in asked}
    for name, page in opened.items():
        expect(page.locator(KEPT)).to_contain_text("newest")
        expect(page.locator(SILENT)).to_be_hidden()
        # A drawing that waits for the store dims what it draws, too.
        expect(page.locator(pages(SERVER, 1)[name].drawn).first).to_be_visible()
        expect(page.locator("[data-stale=true]")).to_have_count(0)
    with stopped(live.receiver.children()["store"]):
        for page in opened.values():
            says_that_the_store_is_silent(page)
            goes_on_counting(page)
        assert is_dimmed(opened["Activity"], ".st-key-live")
        assert not is_dimmed(opened["Activity"], SILENT)
        said = opened["Activity"].locator(SILENT).bounding_box()
        assert said["y"] + said["height"] == opened["Activity"].viewport_size["height"]
        assert not is_dimmed(opened["SQL"], ".st-key-sql-editor")
    for page in opened.values():
        expect(page.locator(SILENT)).to_be_hidden()


@pytest.mark.full
def test_a_page_that_is_opened_while_the_store_hangs_says_so_and_since_when_and_is_drawn_once_it_goes_on(live, watch):
    with stopped(live.receiver.children()["store"]):
        opened = {name: watch(live.url, beside=True) for name in addresses()}
        for name, address in addresses().items():
            opened[name].page.goto(live.url + address)
            away = opened[name].page.locator(".st-key-not-running")
            expect(away).to_contain_text("The store does not answer", timeout=SOON)
            expect(away).to_contain_text(re.compile(r"began at \d\d:\d\d:\d\d UTC, \d+ s ago"))
            expect(away).not_to_contain_text("start the receiver")
            says_that_the_store_is_silent(opened[name].page)
            expect(opened[name].page.locator(LAMP)).to_have_attribute("data-lamp", "old")
            expect(opened[name].page).to_have_title(re.compile("^● no answer · "))
            expect(opened[name].page.locator(SILENT)).not_to_contain_text("What you see")
            assert not is_dimmed(opened[name].page, ".st-key-not-running")
    for name in addresses():
        expect(opened[name].page.locator(KEPT)).to_contain_text("newest")


@pytest.mark.full
def test_health_tells_what_the_listener_and_serve_know_while_the_store_hangs(live, watch):
    page = watch(live.url).open("/health")
    expect(page.locator(".st-key-health-state")).to_contain_text("All is well")
    newcomer = watch(live.url)
    with stopped(live.receiver.children()["store"]):
        newcomer.page.goto(live.url + "/health")
        for shown in (page, newcomer.page):
            signs = shown.locator(".st-key-health-signs tbody tr")
            expect(signs.first).to_contain_text("takes notifications", timeout=SOON)
            expect(signs.nth(1)).to_contain_text("Store")
            expect(signs.nth(1).locator("td").nth(2)).to_have_text("✗ red")
            store = shown.locator(".st-key-health-processes-written tbody tr", has_text=re.compile("^store"))
            expect(store.locator("td").nth(1)).to_have_text("runs, does not answer")
            assert not re.search(r"\dT\d\d:|`", shown.get_by_test_id("stMain").inner_text())
        expect(page.locator(".st-key-health-state")).to_be_hidden()
    expect(page.locator(".st-key-health-signs")).to_have_count(0)
    said = re.compile(r"\d+ silences? in the last hour")
    expect(page.locator(".st-key-health-state")).to_contain_text(said, timeout=SOON)
    expect(watch(live.url).open("/").locator(".st-key-sign-health button").first).to_contain_text(said, timeout=SOON)
    silences = page.locator(".st-key-health-silences tbody tr")
    page.set_viewport_size({"width": 1280, "height": 600})
    expect(silences.first).not_to_be_in_viewport()
    page.get_by_role("button", name="See the silences").click()
    expect(silences.first).to_be_in_viewport()
    expect(silences.first).to_contain_text("It stood still, and went on by itself.", timeout=SOON)
    expect(silences.first.locator("td").nth(2)).to_have_text("store")


@pytest.mark.full
def test_while_the_store_hangs_health_and_activity_call_nothing_of_it_ok(live, watch):
    health, activity = (watch(live.url).open(address) for address in ("/health", "/?refresh=1+s"))
    states = health.locator('[class*="st-key-health-"][class*="-card"] td:nth-child(3)')
    expect(states.filter(has_text="✓ ok")).not_to_have_count(0)
    with stopped(live.receiver.children()["store"]):
        store = health.locator(".st-key-health-running tbody tr", has_text=re.compile("^Store"))
        expect(store).to_have_text(re.compile("does not answer.*✗ red"))
        expect(states.filter(has_text="✓ ok")).to_have_count(0)
        expect(health.locator(".st-key-health-tiles")).not_to_contain_text("✓ ok")
        expect(health.locator(".st-key-health-processes tbody tr", has_text=re.compile("^store"))).to_contain_text(
            "runs, does not answer"
        )
        expect(activity.locator(".st-key-sign-health button").first).to_have_text(re.compile("Store does not answer"))


@pytest.mark.full
def test_a_store_that_is_slow_with_its_queries_is_said_on_each_page_and_a_click_still_leads_elsewhere(live, watch):
    with a_slow_store(live.receiver.query_url) as slow, a_dashboard(live.receiver.data_dir, slow.url) as url:
        asked = {name: address for name, address in addresses(refresh="1+s").items() if name in ("Activity", "Health")}
        opened = {name: watch(url, beside=True).open(address) for name, address in asked.items()}
        slow.lets_through.clear()
        newcomer = watch(url)
        newcomer.page.goto(url + "/audit")
        for page in (*opened.values(), newcomer.page):
            says_that_the_store_is_silent(page)
        page = opened["Activity"]
        page.get_by_role("link", name="Set up").click()
        expect(page.locator(".st-key-title h3")).to_have_text("Set up", timeout=SOON)
        slow.lets_through.set()
        for page in (*opened.values(), newcomer.page):
            expect(page.locator(SILENT)).to_be_hidden()


@pytest.mark.full
def test_a_store_that_is_killed_is_said_until_it_is_back(live, watch):
    page = watch(live.url).open("/?refresh=off")
    expect(page.locator(KEPT)).to_contain_text("newest")
    # Its start is held up, or it would be back before a page could say anything.
    pid = live.receiver.children()["store"]
    os.kill(live.receiver.process.pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    newcomer = watch(live.url)
    try:
        newcomer.page.goto(live.url)
        for shown in (page, newcomer.page):
            says_that_the_store_is_silent(shown)
        expect(newcomer.page.locator(".st-key-not-running")).to_contain_text("clc-receiver serve restarts a store")
    finally:
        os.kill(live.receiver.process.pid, signal.SIGCONT)
    expect(page.locator(SILENT)).to_be_hidden()


@pytest.mark.full
def test_without_serve_or_without_the_dashboard_itself_an_open_page_says_so_and_its_age_counts(watch, tmp_path):
    with (
        running(PreparedReceiver, tmp_path / "data") as receiver,
        a_dashboard(receiver.data_dir, receiver.query_url) as url,
    ):
        Live(receiver, url).simulate("--event", "Account.Updated", "--account", "DEMO")
        page = watch(url).open("/health?refresh=30+s")
        expect(page.locator(KEPT)).to_contain_text("newest")
        receiver.stop()
        expect(page.locator(SILENT)).to_contain_text("start one with clc-receiver serve", timeout=SOON)
        expect(page.locator(".st-key-health-signs")).to_contain_text("the sender never tries again")
    expect(page.locator(SILENT)).to_contain_text("The dashboard's server has not answered", timeout=SOON)
    goes_on_counting(page)


@pytest.mark.full
def test_an_open_page_goes_on_by_itself_once_the_dashboard_was_started_again(live, watch):
    address = free_address()
    place = (live.receiver.data_dir, live.receiver.query_url)
    with a_dashboard(*place, address=address) as url:
        page, editor = watch(url).open("/?range=all&refresh=1+s"), watch(url).open("/sql?refresh=off")
        editor.locator(".st-key-sql-editor .cm-content").fill("SELECT 40")
        before = page.locator(".st-key-live").inner_text()
    expect(page.locator(SILENT)).to_contain_text("The dashboard's server has not answered", timeout=SOON)
    expect(page.locator(".st-key-freshness .age")).to_have_attribute("data-lamp", "old")
    expect(page.get_by_role("dialog")).to_have_count(0)
    live.simulate("--event", "Account.Updated", "--account", "DEMO")
    with a_dashboard(*place, address=address):
        expect(page.locator(SILENT)).to_be_hidden(timeout=SOON)
        expect(page.locator(".st-key-live")).not_to_have_text(before, timeout=SOON)
        expect(page.locator(".st-key-freshness .age")).to_have_attribute("data-lamp", "fresh")
        expect(editor.locator(".st-key-sql-editor .cm-content")).to_have_text("SELECT 40")
        before = drawn_at(page)
        expect_refreshed(page, before)


@pytest.mark.full
def test_a_page_of_which_the_server_knows_no_part_any_more_is_loaded_again(live, watch):
    knows = [True]

    def route(socket):
        server = socket.connect_to_server()
        # The name of a fragment is 32 hexadecimal digits.
        socket.on_message(
            lambda message: server.send(message if knows[0] else re.sub(rb"[0-9a-f]{32}", b"0" * 32, message))
        )

    watched = watch(live.url)
    watched.page.route_web_socket(re.compile("/_stcore/stream"), route)
    page = watched.open("/?range=all&refresh=1+s")
    expect_refreshed(page, drawn_at(page))
    with page.expect_event("load", timeout=2 * SOON):
        knows[0] = False
    knows[0] = True
    expect_refreshed(page, drawn_at(page))


@pytest.mark.full
def test_a_page_that_is_reached_while_the_store_hangs_has_its_filters_once_it_goes_on(live, watch):
    opened, reached = watch(live.url), watch(live.url).open(f"/audit?refresh=off&entity={SERVER}")
    before = drawn_at(reached)
    reached.get_by_test_id("stHeader").get_by_role("link", name="Notifications").click()
    expect(reached.locator(".st-key-notifications tbody tr")).not_to_have_count(0)
    expect_refreshed(reached, before)
    with stopped(live.receiver.children()["store"]):
        opened.page.goto(f"{live.url}/audit?refresh=off&entity={SERVER}")
        says_that_the_store_is_silent(reached)
        reached.go_back()
        for page in (opened.page, reached):
            expect(page.locator(".st-key-not-running")).to_contain_text("The store does not answer", timeout=SOON)
    for page in (opened.page, reached):
        expect(page.locator(".st-key-title h3")).to_have_text("Audit")
        expect(find_field(page, "textbox", "Entity contains")).to_have_value(SERVER)
        expect(page).to_have_url(f"{live.url}/audit?refresh=off&entity={SERVER}")


WAKES = """async source => {
  window.fetch = async () => Response.json({ silence: null, listener: null, senders: 1, known: true });
  const { default: draw } = await import(source);
  const data = { turn: "1", patience: 4, address: "pulse", silence: null, senders: 1, drawn_with: 1 };
  draw({ data, parentElement: document.body });
}"""


def test_a_page_whose_machine_slept_waits_for_an_answer_before_it_says_that_the_store_gave_none(browser):
    page = browser.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.set_content(f"{PULSE_HTML}<base href='http://localhost/'>")
    code = "".join(read_file(BROWSER, f"{name}.js") for name in ("clocks", "pulse"))
    page.evaluate(WAKES, f"data:text/javascript,{quote(code)}")
    page.clock.run_for(2000)
    page.clock.fast_forward(8 * 3600 * 1000)
    assert page.locator(SILENT).is_hidden()
    page.evaluate("() => { window.fetch = async () => { throw new Error(); }; }")
    page.clock.run_for(6000)
    expect(page.locator(SILENT)).to_contain_text("The dashboard's server has not answered")
    # Behind a proxy: it may want another log-in, or not reach the dashboard.
    page.evaluate("() => { window.fetch = async () => new Response('Log in'); }")
    page.clock.run_for(2000)
    expect(page.locator(SILENT)).to_contain_text(re.compile("server has not answered.*Your log-in may have ended"))
    page.evaluate("() => { window.clcRequest.answeredAt = [performance.now(), Date.now()]; }")
    page.clock.run_for(2000)
    assert page.locator(SILENT).is_hidden()
    page.evaluate("() => { window.fetch = async () => new Response('', { status: 502 }); }")
    page.clock.run_for(6000)
    expect(page.locator(SILENT)).to_contain_text(re.compile("server has not answered.*goes on as soon as it does"))
    # What the server said last of the store is old, too.
    page.evaluate("""() => {
      const silence = { slow: false, age: 9, reason: "" };
      window.fetch = async () => Response.json({ silence, listener: null, senders: 1, known: true });
    }""")
    page.clock.run_for(2000)
    expect(page.locator(SILENT)).to_contain_text("The store has not answered")
    page.evaluate("() => { window.fetch = async () => new Response('Log in'); }")
    page.clock.run_for(6000)
    expect(page.locator(SILENT)).to_contain_text("Your log-in may have ended")
    page.close()


@pytest.mark.full
def test_a_listener_that_hangs_while_the_store_is_well_is_said_and_nothing_is_dimmed(live, watch):
    names = ("Activity", "Set up", "Health")
    opened = {name: watch(live.url, beside=True).open(addresses(refresh="1+s")[name]) for name in names}
    with stopped(live.receiver.children()["listener"]):
        for name in names:
            said = re.compile(
                r"^The listener has not answered for \d+ s, since \d\d:\d\d:\d\d\. The sender never tries"
            )
            expect(opened[name].locator(SILENT)).to_contain_text(said, timeout=SOON)
        state = opened["Health"].locator(".st-key-health-state")
        expect(state).to_contain_text("Act now")
        assert not is_dimmed(opened["Activity"], ".st-key-live")
    for page in opened.values():
        expect(page.locator(SILENT)).to_be_hidden()
