"""The SQL page: from typing with completion to a chart that opens by its link in another browser."""

import csv
import io
import re
import time

import pytest
import urllib3
from playwright.sync_api import expect

from tests.browser.watching import column, row_of, run_linked, texts
from tests.support.waiting import until

pytestmark = pytest.mark.browser

RUNAWAY = "SELECT count(*) FROM range(100000000000) AS a, range(1000) AS b"
CANCELLED_WITHIN_SECONDS = 1.0
ENTITY = "SELECT entity_id FROM notifications"


@pytest.fixture(scope="module", autouse=True)
def _something_came_before(live):
    live.simulate("--count", "200", "--rate", "0", "--seed", "3")


@pytest.fixture
def page(live, watch):
    page = watch(live.url).open("/sql")
    page.evaluate("localStorage.clear(); dispatchEvent(new Event('storage'))")  # as a browser that was never here
    return page


def code(page):
    return page.locator(".st-key-sql-editor .cm-content")


def results(page):
    return page.locator(".st-key-sql-results")


def typed(page, sql):
    """Replace what is in the editor, as by pasting."""
    code(page).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(sql)


def run(page, sql):
    typed(page, sql)
    page.keyboard.press("ControlOrMeta+Enter")


def expect_rows(page, number):
    expect(results(page)).to_contain_text(f"{number} row{'' if number == 1 else 's'} in ")


def metrics(live):
    """Read the query service's figures."""
    receiver = live.receiver
    headers = {"Authorization": f"Bearer {receiver.token}"}
    return urllib3.request("GET", f"{receiver.query_url}/metrics", headers=headers).data.decode()


def running(live):
    """Ask the query service how many queries run in DuckDB now; this question is none."""
    return int(float(re.search(r"^clc_queries_running (\S+)", metrics(live), re.MULTILINE)[1]))


def until_it_runs(page, live):
    expect(page.locator(".st-key-sql-editor .clock")).to_contain_text("Running")
    until(lambda: running(live) >= 1, what="the query in DuckDB")


def accept(page, key):
    """Press a key that takes a completion, once the list has been there long enough to be meant."""
    since = page.evaluate("performance.now()")
    page.wait_for_function("since => performance.now() - since > 100", arg=since)
    page.keyboard.press(key)


def ended(live, outcome):
    """Ask the query service how many queries ended so."""
    found = re.search(rf'^clc_queries_total{{outcome="{outcome}"}} (\S+)', metrics(live), re.MULTILINE)
    return int(float(found[1])) if found else 0


def cancel_a_runaway(page, live):
    """Cancel a query by its button, and return the seconds until DuckDB was free of it."""
    gone = ended(live, "gone")
    run(page, RUNAWAY)
    until_it_runs(page, live)
    page.locator(".st-key-sql-editor button.cancel").click()
    clicked = time.monotonic()
    until(lambda: running(live) == 0, what="DuckDB to be free")
    took = time.monotonic() - clicked
    assert ended(live, "gone") == gone + 1  # hung up on, not timed out
    expect(page.locator(".st-key-sql-error")).to_contain_text("Cancelled after")
    return took


def tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def past_queries(page):
    return page.locator(".st-key-sql-past .open")


def show(page, name):
    page.locator(".st-key-sql-show").get_by_text(name, exact=True).click()


def test_sql_is_written_with_completion_cancelled_fixed_charted_and_opened_by_its_link_elsewhere(live, watch, page):
    # A column is offered first before any table is named.
    typed(page, "SELECT ")
    page.keyboard.type("acc")
    expect(page.locator(".st-key-sql-editor .cm-tooltip-autocomplete li").first).to_contain_text("account_alias")

    # Completed: a table, then its column and a function, by the keyboard alone.
    typed(page, "SELECT  FROM ")
    page.keyboard.type("even")
    options = page.locator(".st-key-sql-editor .cm-tooltip-autocomplete li")
    expect(options.first).to_contain_text("events")
    accept(page, "Enter")
    expect(code(page)).to_have_text("SELECT  FROM events")
    page.keyboard.press("Home")
    for _ in "SELECT ":
        page.keyboard.press("ArrowRight")
    page.keyboard.type("event_ty")
    expect(options.first).to_contain_text("event_type")
    accept(page, "Enter")
    page.keyboard.type(", cou")
    expect(options.first).to_contain_text("count")
    accept(page, "Tab")
    page.keyboard.type("*")
    expect(code(page)).to_have_text(re.compile(r"SELECT event_type, count\(\*\)? FROM events"))

    # A runaway is cancelled in DuckDB.
    took = [cancel_a_runaway(page, live)]
    while min(took) >= CANCELLED_WITHIN_SECONDS and len(took) < 5:  # others may keep the machine busy
        took.append(cancel_a_runaway(page, live))
    assert min(took) < CANCELLED_WITHIN_SECONDS, took

    # Wrong, then fixed.
    run(page, "-- by event\nSELECT event_type, count(*) AS n\nFROM evnts GROUP BY event_type ORDER BY n DESC")
    expect(page.locator(".st-key-sql-error")).to_contain_text("The error is at line 3, column 6.")
    expect(page.locator(".st-key-sql-error")).to_contain_text('Did you mean "events"?')
    expect(page.locator(".st-key-sql-editor .cm-lintRange-error")).to_have_text("evnts")
    run(page, "SELECT event_type, count(*) AS n\nFROM events GROUP BY event_type ORDER BY n DESC")
    expect(page.get_by_role("region", name="Rows of the query")).to_be_visible()
    expect(page.locator(".st-key-sql-editor .cm-lintRange-error")).to_have_count(0)

    # Charted, and opened by the address in another browser.
    show(page, "Chart")
    expect(page.locator(".st-key-sql-chart")).to_contain_text("n by event_type")
    page.locator(".st-key-sql-chart-chart").get_by_role("combobox").click()
    page.get_by_role("option", name="Area").click()
    page.wait_for_url(re.compile("chart=area"))
    expect(page.locator(".st-key-sql-chart svg.marks .mark-area").first).to_be_attached()
    address = page.url
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    page.get_by_role("link", name="SQL").click()
    expect(page.locator(".st-key-sql-chart-chart").get_by_role("combobox")).to_have_value("Area")
    expect(page.locator(".st-key-sql-chart svg.marks .mark-area").first).to_be_attached()
    assert page.url == address
    other = watch(live.url).open(page.url.removeprefix(live.url))
    run_linked(other)
    expect(other.locator(".st-key-sql-chart")).to_contain_text("n by event_type")
    expect(other.locator(".st-key-sql-chart-chart").get_by_role("combobox")).to_have_value("Area")
    expect(other.locator(".st-key-sql-chart svg.marks .mark-area").first).to_be_attached()
    expect(code(other)).to_have_text(code(page).text_content())


@pytest.mark.parametrize(
    "line", ["SELECT 1 FROM events e", "SELECT 1 FROM changes c", "SELECT now() - INTERVAL 30 days"]
)
def test_enter_after_an_alias_or_a_unit_begins_a_new_line(page, line):
    *begin, last = line.rpartition(" ")
    typed(page, "".join(begin))
    page.keyboard.type(last, delay=300)  # as slowly as a person, so that a list would come
    page.keyboard.press("Enter")
    page.keyboard.type("-- end")
    expect(page.locator(".st-key-sql-editor .cm-line")).to_have_text([line, "-- end"])


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


def options(page):
    return page.locator(".st-key-sql-editor .cm-tooltip-autocomplete li")


@pytest.mark.parametrize(
    ("sql", "letters", "offered"),
    [
        ("SELECT date_trunc('hour', received_at) AS hour FROM events ORDER BY ", "hou", "hour"),
        ("SELECT count(*) AS how_many_notes FROM events ORDER BY ", "how_", "how_many_notes"),
        ("SELECT count(*) AS how_many_notes FROM events ORDER BY ", "notes", "how_many_notes"),
        ("WITH my_cte AS (SELECT 1 AS n) SELECT n FROM ", "my_", "my_cte"),
        ("WITH one AS (SELECT 1), other_cte (n) AS MATERIALIZED (SELECT 2) SELECT * FROM ", "other", "other_cte"),
        ("FROM events SELECT ", "even", "event_type"),
        ("FROM events SELECT ", "type", "event_type"),
        ("SELECT 1 ", "LIM", "LIMIT"),
        ("SELECT * FROM events AS e WHERE e.", "act", "action"),
    ],
)
def test_own_names_and_columns_are_offered_before_functions(page, sql, letters, offered):
    typed(page, sql)
    page.keyboard.type(letters)
    expect(options(page).first.locator(".cm-completionLabel")).to_have_text(offered)
    labels = [label.lower() for label in options(page).locator(".cm-completionLabel").all_inner_texts()]
    assert all(re.search(rf"(^|_){letters.lower()}", label) for label in labels)


def test_a_name_after_as_is_the_users_own(page):
    typed(page, "SELECT count(*) AS ")
    page.keyboard.type("hou")
    page.wait_for_timeout(300)  # longer than the list takes to come
    expect(options(page)).to_have_count(0)
    typed(page, "SELECT CAST(seq AS ")
    page.keyboard.type("big")
    expect(options(page).first).to_contain_text("BIGINT")


def test_enter_after_a_whole_name_begins_a_new_line(page):
    typed(page, "SELECT date_trunc('hour', received_at) AS hour FROM events ORDER BY ")
    page.keyboard.type("hour")
    expect(options(page).first).to_contain_text("hour")
    accept(page, "Enter")
    page.keyboard.type("LIMIT 3")
    assert [line.strip() for line in page.locator(".st-key-sql-editor .cm-line").all_inner_texts()] == [
        "SELECT date_trunc('hour', received_at) AS hour FROM events ORDER BY hour",
        "LIMIT 3",
    ]


def test_the_downloads_keep_their_place_however_long_the_words_about_the_answer_are(page):
    places = []
    for sql in ("SELECT 1 AS one", "SELECT range AS n FROM range(11001) WHERE n < 10000000 ORDER BY hash(n)"):
        run(page, sql)
        expect_rows(page, 1 if "one" in sql else "11,001")
        places.append([page.get_by_role("button", name=name).bounding_box() for name in ("CSV", "JSON lines")])
    assert places[0] == places[1]
    assert len({place["y"] for place in places[0]}) == 1


def test_what_other_programs_need_to_connect_is_one_click_away(live, page):
    page.get_by_role("button", name="Connect from elsewhere").click()
    box = page.get_by_test_id("stPopoverBody")
    expect(box).to_contain_text(live.receiver.query_url)
    expect(box).to_contain_text(str(live.receiver.data_dir / "query.token"))
    expect(box).to_contain_text(f"CLC_QUERY_LISTEN={live.receiver.query_url.removeprefix('http://')}")
    expect(box).not_to_contain_text(live.receiver.token)


def test_the_page_can_be_used_while_a_query_runs(live, page):
    run(page, RUNAWAY)
    until_it_runs(page, live)
    tab(page, "Tables")
    row_of(page, "sql-tables", "events").get_by_role("button").click()
    expect(column(page, 0, "sql-columns").first).to_have_text("seq")
    typed(page, "SELECT 'meanwhile'")
    expect(code(page)).to_have_text("SELECT 'meanwhile'")
    until(lambda: running(live) == 1, what="the query, alone again")
    page.locator(".st-key-sql-editor button.cancel").click()
    expect(page.locator(".st-key-sql-error")).to_contain_text("Cancelled after")
    expect(code(page)).to_have_text("SELECT 'meanwhile'")


def test_closing_the_tab_cancels_its_query(live, watch):
    page = watch(live.url).open("/sql")
    run(page, RUNAWAY)
    until_it_runs(page, live)
    page.goto("about:blank")  # as closing does, it takes the connection to the dashboard away
    until(lambda: running(live) == 0, seconds=20, what="DuckDB to be free")


def test_opening_another_page_cancels_the_query(live, page):
    run(page, RUNAWAY)
    until_it_runs(page, live)
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    until(lambda: running(live) == 0, seconds=20, what="DuckDB to be free")


def test_another_run_cancels_the_one_before(live, page):
    run(page, RUNAWAY)
    until_it_runs(page, live)
    run(page, "SELECT 1 AS one")
    expect_rows(page, 1)
    until(lambda: running(live) == 0, what="DuckDB to be free")
    tab(page, "History")
    first, second = past_queries(page).all()
    assert re.fullmatch(r"SELECT 1 AS one\n\d\d:\d\d:\d\d · 1 row · [\d.,]+ m?s", first.inner_text())
    assert " · cancelled · " in second.inner_text()


def cell(page, row):
    """Find the middle of a row's first cell, on the screen; row 0 is the head."""
    grid = page.locator(".st-key-sql-rows canvas").first
    expect(grid).to_be_visible()
    grid.scroll_into_view_if_needed()
    # While the rows are drawn anew, the grid has no place for a moment.
    box = until(grid.bounding_box, what="the grid")
    return box["x"] + 20, box["y"] + 31 * row + 15


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


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("entity_id", "With the column category too, a row leads to its entity."),
        (
            "seq, entity_id",
            "Click a row to open its notification. With the column category too, a row leads to its ent",
        ),
        ("id AS the_id", "A row leads to its notification by seq or id, and to its entity by category and entity_id."),
        ("event_type, category", None),
    ],
)
def test_rows_that_seem_to_name_something_say_which_columns_lead_there(page, columns, told):
    run(page, f"SELECT {columns} FROM notifications LIMIT 3")
    expect_rows(page, 3)
    if told:
        expect(page.locator(".st-key-sql-leads")).to_contain_text(told)
    else:
        expect(page.locator(".st-key-sql-leads")).to_have_count(0)


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


def test_on_a_phone_the_chart_stays_in_sight(live, watch):
    page = watch(live.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open("/sql")
    typed(page, "SELECT event_type, count(*) AS number FROM notifications GROUP BY ALL")
    page.locator(".st-key-sql-editor button.run").click()
    expect(page.locator(".st-key-sql-rows canvas").first).to_be_visible()
    head = page.locator(".st-key-sql-head")
    head.get_by_text("Chart", exact=True).tap()
    expect(page.locator(".st-key-sql-results svg.marks")).to_be_visible()
    until(lambda: 0 < head.bounding_box()["y"] < 200, what="the chart's head on top")


def test_the_ticks_of_weeks_say_the_date_of_each_bar(page):
    run(page, "SELECT DATE '2026-11-02' + 7 * range::INT AS week, range + 1 AS n FROM range(3)")
    expect_rows(page, 3)
    show(page, "Chart")
    labels = page.locator(".st-key-sql-chart svg .role-axis-label").first.locator("text")
    expect(labels).to_have_text(["Nov 02", "Nov 09", "Nov 16"])


def test_a_query_that_is_opened_begins_at_its_first_line(page):
    tab(page, "Queries")
    typed(page, "SELECT 1")
    row_of(page, "sql-shipped", "New accounts and their first servers").get_by_role("button").click()
    expect(code(page)).to_contain_text("-- New accounts")
    view = page.locator(".st-key-sql-editor .cm-scroller")
    assert view.evaluate("view => [view.scrollTop, view.scrollHeight > view.clientHeight]") == [0, True]


def test_too_many_rows_and_too_long_a_time_say_what_to_do(page):
    run(page, "SELECT * FROM range(100001)")
    expect(page.locator(".st-key-sql-error")).to_contain_text(
        "The answer has more than 100,000 rows: group them, add a LIMIT or a WHERE, or choose more rows above."
    )
    expect(page.locator(".st-key-sql-error-text")).to_have_count(0)  # which would say it twice
    page.locator(".st-key-stop").get_by_role("combobox").click()
    page.get_by_role("option", name="Stop after 5 s").click()
    expect(page.locator(".st-key-stop").get_by_role("combobox")).to_have_value("Stop after 5 s")
    run(page, RUNAWAY)
    expect(page.locator(".st-key-sql-error")).to_contain_text(re.compile(r"Ended after [\d.]+ s: look at fewer rows"))


def test_an_answer_beyond_the_budget_says_what_to_do_and_the_page_goes_on(page):
    run(page, "SELECT repeat('x', 1000000) FROM range(300)")
    expect(page.locator(".st-key-sql-error")).to_contain_text(
        "The answer has more than 256 MB: ask for fewer columns or rows."
    )
    run(page, "SELECT 1 AS one")
    expect_rows(page, 1)


def test_more_rows_than_a_browser_shows_are_said_to_be_in_the_files(page):
    run(page, "SELECT range AS n FROM range(20000)")
    expect_rows(page, "20,000")
    expect(results(page)).to_contain_text("The first 10,000 of 20,000 rows. The files hold all of them.")


def test_only_a_select_runs(page):
    run(page, "DELETE FROM notifications")
    expect(page.locator(".st-key-sql-error")).to_contain_text("Only SELECT")


def test_back_and_forward_run_what_ran_then(page):
    run(page, "SELECT 1 AS first")
    expect_rows(page, 1)
    run(page, "SELECT range AS second FROM range(2)")
    expect_rows(page, 2)
    page.go_back()
    expect(code(page)).to_have_text("SELECT 1 AS first")
    expect_rows(page, 1)
    page.go_forward()
    expect(code(page)).to_have_text("SELECT range AS second FROM range(2)")
    expect_rows(page, 2)


def test_long_sql_is_carried_by_its_link_too_and_too_long_says_so(live, watch, page):
    sql = "SELECT " + ", ".join(f"{n} AS n{n}" for n in range(300))
    run(page, sql)
    expect_rows(page, 1)
    page.wait_for_url(re.compile("packed="))
    other = watch(live.url).open(page.url.removeprefix(live.url))
    run_linked(other)
    expect_rows(other, 1)
    run(page, "SELECT " + ", ".join(f"hash('{n * n * 7919:x}') AS n{n * n * 104729:x}" for n in range(1500)))
    expect(page.get_by_text("This SQL is too long for a link")).to_be_visible()
    page.wait_for_url(re.compile("^((?!packed=).)*$"))


def test_what_was_typed_survives_another_page_and_a_reload(page):
    run(page, "SELECT 1 AS one")
    expect_rows(page, 1)
    typed(page, "SELECT 'not run yet'")
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    page.get_by_role("link", name="SQL").click()
    expect(code(page)).to_have_text("SELECT 'not run yet'")
    page.reload()
    expect(code(page)).to_have_text("SELECT 'not run yet'")


def test_the_keyboard_leaves_the_editor_by_escape_and_tab_and_comments_by_its_key(page):
    typed(page, "SELECT 1")
    page.keyboard.press("ControlOrMeta+/")
    expect(code(page)).to_have_text("-- SELECT 1")
    page.keyboard.press("Tab")
    expect(code(page)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(".st-key-sql-editor button.run")).to_be_focused()


def test_a_shipped_query_opens_runs_and_comes_back_from_the_history(page):
    tab(page, "Queries")
    row_of(page, "sql-shipped", "Notifications by day").get_by_role("button").click()
    expect(code(page)).to_contain_text("-- Notifications by day")
    page.locator(".st-key-sql-editor button.run").click()
    expect(results(page)).to_contain_text(re.compile(r"\d+ rows? in "))
    typed(page, "SELECT 2")
    tab(page, "History")
    past_queries(page).filter(has_text="Notifications by day").click()
    expect(code(page)).to_contain_text("-- Notifications by day")


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
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = download.value.path().read_text("utf-8")
    assert list(csv.reader(io.StringIO(text))) == [["formula", "n"], ["'=1+1", "2"]]
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON lines").click()
    assert download.value.path().read_bytes() == b'{"formula":"=1+1","n":2}\n'


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


def named_queries(page):
    return page.locator(".st-key-sql-named .open")


def keep_as(page, name):
    """Keep the editor's query under a name."""
    page.get_by_role("button", name="Keep as…").click()
    page.get_by_role("textbox", name="Name of the query").press_sequentially(name)
    page.get_by_role("button", name="Keep", exact=True).click()


def test_what_ran_stays_in_this_browser_after_a_reload_newest_first_and_waits_for_run(live, watch, page):
    for number in (1, 2):
        run(page, f"SELECT repeat('xyz', 2) AS word FROM range({number})")
        expect_rows(page, number)
    page.goto(f"{live.url}/sql")
    tab(page, "History")
    expect(past_queries(page).first).to_have_text(re.compile(r"range\(2\)\d\d:\d\d:\d\d · 2 rows · "))
    expect(past_queries(page).nth(1)).to_contain_text("range(1)")
    assert "xyzxyz" not in page.evaluate("JSON.stringify(localStorage)")  # the text, never the rows
    past_queries(page).nth(1).click()
    expect(code(page)).to_contain_text("range(1)")
    expect(results(page)).to_contain_text("Run the query to see its rows here.")
    other = watch(live.url).open("/sql")
    tab(other, "History")
    expect(other.get_by_text("Queries that you run are listed here.")).to_be_visible()


def test_a_kept_query_has_the_chart_that_it_was_kept_with(live, page):
    run(page, "SELECT event_type, count(*) AS n FROM events GROUP BY event_type")
    show(page, "Chart")
    page.locator(".st-key-sql-chart-chart").get_by_role("combobox").click()
    page.get_by_role("option", name="Area").click()
    page.wait_for_url(re.compile("chart=area"))
    tab(page, "Queries")
    keep_as(page, "charted")
    page.goto(f"{live.url}/sql")
    tab(page, "Queries")
    named_queries(page).click()
    page.locator(".st-key-sql-editor button.run").click()
    page.wait_for_url(re.compile("chart=area"))
    expect(page.locator(".st-key-sql-chart svg.marks .mark-area").first).to_be_attached()


def test_once_another_query_is_opened_nothing_says_that_a_link_brought_it(live, page):
    tab(page, "Queries")
    typed(page, "SELECT 1 AS one")
    keep_as(page, "kept")
    page.goto(f"{live.url}/sql?sql=SELECT+2")
    linked = page.get_by_text("This query came with a link.")
    expect(linked).to_be_visible()
    tab(page, "Queries")
    named_queries(page).click()
    expect(code(page)).to_have_text("SELECT 1 AS one")
    expect(linked).to_be_hidden()


def test_a_query_is_kept_under_a_name_renamed_by_keeping_it_again_and_deleted(page):
    tab(page, "Queries")
    typed(page, "SELECT 1 AS one")
    keep_as(page, "first")
    expect(named_queries(page)).to_have_text(["firstSELECT 1 AS one"])
    keep_as(page, "renamed")
    expect(named_queries(page)).to_have_text(["renamedSELECT 1 AS one"])
    typed(page, "SELECT 2 AS two")
    keep_as(page, "renamed")
    expect(named_queries(page)).to_have_text(["renamedSELECT 2 AS two"])
    page.reload()
    typed(page, "SELECT 3")
    tab(page, "Queries")
    named_queries(page).click()
    expect(code(page)).to_have_text("SELECT 2 AS two")
    page.get_by_role("button", name="Delete renamed").click()
    expect(named_queries(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(named_queries(page)).to_have_count(1)
    page.get_by_role("button", name="Delete renamed").click()
    page.reload()
    tab(page, "Queries")
    expect(page.get_by_text("Keep a query under a name to find it here.")).to_be_visible()


def test_kept_queries_leave_the_browser_neither_when_they_are_kept_nor_when_they_are_put_into_the_editor(live, watch):
    watched, sent = watch(live.url), []
    watched.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
    watched.page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    page = watched.open("/sql")
    typed(page, "SELECT 'a secret' AS word")
    keep_as(page, "a secret name")
    tab(page, "Queries")
    typed(page, "SELECT 1")
    named_queries(page).click()
    expect(code(page)).to_contain_text("a secret")
    assert sent
    assert not [each for each in sent if "secret" in each]


@pytest.mark.parametrize(("number", "length"), [(300, 1), (100, 20_000)])
def test_the_history_is_bounded_in_number_and_size(page, number, length):
    many = [{"sql": f"SELECT {place} {' ' * length}"} for place in range(number)]
    page.evaluate("many => localStorage.setItem('clc-sql-past', JSON.stringify(many))", many)
    run(page, "SELECT 1 AS latest")
    expect_rows(page, 1)
    tab(page, "History")
    expect(past_queries(page).first).to_contain_text("latest")
    kept = page.evaluate("localStorage.getItem('clc-sql-past')")
    assert len(kept) <= 251_000
    assert kept.count('"sql"') <= 100
    assert '"SELECT 0 ' in kept
