"""The page Health on a live receiver: figures, limits, and what changes when something happens."""

import re

import pytest
from playwright.sync_api import expect

from analytics import connect
from tests.browser.watching import column, texts

pytestmark = pytest.mark.browser

SOON = 20_000
CUT = "all => all.filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"


def figure(page, label):
    return page.locator("[class*=st-key-health-] tbody tr", has_text=label).first


SHORT_PIXELS = 260


@pytest.fixture(scope="module", autouse=True)
def _something_came(live):
    live.simulate("--count", "50", "--rate", "0", "--seed", "4")
    assert live.receiver.sender.post("/webhooks/Server.Updated", b"{}", {"User-Agent": "odd"}).status == 401
    live.until_refused(1)


@pytest.mark.full
def test_the_client_tells_how_the_receiver_is(live, monkeypatch):
    monkeypatch.setenv("CLC_DATA_DIR", str(live.receiver.data_dir))
    with connect(live.receiver.query_url) as client:
        status = client.status()
    assert status["serving"] is True
    values = {found["name"]: found["value"] for found in status["figures"]}
    assert values["notifications"] == 50
    assert {"reason": "signature_missing", "kept": 1, "last_hour": 1} in status["refusals"]


def test_health_shows_every_figure_with_its_state_and_its_limits(live, watch):
    page = watch(live.url).open("/health")
    expect(page.locator(".st-key-health-state")).to_be_visible()
    lag = figure(page, "Lag of the store")
    expect(lag.locator("td").nth(2)).to_have_text("✓ ok")
    expect(lag.locator("td").nth(3)).to_have_text("amber from 10 s, red from 60 s")
    expect(figure(page, "Notifications, with copies").locator("td").nth(1)).to_have_text("50")
    expect(figure(page, "Rows set aside").locator("td").nth(1)).to_have_text("0")
    expect(figure(page, "Last backup").locator("td").nth(1)).to_contain_text("none")
    expect(figure(page, "Last checkpoint").locator("td").nth(1)).to_contain_text("ago")
    expect(figure(page, "Free on the disk of the data").locator("td").nth(3)).to_have_text(
        "amber below 5 GiB, red below 1 GiB"
    )
    for name in ("Restarts since serve began", "Recoveries in the last week", "Rows waiting in the spool"):
        expect(figure(page, name)).to_be_visible()
    key = page.locator(".st-key-plain-key_fingerprint")
    expect(key.locator("code")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    expect(key.get_by_role("button", name="Copy")).to_be_visible()
    assert key.locator(".plain").bounding_box()["width"] < SHORT_PIXELS
    expect(column(page, 0, "health-refusals")).to_have_text(["signature_missing"])
    assert {"store"} <= set(texts(column(page, 0, "health-processes")))
    expect(column(page, 1, "health-processes")).to_have_text(["running"] * column(page, 1, "health-processes").count())
    for width in (1024, 700):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".st-key-health-tiles [data-testid=stMetric] *").evaluate_all(CUT) == [], width


@pytest.mark.full
def test_health_refreshes_itself(live, watch):
    page = watch(live.url).open("/health?refresh=1+s")
    expect(column(page, 2, "health-refusals")).to_have_text(["1"])
    assert live.receiver.sender.post("/webhooks/Server.Updated", b"[]").status == 400
    expect(column(page, 0, "health-refusals").filter(has_text="not_an_object")).to_be_visible(timeout=SOON)


@pytest.mark.full
def test_a_process_that_died_and_came_back_is_amber(live, watch):
    import os
    import signal

    page = watch(live.url).open("/health?refresh=1+s")
    recent = figure(page, "Restarts in the last hour")
    expect(recent.locator("td").nth(2)).to_have_text("✓ ok")
    name, pid = next((name, pid) for name, pid in live.receiver.children().items() if name != "store")
    os.kill(pid, signal.SIGKILL)
    expect(recent.locator("td").nth(2)).to_have_text("▲ amber", timeout=SOON)
    expect(page.locator(".st-key-health-state")).to_contain_text(re.compile("Look at this|Act now"))
    lamp = page.locator(".st-key-bar .age")
    expect(lamp).to_have_attribute("data-lamp", re.compile("late|old"))
    state = "red" if lamp.get_attribute("data-lamp") == "old" else "amber"
    activity = watch(live.url).open("/?refresh=off")
    expect(activity.locator(".st-key-sign-health")).to_contain_text(f"Receiver {state}")
    expect(activity.locator(".st-key-bar .age")).to_have_attribute("data-lamp", lamp.get_attribute("data-lamp"))
    line = page.locator(".st-key-health-processes tbody tr", has_text=name).first
    expect(line.locator("td").nth(3)).to_have_text("1", timeout=SOON)
