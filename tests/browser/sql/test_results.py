"""The SQL page: rows, charts and files of an answer, and where its rows lead."""

import csv
import io
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from analytics.pages.shared.components import BROWSER, read_file
from tests.browser.sql.editor import cell, code, expect_rows, past_queries, results, run, show, tab, typed
from tests.browser.watching import column, download, row_of, texts
from tests.support.waiting import until

pytestmark = pytest.mark.browser

ENTITY = "SELECT entity_id FROM notifications"


@pytest.mark.full
def test_an_edited_query_keeps_its_chart_and_until_it_runs_the_rows_are_called_those_of_the_query_before(live, page):
    live.simulate("--count", "20", "--rate", "0")
    run(page, "SELECT event_type, count(*) AS n FROM events GROUP BY event_type")
    show(page, "Chart")
    expect(page.locator(".st-key-sql-chart svg.marks")).to_be_visible()
    clock = page.locator(".st-key-sql-editor .clock")
    typed(page, "SELECT category, event_type, count(*) AS n FROM events GROUP BY ALL")
    expect(clock).to_have_text("The rows are of the query before.")
    expect(results(page)).to_have_attribute("data-before", "")
    page.keyboard.press("Control+Enter")
    expect(results(page)).not_to_have_attribute("data-before", "")
    expect(clock).to_have_text("")
    expect(page.locator(".st-key-sql-chart svg.marks")).to_be_visible()


def test_back_and_forward_show_a_query_with_its_own_rows_and_never_call_them_those_of_the_query_before(page):
    clock = page.locator(".st-key-sql-editor .clock")
    first, second = "SELECT range AS n FROM range(3)", "SELECT range AS n FROM range(5)"
    for sql, rows in ((first, 3), (second, 5)):
        run(page, sql)
        expect_rows(page, rows)
    for go, sql, rows in ((page.go_back, first, 3), (page.go_forward, second, 5)):
        go()
        expect(code(page)).to_have_text(sql)
        expect_rows(page, rows)
        expect(clock).to_have_text("")
        expect(results(page)).not_to_have_attribute("data-before", "")


@pytest.mark.full
def test_the_downloads_keep_their_place_however_long_the_words_about_the_answer_are(page):
    places = []
    for sql in ("SELECT 1 AS one", "SELECT range AS n FROM range(11001) WHERE n < 10000000 ORDER BY hash(n)"):
        run(page, sql)
        expect_rows(page, 1 if "one" in sql else "11,001")
        places.append([page.get_by_role("button", name=name).bounding_box() for name in ("CSV", "JSON lines")])
    assert places[0] == places[1]
    assert len({place["y"] for place in places[0]}) == 1


@pytest.mark.full
def test_what_other_programs_need_to_connect_is_one_click_away(live, page):
    page.get_by_role("button", name="Connect from elsewhere").click()
    box = page.get_by_test_id("stPopoverBody")
    expect(box).to_contain_text(live.receiver.query_url)
    expect(box).to_contain_text(str(live.receiver.data_dir / "query.token"))
    expect(box).to_contain_text(f"CLC_QUERY_LISTEN={live.receiver.query_url.removeprefix('http://')}")
    expect(box).not_to_contain_text(live.receiver.token)


def test_a_row_leads_to_its_notification_and_its_entity(live, page):
    seq, name = live.one("SELECT max(seq) FROM notifications"), "SELECT seq, id, category, entity_id FROM notifications"
    run(page, f"{name} ORDER BY seq")
    expect(page.locator(".st-key-sql-leads")).to_contain_text("Click a row to open its notification or entity.")
    leads = page.locator(".st-key-sql-leads button")
    page.mouse.click(*cell(page, 1))
    expect(leads.first).to_have_text(re.compile(r"Notification 1$"))
    for _ in "12":  # the second click on the head turns the order round
        page.mouse.click(*cell(page, 0))
    page.mouse.click(*cell(page, 1))
    expect(leads.first).to_have_text(re.compile(rf"Notification {seq}$"))
    leads.last.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Entity")
    expect(page.locator(".st-key-entity-name")).to_contain_text(live.one(f"{ENTITY} WHERE seq = {seq}"))
    page.get_by_role("link", name="SQL").click()
    page.mouse.click(*cell(page, 1))
    leads.first.click()
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    assert "seq=1" in page.url


LEADS = {
    "entity_id": "With the column category too, a row leads to its entity.",
    "seq, entity_id": "Click a row to open its notification. With the column category too, a row leads to its ent",
    "id AS the_id": "A row leads to its notification by seq or id, and to its entity by category and entity_id.",
    "event_type, category": None,
}


@pytest.mark.full
def test_rows_that_seem_to_name_something_say_which_columns_lead_there(page):
    for number, (columns, told) in enumerate(LEADS.items(), 1):
        run(page, f"SELECT {columns} FROM notifications LIMIT {number}")
        expect_rows(page, number)
        if told:
            expect(page.locator(".st-key-sql-leads")).to_contain_text(told)
        else:
            expect(page.locator(".st-key-sql-leads")).to_have_count(0)


@pytest.mark.full
def test_a_refused_notification_and_an_unknown_one_are_told_apart(live, page):
    assert live.receiver.sender.post("/webhooks/Server.Updated", b"[]").status == 400
    live.until_refused(1)
    run(page, "SELECT uuid() AS id")
    page.mouse.click(*cell(page, 1))
    expect(page.locator(".st-key-sql-leads")).to_contain_text("No notification is named ")
    run(page, "SELECT id FROM rejected LIMIT 1")
    expect(page.locator(".st-key-sql-leads")).to_contain_text("Click a row")
    page.mouse.click(*cell(page, 1))
    page.locator(".st-key-sql-leads").get_by_role("button", name="Refused notification").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Notifications")
    page.wait_for_url(re.compile("refused="))


def swipe_up(page, x, y):
    """Move a finger up on a phone."""
    finger = page.context.new_cdp_session(page)
    touch = lambda kind, *points: finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})  # noqa: E731
    touch("touchStart", {"x": x, "y": y})
    for step in range(1, 11):
        touch("touchMove", {"x": x, "y": y - 30 * step})
    touch("touchEnd")


@pytest.mark.full
def test_on_a_phone_a_run_brings_its_rows_in_sight_and_a_swipe_beside_them_moves_the_page(live, watch):
    page = watch(live.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open("/sql")
    typed(page, "SELECT seq, id, received_at FROM notifications ORDER BY seq")
    page.locator(".st-key-sql-editor button.run").click()
    grid = page.locator(".st-key-sql-rows canvas").first
    expect(grid).to_be_visible()
    until(lambda: grid.bounding_box()["y"] < 300, what="the rows in sight")
    box = grid.bounding_box()
    assert box["y"] + box["height"] < 844
    swipe_up(page, 370, 600)
    until(lambda: grid.bounding_box()["y"] < box["y"], what="the page to move")


SHORT = """<div data-testid="stMain" style="height: 100vh; overflow: auto">
<p style="height: 700px"></p><p class="target" style="height: 300px"></p><p class="late"></p></div>"""
BRING = """async source => {
  const { default: bring } = await import(source);
  bring({ data: { turn: "1", target: ".target", onlyOnPhone: true } });
}"""


def test_what_a_run_brings_in_sight_is_brought_there_also_when_what_is_below_it_comes_late(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.set_content(SHORT)
    page.evaluate(BRING, f"data:text/javascript,{quote(read_file(BROWSER, 'bring.js'))}")
    page.clock.run_for(3000)
    page.locator(".late").evaluate("late => { late.style.height = '900px'; }")
    page.clock.run_for(200)
    assert page.locator(".target").bounding_box()["y"] == 8
    page.close()


@pytest.mark.full
def test_on_a_phone_the_chart_stays_in_sight(live, watch):
    page = watch(live.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open("/sql")
    typed(page, "SELECT event_type, count(*) AS number FROM notifications GROUP BY ALL")
    page.locator(".st-key-sql-editor button.run").click()
    expect(page.locator(".st-key-sql-rows canvas").first).to_be_visible()
    head = page.locator(".st-key-sql-head")
    head.get_by_text("Chart", exact=True).tap()
    expect(page.locator(".st-key-sql-results svg.marks")).to_be_visible()
    until(lambda: 0 < head.bounding_box()["y"] < 200, what="the chart's head on top")


@pytest.mark.full
def test_the_ticks_of_weeks_say_the_date_of_each_bar(page):
    run(page, "SELECT DATE '2026-11-02' + 7 * range::INT AS week, range + 1 AS n FROM range(3)")
    expect_rows(page, 3)
    show(page, "Chart")
    labels = page.locator(".st-key-sql-chart svg .role-axis-label").first.locator("text")
    expect(labels).to_have_text(["Nov 02", "Nov 09", "Nov 16"])


@pytest.mark.full
def test_the_last_label_of_an_axis_is_whole(page):
    run(page, "SELECT 'a' AS name, 60 AS n")
    expect_rows(page, 1)
    show(page, "Chart")
    last = page.locator(".st-key-sql-chart svg .role-axis-label text", has_text=re.compile(r"^60$")).first
    expect(last).to_be_visible()
    label, chart = last.bounding_box(), page.locator(".st-key-sql-chart svg.marks").bounding_box()
    assert label["x"] + label["width"] < chart["x"] + chart["width"]


@pytest.mark.full
def test_tables_open_to_columns_and_columns_to_what_they_hold(live, page):
    row_of(page, "sql-tables", "events").get_by_role("button").click()
    assert "received_at" in texts(column(page, 0, "sql-columns"))
    row_of(page, "sql-columns", "event_type").get_by_role("button").click()
    card = page.locator(".st-key-sql-profile")
    expect(card).to_contain_text("NULL where the target URL can't tell it")
    most, number = live.receiver.sql(
        "SELECT event_type, count(*) AS n FROM events GROUP BY event_type ORDER BY n DESC, event_type LIMIT 1"
    )[0].values()
    expect(column(page, 0, "sql-top").first).to_have_text(most)
    expect(column(page, 1, "sql-top").first).to_have_text(f"{number:,}")
    # The profile takes the list's place, within the window.
    expect(page.locator(".st-key-sql-columns")).to_have_count(0)
    assert card.bounding_box()["y"] < page.viewport_size["height"] / 2 + 100
    page.get_by_role("button", name="All columns of events").click()
    row_of(page, "sql-columns", "received_at").get_by_role("button").click()
    expect(page.locator(".st-key-sql-profile svg.marks")).to_be_visible()
    typed(page, "SELECT ")
    card.get_by_role("button", name="Insert").click()
    expect(code(page)).to_have_text("SELECT received_at")


@pytest.mark.full
def test_intervals_are_sorted_by_their_length(page):
    run(page, "SELECT unnest([INTERVAL '10 days', INTERVAL '6 days 07:26:08', INTERVAL '-1.5 s']) AS gap")
    expect_rows(page, 3)
    cells = page.locator(".st-key-sql-results [role=gridcell]")
    expect(cells.first).to_have_text("864000")
    head = page.locator(".st-key-sql-results canvas").first.bounding_box()
    page.mouse.click(head["x"] + 60, head["y"] + 15)
    expect(cells.first).to_have_text("-1.5")
    assert [float(text) for text in cells.all_inner_texts()] == [-1.5, 545_168, 864_000]


def test_csv_is_safe_in_a_spreadsheet_and_json_lines_are_exact(page):
    run(page, "SELECT '=1+1' AS formula, 2 AS n")
    expect_rows(page, 1)
    data, _ = download(page, page.get_by_role("button", name="CSV"))
    assert list(csv.reader(io.StringIO(data.decode()))) == [["formula", "n"], ["'=1+1", "2"]]
    data, _ = download(page, page.get_by_role("button", name="JSON lines"))
    assert data == b'{"formula":"=1+1","n":2}\n'


def test_hostile_names_and_values_are_text(page):
    from tests.browser.test_hostile import ELEMENTS, HOST, MARKUP, WORDS

    hostile = MARKUP.replace("\x00", "")
    quoted, name = hostile.replace("'", "''"), hostile.replace('"', '""')
    run(page, f"SELECT '{quoted}' AS \"{name}\", 1 AS n")
    expect_rows(page, 1)
    typed(page, "SELECT 1")  # as in the editor each word of SQL is an element of its own
    expect(code(page)).to_have_text("SELECT 1")
    assert page.evaluate(ELEMENTS, [WORDS, HOST]) == []
    show(page, "Chart")
    expect(page.locator(".st-key-sql-chart svg.marks").first).to_contain_text("<script>")
    assert page.evaluate(ELEMENTS, [WORDS, HOST]) == []
    run(page, f"SELECT error('{quoted}')")
    expect(page.locator(".st-key-sql-error")).to_contain_text("<script>")
    tab(page, "History")
    expect(past_queries(page).first).to_contain_text("<script>")
    typed(page, "SELECT 1")
    expect(code(page)).to_have_text("SELECT 1")
    assert page.evaluate(ELEMENTS, [WORDS, HOST]) == []
