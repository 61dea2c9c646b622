"""The SQL page: what ran, what is kept in the browser, and links."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.sql.editor import (
    code,
    expect_rows,
    keep_as,
    named_queries,
    past_queries,
    results,
    run,
    show,
    tab,
    typed,
)
from tests.browser.watching import row_of, run_linked

pytestmark = pytest.mark.browser


@pytest.mark.full
def test_a_query_that_is_opened_begins_at_its_first_line(page):
    tab(page, "Queries")
    typed(page, "SELECT 1")
    row_of(page, "sql-shipped", "New accounts and their first servers").get_by_role("button").click()
    expect(code(page)).to_contain_text("-- New accounts")
    view = page.locator(".st-key-sql-editor .cm-scroller")
    assert view.evaluate("view => [view.scrollTop, view.scrollHeight > view.clientHeight]") == [0, True]


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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


@pytest.mark.full
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
