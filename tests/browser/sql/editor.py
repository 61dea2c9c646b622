"""What tests do on the SQL page, and where on it they look."""

import re

import urllib3
from playwright.sync_api import expect

from tests.support.waiting import until

RUNAWAY = "SELECT count(*) FROM range(100000000000) AS a, range(1000) AS b"

CANCELLED_WITHIN_SECONDS = 1.0
GRID = """() => {
  const grid = document.querySelector(".st-key-sql-rows canvas");
  grid?.scrollIntoView({ block: "nearest" });
  const box = grid?.getBoundingClientRect();
  return box?.height ? { x: box.x, y: box.y } : null;
}"""


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


def tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def past_queries(page):
    return page.locator(".st-key-sql-past .open")


def show(page, name):
    page.locator(".st-key-sql-show").get_by_text(name, exact=True).click()


def options(page):
    return page.locator(".st-key-sql-editor .cm-tooltip-autocomplete li")


def cell(page, row):
    """Find the middle of a row's first cell, on the screen; row 0 is the head."""
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    # While the rows are drawn anew, the grid has no place for a moment, or gives way to another.
    box = until(lambda: page.evaluate(GRID), what="the grid")
    return box["x"] + 20, box["y"] + 31 * row + 15


def named_queries(page):
    return page.locator(".st-key-sql-named .open")


def keep_as(page, name):
    """Keep the editor's query under a name."""
    page.get_by_role("button", name="Keep as…").click()
    page.get_by_role("textbox", name="Name of the query").press_sequentially(name)
    page.get_by_role("button", name="Keep", exact=True).click()
