"""The page Alerts: what is in alarm, each alarm, what flaps, and the way to the server's changes before it."""

import json
import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from analytics.charts.alarms import ROW_PIXELS
from tests.browser.audited import OTHER, PUBLIC, SERVER, ago, server
from tests.browser.watching import (
    choose,
    close_filters,
    column,
    drawn_at,
    expect_refreshed,
    fill,
    go_back,
    open_filters,
    row_of,
)
from tests.support.sizes import take_few
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

NAME = ".st-key-detail-name [data-testid=stText]"
FLAPPER = "WA1SOLODB07"
PAGE = "/alerts?refresh=off"
BEGIN = ago(0)


def alert(name, metric, state, hours, account="ACME"):
    at = (BEGIN - timedelta(hours=hours)).isoformat()
    measured = {"data": {f"{metric}Percent": 91.5}, "duration": "00:05:00", "metric": metric, "state": state}
    trigger = {**measured, "stateStartTime": at, "stateEndTime": at}
    return ("Alert.Notification", {"accountAlias": account, "serverName": name, "triggers": [trigger]})


def told():
    flaps = [
        alert(FLAPPER, "memory", state, hours, "SOLO")
        for hours, state in ((30, "triggered"), (29, "notTriggered"), (28, "triggered"), (27, "notTriggered"),
                             (26, "triggered"), (25.5, "NOTTRIGGERED"))
    ]  # fmt: skip
    return [
        ("Server.Created", server(ago(5), "SVC_OPS")),
        ("Server.Updated", server(ago(4), "SVC_OPS", public=PUBLIC)),
        ("Server.Updated", server(ago(1), "SVC_OPS", public=PUBLIC, cpu=8)),
        ("Server.Created", server(ago(6), "SVC_OPS", name=OTHER)),
        alert(SERVER, "cpu", "triggered", 3),
        alert(SERVER, "disk", "triggered", 200),
        alert(SERVER, "disk", "notTriggered", 199),
        alert(OTHER, "cpu", "triggered", 2),
        ("Server.Deleted", {"accountAlias": "ACME", "name": OTHER}),
        *flaps,
    ]


def send(live, notifications):
    before = live.one("SELECT count(*) FROM notifications")
    for event, body in notifications:
        assert live.receiver.sender.post(f"/webhooks/{event}", json.dumps(body).encode()).status == 200
    until(lambda: live.one("SELECT count(*) FROM notifications") == before + len(notifications), what="the store")


@pytest.fixture(scope="module", autouse=True)
def _alerts(live):
    send(live, told())


def test_what_is_in_alarm_says_since_when_and_a_deleted_server_is_in_none(live, watch):
    page = watch(live.url).open(PAGE)
    expect(page.locator(".st-key-in-alarm-card")).to_contain_text("1 metric in alarm now")
    expect(column(page, 1, "in-alarm")).to_have_text([SERVER])
    expect(column(page, 2, "in-alarm")).to_have_text(["CPU 91.5 %"])
    expect(column(page, 3, "in-alarm").first).to_have_text(re.compile("^3 h"))


@pytest.mark.full
@pytest.mark.parametrize("width", [768, 1280, 1500])
def test_no_time_in_the_lists_is_cut_and_the_chart_s_buttons_cover_none(live, watch, width):
    page = watch(live.url, viewport={"width": width, "height": 900}).open(f"{PAGE}&range=30+d&flapping=1")
    alarms, flapping = page.locator(".st-key-alarms-card"), page.locator(".st-key-flapping-card")
    for place, key in ((3, "alarm-list"), (4, "alarm-list"), (3, "flapping-list"), (4, "flapping-list")):
        for cell in column(page, place, key).all():
            assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth"), cell.inner_text()
    names = column(page, 1, "alarm-list").all()
    assert min(name.bounding_box()["width"] for name in names) > 100
    assert (flapping.bounding_box()["y"] > alarms.bounding_box()["y"]) == (width < 1500)
    chart = page.locator(".st-key-alarms-over-time")
    times = chart.locator("svg.marks text").filter(has_text=re.compile(r"\d (min|h|d|s)\b"))
    times.first.hover(force=True)
    buttons = chart.get_by_test_id("stElementToolbar")
    expect(buttons).to_be_visible()
    covered = buttons.bounding_box()["y"] + buttons.bounding_box()["height"]
    assert covered <= min(time.bounding_box()["y"] for time in times.all())


@pytest.mark.full
def test_from_an_alarm_a_click_leads_to_its_own_notification_among_the_changes_and_back_leads_back(live, watch):
    page = watch(live.url).open(PAGE)
    row_of(page, "in-alarm", SERVER).get_by_role("button", name=SERVER).click()
    expect(page.locator(NAME)).to_have_text(SERVER)
    expect(page.locator(".st-key-step-head")).to_contain_text("Alert.Notification")
    expect(page.locator(".st-key-steps tr.chosen")).to_contain_text("alert: CPU above its threshold, at 91.5 %")
    expect(page.locator(".st-key-detail")).to_contain_text("step 5 of 6")
    steps = [
        "changed the number of CPUs from 2 to 8",
        "alert: CPU above its threshold",
        f"added public address {PUBLIC}",
        "created server",
        "alert: disk below its threshold again",
        "alert: disk above its threshold",
    ]
    expect(column(page, 3, "steps")).to_have_text([re.compile(f"^{re.escape(step)}") for step in steps])
    alarm = page.locator(".st-key-entity-alarm button")
    expect(alarm).to_have_text(re.compile(r"In alarm since 20\d\d-.*: CPU above its threshold, at 91\.5 %$"))
    page.go_back()
    expect(row_of(page, "in-alarm", SERVER)).to_be_visible()


@pytest.mark.full
def test_an_alarm_that_has_ended_is_pale_and_leads_to_the_server_in_alarm_from_then_to_then(live, watch):
    page = watch(live.url).open(f"{PAGE}&range=30+d")
    ended, lasting = (row_of(page, "alarm-list", text) for text in ("disk", "still in alarm"))
    expect(ended.locator("td.quiet")).to_have_count(5)
    expect(lasting.locator("td.quiet")).to_have_count(0)
    ended.get_by_role("button", name=SERVER).click()
    reading = r"In alarm from 20\d\d-.* to 20\d\d-.*: disk above its threshold, at 91\.5 %$"
    expect(page.locator(".st-key-entity-alarm")).to_have_text(re.compile(reading))


@pytest.mark.full
def test_the_account_of_an_alarm_leads_to_the_account(live, watch):
    page = watch(live.url).open(PAGE)
    row_of(page, "in-alarm", SERVER).get_by_role("button", name="ACME", exact=True).click()
    expect(page.locator(NAME)).to_have_text("ACME")


@pytest.mark.full
def test_the_keyboard_reaches_an_alarm_too(live, watch):
    page = watch(live.url).open(PAGE)
    row_of(page, "alarm-list", FLAPPER).get_by_role("button", name=FLAPPER).focus()
    page.keyboard.press("Enter")
    expect(page.locator(NAME)).to_have_text(FLAPPER)


def test_each_alarm_of_the_range_is_listed_and_drawn_from_begin_to_end(live, watch):
    page = watch(live.url).open(PAGE)
    expect(page.locator(".st-key-alarms-card")).to_contain_text("5 alarms in this time range")
    expect(column(page, 1, "alarm-list")).to_have_text([f"{OTHER} (deleted)", SERVER, FLAPPER, FLAPPER, FLAPPER])
    expect(column(page, 4, "alarm-list").filter(has_text="still in alarm")).to_have_count(1)
    expect(column(page, 3, "alarm-list").nth(2)).to_have_text("30 min")
    marks = page.locator(".st-key-alarms-over-time svg.marks")
    expect(marks.locator(".mark-rect[class*=marks] > path")).to_have_count(5)
    expect(marks.locator("[aria-roledescription=point]")).to_have_count(1)
    expect(marks.locator("text", has_text=FLAPPER)).to_have_count(1)


@pytest.mark.full
def test_a_bar_and_a_name_of_the_chart_lead_to_the_alarm_as_the_list_does_and_again_after_back(live, watch):
    page = watch(live.url).open(PAGE)
    marks = page.locator(".st-key-alarms-over-time svg.marks")
    targets = [marks.locator("text", has_text=FLAPPER), marks.locator("[aria-roledescription=point]").first]
    for target in take_few(targets * 2, 2):
        target.click()
        expect(page.locator(NAME)).to_have_text(re.compile(f"{FLAPPER}|{OTHER}|{SERVER}"))
        name = page.locator(NAME).inner_text()
        hours = {FLAPPER: 26, OTHER: 2, SERVER: 3}[name]
        began = f"{BEGIN - timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"
        expect(page.locator(".st-key-step-head")).to_contain_text("Alert.Notification")
        expect(page.locator(".st-key-step-when")).to_contain_text(began)
        go_back(page, "Alerts")


@pytest.mark.full
def test_what_flaps_is_what_was_in_alarm_so_many_times(live, watch):
    page = watch(live.url).open(PAGE)
    card = page.locator(".st-key-flapping-card")
    expect(column(page, 0, "flapping-list")).to_have_text([FLAPPER])
    expect(column(page, 2, "flapping-list")).to_have_text(["3"])
    expect(column(page, 3, "flapping-list")).to_have_text(["2 h 30 min"])
    number = open_filters(page).get_by_role("spinbutton", name="Flapping threshold")
    number.fill("4")
    number.press("Enter")
    expect(card).to_contain_text("0 flapping")
    expect(page).to_have_url(re.compile("flapping=4"))


@pytest.mark.full
def test_range_account_server_and_order_choose_what_is_shown_and_the_address_holds_them(live, watch):
    page = watch(live.url).open(PAGE)
    choose(page, "Time range", "28 d")
    expect(page.locator(".st-key-alarms-card")).to_contain_text("6 alarms")
    open_filters(page).locator(".st-key-order").get_by_text("Longest first", exact=True).click()
    close_filters(page)
    expect(column(page, 1, "alarm-list").first).to_have_text(SERVER)
    choose(page, "Account", "ACME")
    expect(page.locator(".st-key-alarms-card")).to_contain_text("3 alarms")
    fill(page, "Server contains", "acmeweb")
    expect(column(page, 1, "alarm-list")).to_have_text([SERVER, SERVER])
    expect(page).to_have_url(re.compile("entity=acmeweb"))

    fresh = watch(live.url).open(page.url.removeprefix(live.url))
    expect(column(fresh, 1, "alarm-list")).to_have_text([SERVER, SERVER])
    expect(column(fresh, 1, "in-alarm")).to_have_text([SERVER])
    expect(fresh.get_by_role("combobox", name="Time range")).to_have_value("28 d")
    filters = open_filters(fresh)
    expect(filters.locator(".st-key-order :is([aria-checked=true], [data-testid*=Active])")).to_have_text(
        "Longest first"
    )
    filters.get_by_role("button", name="Clear filters", exact=True).click()
    expect(fresh.locator(".st-key-alarms-card")).to_contain_text("3 alarms")
    expect(fresh).to_have_url(re.compile("account=ACME.*range=28|range=28.*account=ACME"))


@pytest.mark.full
def test_filters_that_leave_nothing_say_so(live, watch):
    page = watch(live.url).open(f"{PAGE}&entity=no-such-server")
    expect(page.locator(".st-key-in-alarm-card")).to_contain_text(
        "“no-such-server” in its name is in alarm now: none ever was. Outside these filters, 1 metric is in alarm."
    )
    expect(page.locator(".st-key-nothing")).to_contain_text("Clear the filters")
    page = watch(live.url).open(f"{PAGE}&entity={FLAPPER}&range=1+h")
    expect(page.locator(".st-key-in-alarm-card")).to_contain_text(
        "is in alarm now: each metric is below its threshold again"
    )
    expect(page.locator(".st-key-nothing")).to_contain_text(
        "The latest alarm ended before it. Choose a longer time range"
    )


@pytest.mark.full
def test_an_alarm_appears_and_ends_by_itself_and_a_second_one_moves_nothing_below_the_list(live, watch):
    page = watch(live.url).open("/alerts?refresh=1+s&entity=NEW01")
    card, chart = page.locator(".st-key-in-alarm-card"), page.locator(".st-key-alarms-over-time")

    def measure_room():
        expect_refreshed(page, drawn_at(page))  # or half of a drawing could be measured
        return chart.bounding_box()["y"] - card.bounding_box()["y"]

    expect(card).to_contain_text("No server with “NEW01” in its name is in alarm now")
    send(live, [alert("WA1ACMENEW01", "memory", "triggered", 0.5)])
    expect(column(page, 1, "in-alarm")).to_have_text(["WA1ACMENEW01"])
    room = measure_room()
    send(live, [alert("WA1ACMENEW01", "disk", "triggered", 0.5)])
    expect(column(page, 1, "in-alarm")).to_have_count(2)
    assert measure_room() == room
    send(live, [alert("WA1ACMENEW01", metric, "notTriggered", 0.25) for metric in ("memory", "disk")])
    expect(card).to_contain_text("No server with “NEW01” in its name is in alarm now")
    expect(column(page, 3, "alarm-list")).to_have_text(["15 min", "15 min"])
    assert measure_room() < room / 2


@pytest.mark.full
def test_on_a_phone_the_chart_fits_the_screen_and_names_stand_above_their_bars(live, watch):
    page = watch(live.url, viewport={"width": 390, "height": 844}).open(PAGE)
    marks = page.locator(".st-key-alarms-over-time svg.marks")
    name = marks.locator("text", has_text=FLAPPER)
    expect(name).to_have_count(1)
    bars = [bar.bounding_box() for bar in marks.locator(".mark-rect[class*=marks] > path").all()]
    place = name.bounding_box()
    assert place["x"] >= 0
    assert bars
    assert all(bar["x"] >= 0 and bar["x"] + bar["width"] <= 390 for bar in bars), bars
    mark = marks.locator("[aria-roledescription=point]").first.bounding_box()
    chart = marks.bounding_box()
    assert mark["x"] + mark["width"] <= chart["x"] + chart["width"], "no mark is cut at the chart's edge"
    below = [bar for bar in bars if 8 < bar["y"] - place["y"] < ROW_PIXELS]
    assert len(below) == 3, (place, bars)
    expect(column(page, 3, "alarm-list").filter(has_text="so far").first).to_be_visible()


@pytest.mark.full
def test_a_running_alarm_says_its_time_so_far_and_a_hover_over_a_name_shows_no_internals(live, watch):
    page = watch(live.url).open(PAGE)
    expect(column(page, 3, "alarm-list").filter(has_text="so far")).to_have_count(1)
    expect(page.locator(".st-key-alarms-over-time svg.marks text", has_text="ended")).to_have_count(1)
    page.locator(".st-key-alarms-over-time svg.marks text", has_text=FLAPPER).hover()
    expect(page.locator("#vg-tooltip-element.visible")).to_have_count(0)
