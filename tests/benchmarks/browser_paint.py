"""How long a page takes until it is drawn, beside one of Streamlit with nothing on it, and until a click has shown."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, ViewportSize

from analytics.commands.dashboard import list_streamlit_options
from receiver.network.sockets import find_free_address
from tests.benchmarks.query_recorder import recorder
from tests.benchmarks.report import Figure, part
from tests.support.browsing import a_browser, a_dashboard, a_viewer, answers
from tests.support.pages import Shown, pages
from tests.support.processes import Process, Receiver, environment
from tests.support.waiting import until

WARM, RUNS = 3, 7
CYCLES = 6
MORE_MS = 700
EVERY_MS, POLLING_MS = 8, 50
"""How often the watcher and Playwright look: a look at each frame makes the browser draw frames with nothing new."""
VIEWPORT: ViewportSize = {"width": 1500, "height": 1400}
EMPTY = "an empty page of Streamlit"
# What is looked for may lie in the shadow of a component. Playwright's own waiting looks twice a second at last.
PAINTED = """(wanted) => {
  const inside = (node, inner) => {
    if (!inner) return node;
    const found = node.querySelector(inner);
    if (found) return found;
    for (const one of node.querySelectorAll('*')) {
      const deeper = one.shadowRoot && one.shadowRoot.querySelector(inner);
      if (deeper) return deeper;
    }
  };
  const find = ([outer, inner]) =>
    [...document.querySelectorAll(outer)].map((node) => inside(node, inner)).find(Boolean);
  window.painted = {};
  const missing = new Set(Object.keys(wanted));
  const look = () => {
    const there = [...missing].filter((name) => find(wanted[name]));
    // Asked before a frame: elsewhere it would let the browser work out the page's layout once more.
    if (there.length) requestAnimationFrame(() => {
      for (const name of there) {
        if (missing.has(name) && find(wanted[name])?.getClientRects().length) {
          window.painted[name] = performance.now();
          missing.delete(name);
        }
      }
    });
    if (missing.size) setTimeout(look, EVERY_MS);
  };
  look();
}""".replace("EVERY_MS", str(EVERY_MS))
WATCH = """(selector) => {
  const drawn = () => document.querySelector(selector)?.innerHTML;
  const before = drawn();
  window.measured = new Promise((resolve, reject) => {
    let began = null;
    const heard = new AbortController();
    // The last one counts: a choice takes a click on its button before.
    const begin = () => { began = performance.now(); };
    for (const kind of ['click', 'keydown']) addEventListener(kind, begin, { capture: true, signal: heard.signal });
    setTimeout(() => reject(new Error(`nothing new in ${selector}`)), 60000);
    const isNew = () => {
      const now = drawn();
      return now && now !== before;
    };
    const look = () => {
      // The chart's text comes last: writing it out at each look would take the browser a quarter of its time.
      if (began === null || document.querySelector('[data-stale=true]') || !isNew()) return setTimeout(look, EVERY_MS);
      heard.abort();
      requestAnimationFrame(() => resolve(performance.now() - began));
    };
    look();
  });
}""".replace("EVERY_MS", str(EVERY_MS))


def first_paints(url: str, directory: Path, server: str, seq: int) -> list[Figure]:
    """Open each page again and again, and the empty one with each; the server, and the browser's caches, are warm."""
    with an_empty_page(directory) as empty_url, a_viewer(directory / "profile", viewport=VIEWPORT) as viewer:
        visited = {EMPTY: (empty_url, Shown("/", "[data-testid=stText]", "[data-testid=stText]"))}
        visited |= {name: (url, shown) for name, shown in pages(server, seq).items()}
        took: dict[str, list[Painted]] = {name: [] for name in visited}
        for run in range(WARM + RUNS):
            for name, (base, shown) in visited.items():
                painted = paint(viewer, base, shown)
                if run >= WARM:
                    took[name].append(painted)
    medians = {name: statistics.median(one.first for one in times) for name, times in took.items()}
    goal = f"≤ {medians[EMPTY] + MORE_MS:,.0f}"
    return [
        Figure(
            f"first paint, {name}",
            median,
            "ms",
            "" if name == EMPTY else goal,
            f"slowest of {RUNS}: {max(one.first for one in took[name]):,.0f}; "
            f"the whole page: {statistics.median(one.whole for one in took[name]):,.0f}",
        )
        for name, median in medians.items()
    ]


class Painted(NamedTuple):
    """In how many milliseconds from a navigation's start a page shows what the store told first, and all of itself."""

    first: float
    whole: float


def paint(viewer, base: str, shown: Shown) -> Painted:
    """Open an address, and say in which time it is drawn, as the browser itself counts."""
    page = viewer.new_page()
    page.set_default_timeout(60_000)
    wanted = {"first": shown.first.split(" ", 1), "whole": shown.drawn.split(" ", 1)}
    page.add_init_script(f"({PAINTED})({json.dumps(wanted)})")
    page.goto(base + shown.address, wait_until="commit")
    page.wait_for_function("() => window.painted?.first && window.painted.whole", polling=POLLING_MS)
    took = page.evaluate("window.painted")
    page.close()
    return Painted(took["first"], took["whole"])


@contextmanager
def an_empty_page(directory: Path) -> Iterator[str]:
    """Run Streamlit as the dashboard does, on a page with one text."""
    address = find_free_address("127.0.0.1:0")
    options = list_streamlit_options(int(address.rpartition(":")[2]), "127.0.0.1")
    script = str(Path(__file__).with_name("empty_page.py"))
    process = Process(
        [sys.executable, "-m", "streamlit", "run", script, *options], environment(directory), cwd=directory
    )
    try:
        until(lambda: answers(f"http://{address}/_stcore/health") or process.ended(), what="the empty page")
        yield f"http://{address}"
    finally:
        process.stop()


def choose(key: str, name: str) -> Callable[[Page], None]:
    """Choose from a list."""

    def act(page: Page) -> None:
        page.locator(f".st-key-{key}").get_by_role("combobox").click()
        page.get_by_role("option", name=name, exact=True).click()

    return act


def row(key: str, place: int) -> Callable[[Page], None]:
    """Make a click on a row of a list."""
    return lambda page: page.locator(f".st-key-{key} tbody tr").nth(place).locator("button").first.click()


def button(key: str) -> Callable[[Page], None]:
    """Make a click on a button."""
    return lambda page: page.locator(f".st-key-{key} button").click()


def typed(name: str, text: str) -> Callable[[Page], None]:
    """Type into a field, and leave it by Enter."""

    def act(page: Page) -> None:
        field = page.get_by_role("textbox", name=name, exact=True)
        if not field.is_visible():
            page.locator(".st-key-filters-button button").click()
        field.fill(text)
        page.keyboard.press("Enter")

    return act


class Used(NamedTuple):
    """A page, the chart on it that is watched, and what is done again and again, each of which changes the chart."""

    address: str
    chart: str
    acts: list[Callable[[Page], None]]


USED = {
    "Activity": Used(
        "/?refresh=off&range=all",
        ".st-key-over-time svg.marks",
        [choose("range", "28 d"), choose("range", "24 h"), choose("range", "all"), row("types-list", 0),
         row("types-list", 1), button("clear-all")],
    ),
    "Notifications": Used(
        "/notifications?refresh=off",
        ".st-key-histogram svg.marks",
        [typed("Entity contains", "web"), typed("Entity contains", "db"), typed("Entity contains", "")],
    ),
    "Alerts": Used(
        "/alerts?refresh=off&range=all",
        ".st-key-alarms-over-time svg.marks",
        # Shorter ranges may hold no alarm, and then have no chart.
        [choose("range", "28 d"), choose("range", "90 d"), choose("range", "all")],
    ),
    "Audit": Used(
        "/audit?refresh=off&range=7+d",
        ".st-key-findings-over-time svg.marks",
        [choose("range", "24 h"), choose("range", "28 d"), choose("range", "7 d")],
    ),
}  # fmt: skip


def interactions(receiver: Receiver) -> list[Figure]:
    """Click through the pages with charts, and say how long new charts take, and the SQL behind them.

    The SQL is timed in a second round: what notes when queries run takes the processor, which no viewer has.
    """
    with a_dashboard(receiver.data_dir, receiver.query_url, kind=Process) as url, a_browser() as browser:
        shown = {name: use(browser, url, used)[0] for name, used in USED.items()}
    with (
        recorder(receiver.query_url) as recording,
        a_dashboard(receiver.data_dir, recording.url, kind=Process) as url,
        a_browser() as browser,
    ):
        asked = {name: use(browser, url, used, recording.seconds)[1] for name, used in USED.items()}
    return [
        figure
        for name in USED
        for figure in (
            p95(f"{name}: new charts after an interaction, p95", shown[name], "≤ 500"),
            p95(f"{name}: the SQL behind it, p95", asked[name], "≤ 200"),
        )
    ]


def p95(what: str, milliseconds: list[float], goal: str) -> Figure:
    """Return the figure of what was measured again and again."""
    remark = f"median {statistics.median(milliseconds):,.0f}, of {len(milliseconds)}"
    return Figure(what, part(milliseconds, 0.95), "ms", goal, remark)


def use(
    browser: Browser, url: str, used: Used, sql_seconds: Callable[[float], float] = lambda _: 0.0
) -> tuple[list[float], list[float]]:
    """Do all that is to be done on a page, some times over; the first time is not counted.

    Returns:
        For each the milliseconds until its chart was new, and those in which SQL ran for it.
    """
    page = browser.new_context(viewport=VIEWPORT).new_page()
    page.set_default_timeout(60_000)
    page.goto(url + used.address)
    page.locator(used.chart).wait_for()
    shown, asked = [], []
    for cycle in range(CYCLES + 1):
        for act in used.acts:
            page.evaluate(WATCH, used.chart)
            began = time.perf_counter()
            act(page)
            took = page.evaluate("window.measured")
            page.wait_for_function("() => !document.querySelector('[data-stale=true]')", polling=POLLING_MS)
            if cycle:
                shown.append(took)
                asked.append(sql_seconds(began) * 1000)
    page.context.close()
    return shown, asked
