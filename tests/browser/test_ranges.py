"""The range of Notifications: the brush on its histogram, and the fields that do the same."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.watching import choose, expect_total

pytestmark = [pytest.mark.browser, pytest.mark.full, pytest.mark.usefixtures("tabs")]

STILL = "/notifications?refresh=off"


@pytest.fixture(scope="module")
def live(audited):
    return audited


def expect_preset(page, name):
    expect(page.get_by_role("combobox", name="Received in the last")).to_have_value(name)


def test_a_brush_narrows_the_range_as_the_fields_do_and_back_widens_it_again(live, watch):
    page = watch(live.url).open(STILL)
    chart = page.locator(".st-key-histogram svg.marks")
    box = chart.bounding_box()
    total = live.one("SELECT count(*) FROM events")
    expect_total(page, total)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 50, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=4)
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=.*to="))
    since, end = re.search(r"from=([^&]+)&to=([^&]+)", page.url).groups()
    narrowed = live.one(
        "SELECT count(*) FROM events WHERE received_at >= ?::TIMESTAMP AT TIME ZONE 'UTC' "
        "AND received_at < ?::TIMESTAMP AT TIME ZONE 'UTC'",
        since.replace("%3A", ":"),
        end.replace("%3A", ":"),
    )
    if narrowed:
        expect_total(page, narrowed)
    else:
        expect(page.locator(".st-key-nothing")).to_be_visible()
    expect(page.locator(".st-key-own-popover")).to_contain_text(since[:10])
    expect_preset(page, "own")
    expect(page.locator(".st-key-when")).to_have_count(0)
    choose(page, "Received in the last", "7 d")
    expect(page).to_have_url(re.compile(r"refresh=off&when=7(\+|%20)d$"))
    expect(page.locator(".st-key-when-own")).to_have_count(0)
    expect_preset(page, "7 d")
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.go_back()
    expect_preset(page, "own")
    page.go_back()
    expect(page.locator(".st-key-own-popover")).to_contain_text("Own range")
    expect_preset(page, "all")
    expect_total(page, total)


def test_the_fields_of_the_range_do_what_the_brush_does(live, watch):
    page = watch(live.url, timezone_id="Europe/Berlin").open(STILL + "&from=2026-01-01T00:00:00&to=2026-01-01T10:00:00")
    expect(page.locator(".st-key-nothing")).to_contain_text("No notification")
    expect(page.locator(".st-key-histogram")).to_have_count(0)
    expect_preset(page, "own")
    page.get_by_role("button", name="2026-01-01 01:00 to 11:00").click()
    begin = page.locator("[class*=st-key-from-choice-]")
    expect(begin).to_contain_text("From (Berlin)")
    expect(begin.get_by_role("spinbutton", name="hour")).to_have_text(re.compile("0?1"))
    begin.get_by_role("spinbutton").first.focus()
    page.keyboard.type("202501010130")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("from=2025-01-01T00"))
    expect(page.locator(".st-key-own-popover")).to_contain_text("2025-01-01 01:30 to 2026-01-01 11:00")
    page.get_by_role("button", name="Remove this range").click()
    expect_total(page, live.one("SELECT count(*) FROM events"))
    expect(page).not_to_have_url(re.compile("from=|to="))
    expect_preset(page, "all")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-histogram svg.marks")).to_contain_text("times in Berlin")
