"""The SQL page: writing a query with completion, running and cancelling it, and its limits."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.sql.editor import (
    CANCELLED_WITHIN_SECONDS,
    RUNAWAY,
    accept,
    code,
    ended,
    expect_rows,
    options,
    past_queries,
    results,
    run,
    running,
    show,
    tab,
    typed,
    until_it_runs,
)
from tests.browser.watching import column, row_of, run_linked
from tests.support.waiting import until

pytestmark = pytest.mark.browser


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


@pytest.mark.full
def test_enter_after_an_alias_or_a_unit_begins_a_new_line(page):
    for line in ("SELECT 1 FROM events e", "SELECT 1 FROM changes c", "SELECT now() - INTERVAL 30 days"):
        *begin, last = line.rpartition(" ")
        typed(page, "".join(begin))
        page.keyboard.type(last, delay=300)  # as slowly as a person, so that a list would come
        page.keyboard.press("Enter")
        page.keyboard.type("-- end")
        expect(page.locator(".st-key-sql-editor .cm-line")).to_have_text([line, "-- end"])


OFFERED_FIRST = [
    ("SELECT date_trunc('hour', received_at) AS hour FROM events ORDER BY ", "hou", "hour"),
    ("SELECT count(*) AS how_many_notes FROM events ORDER BY ", "how_", "how_many_notes"),
    ("SELECT count(*) AS how_many_notes FROM events ORDER BY ", "notes", "how_many_notes"),
    ("WITH my_cte AS (SELECT 1 AS n) SELECT n FROM ", "my_", "my_cte"),
    ("WITH one AS (SELECT 1), other_cte (n) AS MATERIALIZED (SELECT 2) SELECT * FROM ", "other", "other_cte"),
    ("FROM events SELECT ", "even", "event_type"),
    ("FROM events SELECT ", "type", "event_type"),
    ("SELECT 1 ", "LIM", "LIMIT"),
    ("SELECT * FROM events AS e WHERE e.", "act", "action"),
]


@pytest.mark.full
def test_own_names_and_columns_are_offered_before_functions(page):
    labels = options(page).locator(".cm-completionLabel")
    for sql, letters, offered in OFFERED_FIRST:
        typed(page, sql)
        page.keyboard.type(letters)
        expect(labels.first).to_have_text(offered)
        expect(labels.filter(has_not_text=re.compile(rf"(^|_){letters}", re.IGNORECASE))).to_have_count(0)


@pytest.mark.full
def test_a_name_after_as_is_the_users_own(page):
    typed(page, "SELECT count(*) AS ")
    page.keyboard.type("hou")
    page.wait_for_timeout(300)  # longer than the list takes to come
    expect(options(page)).to_have_count(0)
    typed(page, "SELECT CAST(seq AS ")
    page.keyboard.type("big")
    expect(options(page).first).to_contain_text("BIGINT")


@pytest.mark.full
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


@pytest.mark.full
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
    page, gone = watch(live.url).open("/sql"), ended(live, "gone")
    run(page, RUNAWAY)
    until_it_runs(page, live)
    page.goto("about:blank")  # as closing does, it takes the connection to the dashboard away
    until(lambda: running(live) == 0, what="DuckDB to be free")
    assert ended(live, "gone") == gone + 1


@pytest.mark.full
def test_opening_another_page_cancels_the_query(live, page):
    gone = ended(live, "gone")
    run(page, RUNAWAY)
    until_it_runs(page, live)
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".st-key-title h3")).to_have_text("Set up")
    until(lambda: running(live) == 0, what="DuckDB to be free")
    assert ended(live, "gone") == gone + 1


@pytest.mark.full
def test_another_run_cancels_the_one_before(live, page):
    run(page, RUNAWAY)
    until_it_runs(page, live)
    run(page, "SELECT 1 AS one")
    expect_rows(page, 1)
    until(lambda: running(live) == 0, what="DuckDB to be free")
    tab(page, "History")
    first, second = past_queries(page).all()
    expect(first).to_have_text(re.compile(r"^SELECT 1 AS one\s*\d\d:\d\d:\d\d · 1 row · [\d.,]+ m?s$"))
    expect(second).to_contain_text(" · cancelled · ")


@pytest.mark.full
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


@pytest.mark.full
def test_an_answer_beyond_the_budget_says_what_to_do_and_the_page_goes_on(page):
    run(page, "SELECT repeat('x', 1000000) FROM range(300)")
    expect(page.locator(".st-key-sql-error")).to_contain_text(
        "The answer has more than 256 MB: ask for fewer columns or rows."
    )
    run(page, "SELECT 1 AS one")
    expect_rows(page, 1)


@pytest.mark.full
def test_more_rows_than_a_browser_shows_are_said_to_be_in_the_files(page):
    run(page, "SELECT range AS n FROM range(20000)")
    expect_rows(page, "20,000")
    expect(results(page)).to_contain_text("The first 10,000 of 20,000 rows. The files hold all of them.")


def test_only_a_select_runs(page):
    run(page, "DELETE FROM notifications")
    expect(page.locator(".st-key-sql-error")).to_contain_text("Only SELECT")


def test_the_keyboard_leaves_the_editor_by_escape_and_tab_and_comments_by_its_key(page):
    typed(page, "SELECT 1")
    page.keyboard.press("ControlOrMeta+/")
    expect(code(page)).to_have_text("-- SELECT 1")
    page.keyboard.press("Tab")
    expect(code(page)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(".st-key-sql-editor button.run")).to_be_focused()
