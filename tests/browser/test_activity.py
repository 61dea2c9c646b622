"""The page Activity: from a doubled night to the payload that tells, by clicks, and each view a link."""

import re
from datetime import datetime, timedelta
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from tests.browser.viewers import VIEWPORT
from tests.browser.watching import column, drawn_at, expect_refreshed, expect_total, go_back, row_of, tab, texts
from tests.support import night
from tests.support.sizes import size

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("tabs")]

DAY = 24 * night.AN_HOUR + night.WAVE
PART = 62  # the wave, and the two that came in its quarter of an hour anyway
REFRESHES = size(3, 8)


@pytest.fixture(scope="module", autouse=True)
def ended(live):
    return night.take_in(live)


def total(page):
    return page.locator(".st-key-live [data-testid=stMetricValue]").first


def figure(page):
    return page.locator(".st-key-live [data-testid=stMetric]").first


def expect_counted(page, count):
    expect(total(page)).to_have_text(f"{count:,}")


def chips(page):
    return page.locator(".st-key-chips [class*='st-key-chip-'] button")


def name_in(page, table, text, place=0):
    return row_of(page, table, text).locator("td").nth(place).locator("button")


def marks(page):
    drawn = page.locator(".st-key-over-time svg.marks")
    expect(drawn.first).to_be_visible()
    return drawn


def brush_marks(page):
    """Find what a brush draws, where there is one. A chart that replaces another is drawn before that goes."""
    return page.locator(".st-key-over-time svg.marks [class*=brush_brush]").filter(visible=True)


def tallest(page):
    """Find the box of the highest bar."""
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    boxes = [bar.bounding_box() for bar in marks(page).locator(".mark-rect[class*=marks] > path").all()]
    return max(filter(None, boxes), key=lambda box: box["height"])


def brush_the_night(page):
    marks(page)
    expect_counted(page, DAY)
    box = tallest(page)
    across = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 2, across)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, across)
    page.mouse.move(box["x"] + box["width"] - 3, across)
    page.mouse.up()
    expect(page).to_have_url(re.compile("part="))


@pytest.mark.full
def test_why_activity_doubled_last_night_is_found_by_clicks_down_to_the_payload(live, watch):
    page = watch(live.url).open("/")
    expect(figure(page)).to_have_text(
        re.compile(rf"up {night.WAVE} \(\+125%\).*from 48 in the period before", re.DOTALL)
    )
    page.set_viewport_size({"width": 900, "height": 900})
    parts = [page.locator(f".st-key-chart-head {part}").bounding_box() for part in ("p >> nth=0", ".st-key-see-these")]
    assert parts[0]["x"] + parts[0]["width"] <= parts[1]["x"], "one line"
    page.set_viewport_size(VIEWPORT)
    brush_the_night(page)
    expect_counted(page, PART)
    expect(row_of(page, "actors-list", night.BUSY)).to_contain_text("60")
    expect(row_of(page, "centres-list", night.CENTRE)).to_contain_text("new")
    name_in(page, "actors-list", night.BUSY).click()
    expect_counted(page, night.WAVE)
    name_in(page, "entities-list", "WA1ACEUWEB03").click()
    expect_counted(page, 10)
    expect(chips(page)).to_have_count(3)
    see_these = page.locator(".st-key-see-these-place button")
    expect(see_these).to_be_in_viewport(ratio=1)
    see_these.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    expect_total(page, 10)
    row_of(page, "notifications", "WA1ACEUWEB03").locator("td").nth(1).click()
    tab(page, "Raw")
    expect(page.locator(".st-key-payload-raw code")).to_contain_text(night.TOLD)


def choose_view(page):
    """Choose a part of the time, an event type and a data centre by clicks; return what the chips say."""
    brush_the_night(page)
    name_in(page, "types-list", "Server.Updated").click()
    name_in(page, "centres-list", night.CENTRE).click()
    expect_counted(page, night.WAVE)
    return texts(chips(page))


VIEW = "/?compare=a+week+before&rank=change&refresh=off"


@pytest.mark.full
def test_a_view_is_its_address_in_another_browser_too(live, watch):
    page = watch(live.url, timezone_id="Europe/Berlin").open(VIEW)
    told = choose_view(page)
    same = watch(live.url, timezone_id="Europe/Berlin").open(page.url.removeprefix(live.url))
    expect_counted(same, night.WAVE)
    assert texts(chips(same)) == told
    expect(column(same, 0, "entities-list")).to_have_text(texts(column(page, 0, "entities-list")))
    expect(figure(same)).to_contain_text("no comparison: no data before")


@pytest.mark.full
def test_a_view_is_its_address_in_another_time_zone_too(live, watch):
    page = watch(live.url, timezone_id="Europe/Berlin").open(VIEW)
    told = choose_view(page)
    far = watch(live.url, timezone_id="America/New_York").open(page.url.removeprefix(live.url))
    expect_counted(far, night.WAVE)
    expect(far.locator(".st-key-over-time").get_by_text("times in New York")).to_be_visible()
    assert texts(chips(far))[0] != told[0]
    assert texts(chips(far))[1:] == told[1:]


@pytest.mark.full
def test_filters_go_by_their_chips_by_a_second_click_and_all_at_once_and_back_brings_them_again(live, watch):
    page = watch(live.url).open("/?refresh=off")
    name_in(page, "types-list", "Server.Updated").click()
    expect_counted(page, 24 + night.WAVE)
    name_in(page, "types-list", "User.Created").click()
    expect_counted(page, DAY)
    expect(page.locator(".st-key-types-list tr.chosen")).to_have_count(2)
    name_in(page, "accounts-list", "ACME").click()
    expect_counted(page, 24)
    page.get_by_role("button", name=re.compile("Event type: User.Created")).click()
    expect_counted(page, 0)
    expect(page.locator(".st-key-nothing")).to_have_count(0)
    go_back(page, "Activity")
    expect_counted(page, 24)
    page.go_forward()
    expect_counted(page, 0)
    page.get_by_role("button", name="Clear all filters").click()
    expect_counted(page, DAY)
    expect(chips(page)).to_have_count(0)
    name_in(page, "centres-list", "VA1").click()
    expect_counted(page, 24)
    name_in(page, "centres-list", "VA1").click()
    expect_counted(page, DAY)


@pytest.mark.full
def test_the_tree_opens_by_keyboard_and_counts_all_below(live, watch):
    page = watch(live.url).open("/?refresh=off&accounts-as=Tree")
    tree = page.locator(".st-key-accounts-tree tbody tr")
    expect(tree).to_have_count(3)  # a lone root is open by itself
    expect(tree.first).to_contain_text(f"{DAY}")
    name_in(page, "accounts-tree", "ROOT").focus()
    page.keyboard.press("Enter")
    expect(tree).to_have_count(1)
    page.keyboard.press("Enter")
    expect(tree).to_have_count(3)
    expect(row_of(page, "accounts-tree", "ACME Ltd")).to_contain_text(f"{24 + night.WAVE}")
    name_in(page, "accounts-tree", "ACME Ltd").click()
    expect(tree).to_have_count(4)
    name_in(page, "accounts-tree", "ACME Ltd", 1).click()
    expect_counted(page, 24 + night.WAVE)
    page.locator(".st-key-below label").click()
    expect_counted(page, 24)
    again = watch(live.url).open(page.url.removeprefix(live.url))
    expect(again.locator(".st-key-accounts-tree tbody tr")).to_have_count(4)
    expect_counted(again, 24)
    name_in(page, "accounts-tree", "BRIX Ltd", 5).click()
    expect(page.locator(".st-key-title h3")).to_have_text("Entity")
    expect(page.locator(".st-key-detail-name [data-testid=stText]")).to_have_text("BRIX")


@pytest.mark.full
def test_a_part_is_selected_and_taken_back_by_keyboard_as_a_brush_does(live, watch, ended):
    page = watch(live.url, timezone_id="Asia/Kolkata").open("/?refresh=off")
    marks(page)
    since = night.wave_begins(ended) + timedelta(hours=5.5)
    page.get_by_role("button", name="Select a part").focus()
    page.keyboard.press("Enter")
    for name, at in (("part-from", since), ("part-to", since + night.QUARTER)):
        page.locator(f"[class*='st-key-{name}-'] [role=spinbutton]").first.focus()
        page.keyboard.type(f"{at:%Y%m%d%H%M}")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"part=.*{at - timedelta(hours=5.5):%H%%3A%M}Z"))
    expect_counted(page, PART)
    expect(chips(page)).to_have_text([re.compile(f"Time: {since:%Y-%m-%d %H:%M}")])
    expect(brush_marks(page).first).to_be_visible()
    expect(page.locator(".st-key-part-of")).to_have_text("part of")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    chips(page).focus()
    page.keyboard.press("Enter")
    expect_counted(page, DAY)
    expect(brush_marks(page)).to_have_count(0)


@pytest.mark.full
def test_a_link_to_a_part_that_has_left_the_range_says_so(live, watch, ended):
    since = ended - timedelta(days=3)
    page = watch(live.url).open(f"/?refresh=off&part={since:%Y-%m-%dT%H:00Z}/{since:%Y-%m-%dT%H:30Z}")
    expect(page.locator(".st-key-part-elsewhere")).to_contain_text("does not show all of the selected time")
    inside = watch(live.url).open(f"/?refresh=off&part={ended - timedelta(hours=1):%Y-%m-%dT%H:%MZ}/..")
    marks(inside)
    expect(inside.locator(".st-key-part-elsewhere")).to_have_count(0)


@pytest.mark.full
def test_a_brushed_part_stays_over_refreshes_after_the_fields_were_looked_at(live, watch):
    page = watch(live.url).open("/?refresh=1+s")
    marks(page)
    page.get_by_role("button", name="Select a part").click()
    field = page.locator("[class*='st-key-part-from']")
    expect(field).to_be_visible()
    expect_refreshed(page, drawn_at(page))
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect_refreshed(page, drawn_at(page))
    brush_the_night(page)
    expect_counted(page, PART)
    for _ in range(4):
        expect_refreshed(page, drawn_at(page))
        assert "part=" in page.url
    expect_counted(page, PART)


@pytest.mark.full
def test_a_brushed_part_is_still_marked_when_back_leads_to_it(live, watch):
    page = watch(live.url).open("/?refresh=off")
    brush_the_night(page)
    expect_counted(page, PART)
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    go_back(page, "Activity")
    expect_counted(page, PART)
    expect(brush_marks(page).first).to_be_visible()


@pytest.mark.full
def test_a_brushed_part_is_compared_with_the_dashed_line_over_it(live, watch):
    page = watch(live.url).open("/?refresh=off&compare=a+day+before")
    expect(page.locator(".st-key-over-time")).to_contain_text("the dashed line is a day before")
    brush_the_night(page)
    since, until = re.search(r"part=([^&]*)Z%2F([^&]*)Z", page.url).groups()
    then = [datetime.fromisoformat(unquote(end)) - timedelta(days=1) for end in (since, until)]
    expect(figure(page)).to_contain_text("a day before")
    figure(page).get_by_role("button").hover()
    tip = page.get_by_test_id("stTooltipContent")
    expect(tip).to_contain_text(f"Compared with {then[0]:%Y-%m-%d %H:%M} to {then[1]:%H:%M}, which begins on a")


@pytest.mark.full
def test_on_a_phone_each_list_has_five_names_and_the_chosen_one_until_one_asks_for_the_others(live, watch):
    page = watch(live.url, viewport={"width": 390, "height": 844}).open("/?refresh=off&what=Server/WA1ACEUWEB05")
    rows = page.locator(".st-key-entities-list tbody tr").filter(visible=True)
    expect(rows).to_have_count(6)
    expect(page.locator(".st-key-entities-list tr.chosen")).to_be_visible()
    page.locator(".st-key-entities-list").get_by_role("button", name=re.compile(r"^Show \d+ more$")).click()
    expect(rows).to_have_count(30)


def sign(page, name):
    return page.locator(f".st-key-sign-{name} button").first


def follow(page, name, title):
    sign(page, name).click()
    expect(page.locator(".st-key-title h3")).to_have_text(title)


@pytest.fixture
def alarming(audited, watch):
    """Activity of an account with an alarm and a finding that is high, and with a refused notification."""
    stray = b'{"accountAlias": "ACME", "userName": "stray", "status": "Active"}'
    assert audited.receiver.sender.post("/webhooks/Server.Created", stray).status == 200
    return watch(audited.url).open("/?refresh=1+s&range=7+d&account=ACME&alone=yes")


def test_what_needs_attention_is_seen_without_a_click_and_findings_lead_to_audit_with_range_and_account(alarming):
    page = alarming
    expect(sign(page, "alarms")).to_contain_text("1 server in alarm")
    expect(sign(page, "refused")).to_contain_text("1 refused")
    expect(sign(page, "health")).to_contain_text("Receiver")
    expect(sign(page, "findings")).to_contain_text(re.compile(r"\d+ high of \d+ findings"))
    high = re.search(r"(\d+) high", sign(page, "findings").inner_text())[1]
    follow(page, "findings", "Audit")
    expect(page.locator(".st-key-findings-head strong")).to_have_text(re.compile(f"^{high} findings?$"))
    expect(page).to_have_url(re.compile("(?=.*severity=high)(?=.*account=ACME)(?=.*below=false)"))


@pytest.mark.full
def test_each_other_sign_leads_to_its_page_with_the_account_and_back_leads_back(alarming):
    page = alarming
    expect(sign(page, "findings")).to_contain_text(re.compile(r"\d+ high of \d+ findings"))
    follow(page, "findings", "Audit")
    go_back(page, "Activity")
    follow(page, "alarms", "Alerts")
    expect(page.locator(".st-key-in-alarm-card strong")).to_contain_text("1 metric in alarm now")
    expect(page).to_have_url(re.compile("account=ACME"))
    go_back(page, "Activity")
    follow(page, "refused", "Notifications")
    expect(page.locator(".st-key-refused-list tbody tr")).to_have_count(1)
    go_back(page, "Activity")
    follow(page, "health", "Health")
    expect(page.locator(".st-key-health-state")).to_be_visible()


def open_since_visit(page):
    page.locator(".st-key-view-popover button").click()
    return page.get_by_role("button", name="Since my last visit")


@pytest.mark.full
def test_since_the_last_visit_is_since_the_cookie_of_this_browser_says(live, watch, ended):
    fresh = watch(live.url).open("/?refresh=off")
    expect(open_since_visit(fresh)).to_be_disabled()
    fresh.wait_for_function("() => document.cookie.match(/clc_visit=\\.\\d+/)")
    again = watch(live.url)
    left = int((ended - timedelta(hours=10)).timestamp())
    again.page.context.add_cookies([{"name": "clc_visit", "value": f".{left}", "url": live.url}])
    page = again.open("/?refresh=off")
    open_since_visit(page).click()
    expect_counted(page, 10 * night.AN_HOUR + night.WAVE)
    assert "range=own" in page.url
    page.wait_for_function(f"() => document.cookie.includes('clc_visit={left}.')")


def test_charts_tables_selection_and_typed_text_stay_over_refreshes(live, watch):
    page = watch(live.url).open("/?refresh=1+s&range=7+d")
    marks(page)
    expect(page.locator(".st-key-hours-card svg.marks")).to_be_visible()
    name_in(page, "types-list", "Server.Updated").click()
    expect(page.locator(".st-key-types-list tr.chosen")).to_have_count(1)
    expect_refreshed(page, drawn_at(page))  # the other lists are drawn after that one
    field = page.get_by_role("combobox", name="Account", exact=True)
    field.fill("BRI")
    page.evaluate("""() => {
      const tables = [...document.querySelectorAll('.st-key-lists *')].map((one) => one.shadowRoot).filter(Boolean);
      const frame = tables[2].querySelector('.frame');
      frame.scrollTop = 40;
      window.kept = {
        nodes: [...document.querySelectorAll('svg.marks, svg.marks > g'),
                ...tables.flatMap((one) => [...one.querySelectorAll('table, tbody tr, button')])],
        frame, scrolled: frame.scrollTop, refreshes: new Set(),
      };
      setInterval(() => kept.refreshes.add(document.querySelector('.st-key-freshness .age')?.dataset.drawnAt), 100);
    }""")
    live.simulate("--count", "5", "--rate", "0", "--seed", "77")
    live.simulate("--event", "Server.Updated")
    page.wait_for_function(f"() => kept.refreshes.size > {REFRESHES}")
    expect_counted(page, live.one("SELECT count(*) FROM events WHERE event_type = 'Server.Updated'"))
    assert page.evaluate("kept.nodes.length") > 40
    assert page.evaluate("kept.nodes.filter((one) => !one.isConnected).map((one) => one.outerHTML.slice(0, 99))") == []
    assert page.evaluate("kept.frame.scrollTop == kept.scrolled")
    expect(field).to_have_value("BRI")
    expect(page.locator(".st-key-types-list tr.chosen")).to_have_count(1)


@pytest.mark.full
def test_a_list_of_nothing_says_that_nothing_fits_the_filters(live, watch):
    page = watch(live.url).open("/?refresh=off&range=all&account=NONE")
    for key in ("types-list", "entities-list", "actors-list"):
        below = page.locator(f".st-key-{key}").locator("xpath=following-sibling::*")
        expect(below.get_by_text("None in this time range that fits the filters.")).to_be_visible()


def legend(page):
    return page.locator(".st-key-legend .legend button")


@pytest.mark.full
@pytest.mark.parametrize(("size", "seen"), [((1280, 800), ".st-key-types-list tbody tr"), ((390, 844), "svg.marks")])
def test_the_first_row_stands_above_the_fold_and_on_a_phone_the_chart(live, watch, size, seen):
    page = watch(live.url, viewport={"width": size[0], "height": size[1]}).open("/?refresh=off&range=7+d")
    marks(page)
    expect(page.locator(".st-key-types-list tbody tr").first).to_be_visible()
    box = page.locator(seen).first.bounding_box()
    assert box["y"] + box["height"] <= size[1]
    assert figure(page).bounding_box()["y"] <= 120
    lines = {round(button.bounding_box()["y"]) for button in legend(page).all()}
    assert len(lines) <= (1 if size[0] > 640 else 2)


@pytest.mark.full
def test_a_series_is_left_out_and_let_through_by_keyboard_and_a_chip_turns_that_round(live, watch):
    page = watch(live.url).open("/?refresh=off")
    legend(page).filter(has_text="User.Created").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_counted(page, 24 + night.WAVE)
    expect(page).to_have_url(re.compile("types=-User.Created"))
    expect(chips(page)).to_have_text([re.compile("without User.Created")])
    expect(legend(page).filter(has_text="User.Created")).to_have_count(0)
    expect(row_of(page, "types-list", "User.Created")).to_have_count(0)
    page.locator("[class*='st-key-swap-'] button").click()
    expect(page).to_have_url(re.compile("types=User.Created"))
    expect_counted(page, 24)
    legend(page).filter(has_text="User.Created").click()
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-legend .menu")).to_be_hidden()


@pytest.mark.full
def test_a_row_leaves_its_name_out_on_a_desktop_and_on_a_phone_and_the_notifications_are_without_it(live, watch):
    page = watch(live.url).open("/?refresh=off")
    out = row_of(page, "actors-list", night.BUSY).get_by_role("button", name="without")
    expect(out).to_have_css("opacity", "0")
    out.focus()
    expect(out).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect_counted(page, DAY - night.WAVE)
    expect(page).to_have_url(re.compile(f"who=-{night.BUSY.split('@')[0]}"))
    same = watch(live.url, viewport={"width": 390, "height": 844}, has_touch=True).open(page.url.removeprefix(live.url))
    expect_counted(same, DAY - night.WAVE)
    row_of(same, "centres-list", "VA1").get_by_role("button", name="without").tap()
    expect(same).to_have_url(re.compile("centre=-VA1"))
    expect_counted(same, 24)
    same.locator(".st-key-see-these-place button").click()
    expect(same.locator(".st-key-title h3")).to_have_text("Notifications")
    expect_total(same, 24)
