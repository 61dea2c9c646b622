"""Audit waits for findings that are not computed yet, says so, and shows no older ones in their place."""

import json
import re

import pytest
from playwright.sync_api import expect

from analytics import connect
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER
from analytics.times import EPOCH
from tests.browser.audited import ago, send, server
from tests.browser.conftest import Live
from tests.browser.watching import choose, drawn_at, expect_refreshed, row_of
from tests.support.browsing import a_dashboard
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.slow_store import a_slow_store
from tests.support.waiting import until

pytestmark = pytest.mark.browser

COMPUTING = {"$seen"}  # only the first query of the rules' look has it
WAITING = ".st-key-looking"
TIMEOUT = 5  # a rule that takes longer on a busy machine lacks its findings
TAKES_LONG = f"This takes longer than {TIMEOUT} s"


@pytest.fixture(scope="module")
def place(browser, tmp_path_factory):  # noqa: ARG001 - without one there is nothing to start
    data_dir = tmp_path_factory.mktemp("waiting") / "data"
    with (
        running(PreparedReceiver, data_dir) as receiver,
        a_slow_store(receiver.query_url) as slow,
        a_dashboard(data_dir, slow.url, CLC_QUERY_TIMEOUT_SECONDS=str(TIMEOUT)) as url,
    ):
        send(Live(receiver, url))
        yield slow, Live(receiver, url)


@pytest.fixture(autouse=True)
def _as_usual(place):
    yield
    place[0].held_back = set()


def new_finding(live, monkeypatch, name, public):
    """Let a server get a public address, and return the id of the finding that this makes."""
    for at, more in ((ago(1), {}), (ago(0.5), {"public": public})):
        body = json.dumps(server(at, "SVC_OPS", name=name, **more)).encode()
        assert live.receiver.sender.post("/webhooks/Server.Updated", body).status == 200
    monkeypatch.setenv("CLC_QUERY_TOKEN", live.receiver.token)
    with connect(live.receiver.query_url) as client:
        return until(
            lambda: next((one.id for one in find(client, EPOCH, FOREVER).findings if public in one.sentence), None),
            what="a finding",
        )


@pytest.mark.full
def test_a_link_to_a_finding_of_just_now_waits_for_it_says_when_that_takes_long_and_shows_it(place, watch, monkeypatch):
    slow, live = place
    watch(live.url).open("/audit?refresh=off")
    slow.held_back = COMPUTING
    finding = new_finding(live, monkeypatch, "WA1ACMELINK01", "203.0.113.77")
    page = watch(live.url).open(f"/audit?refresh=off&finding={finding}")
    expect(page.locator(WAITING)).to_contain_text(re.compile(r"Findings up to \d\d:\d\d:\d\d UTC are being computed"))
    expect(page.locator(WAITING)).to_contain_text(TAKES_LONG)
    page.get_by_role("button", name="Look again").click()
    # What was there before stays until the page is drawn.
    expect(page.locator(WAITING).last).not_to_contain_text(TAKES_LONG)
    expect(page.locator(WAITING).last).to_contain_text(TAKES_LONG)
    expect(page.get_by_text("Not found")).to_have_count(0)
    slow.held_back = set()
    expect(page.locator(".st-key-detail-name [data-testid=stText]")).to_contain_text("Public address")
    expect(page.locator(".st-key-detail")).to_contain_text("203.0.113.77")
    expect(page.locator(WAITING)).to_have_count(0)


@pytest.mark.full
def test_activity_is_drawn_before_findings_are_known_says_so_and_shows_their_number_then(place, watch, monkeypatch):
    slow, live = place
    before = watch(live.url).open("/?refresh=off").locator(".st-key-sign-findings button").first
    expect(before).to_contain_text(re.compile(r"\d+ finding"))
    count = int(re.search(r"(\d+) finding", before.inner_text())[1])
    slow.held_back = COMPUTING
    new_finding(live, monkeypatch, "WA1ACMESIGN01", "203.0.113.80")
    page = watch(live.url).open("/?refresh=off")
    sign = page.locator(".st-key-sign-findings button").first
    expect(sign).to_contain_text("being computed")
    expect(page.locator(".st-key-sign-refused button").first).to_contain_text("0 refused")
    # Nor do older ones come when the page is drawn again before they are known.
    choose(page, "Time range", "7 d")
    expect(page).to_have_url(re.compile("range=7"))
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(sign).to_contain_text("being computed")
    slow.held_back = set()
    expect(sign).to_contain_text(f"{count + 1} findings")


@pytest.mark.full
def test_activity_waits_for_findings_while_it_is_drawn_twice_without_a_pause(place, watch, monkeypatch):
    """The second drawing begins before the browser has got the end of the first, which says what the page waits for."""
    slow, live = place

    def ask_twice(socket):
        server = socket.connect_to_server()
        socket.on_message(lambda message: (server.send(message), server.send(message)))

    slow.held_back = COMPUTING
    new_finding(live, monkeypatch, "WA1ACMETWICE1", "203.0.113.81")
    watched = watch(live.url)
    watched.page.route_web_socket(re.compile("/_stcore/stream"), ask_twice)
    page = watched.open("/?refresh=1+s")
    sign = page.locator(".st-key-sign-findings button").first
    for _ in range(3):
        expect(sign).to_contain_text("being computed")
        expect_refreshed(page, drawn_at(page))
    slow.held_back = set()
    expect(sign).to_contain_text(re.compile(r"\d+ finding"))


@pytest.mark.full
@pytest.mark.parametrize(("refresh", "public"), take_few([("1+s", "203.0.113.78"), ("off", "203.0.113.79")], 1))
def test_a_page_that_nobody_looked_at_for_long_waits_with_progress_and_shows_no_older_findings(
    place, watch, monkeypatch, refresh, public
):
    slow, live = place
    before = watch(live.url).open("/audit?refresh=off")
    upto = before.locator(".st-key-findings-upto")
    expect(upto).to_contain_text("Computed up to")
    computed = re.search(r"up to ([\d:]+) UTC", upto.inner_text())[1]
    slow.held_back = COMPUTING
    new_finding(live, monkeypatch, f"WA1ACMEOLD{public[-2:]}", public)
    # Older than what a page that refreshes would show.
    expect(upto).to_contain_text(re.compile(r"([2-9]\d|\d{3}) s ago|min ago"))
    page = watch(live.url).open(f"/audit?refresh={refresh}&findings=all")
    expect(page.locator(WAITING)).to_contain_text(f"So far they are computed up to {computed} UTC.")
    expect(page.locator(WAITING)).to_contain_text(TAKES_LONG)  # some refreshes later
    expect(page.locator(".st-key-findings")).to_have_count(0)
    expect(page.locator(".st-key-no-findings")).to_have_count(0)
    slow.held_back = set()
    expect(row_of(page, "findings", public)).to_be_visible()
    expect(page.locator(".st-key-findings-upto")).not_to_contain_text(computed)
