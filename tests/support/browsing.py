"""The dashboard in a real browser."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.ports import free_address
from tests.support.prepared import DashboardFork
from tests.support.processes import Process, environment
from tests.support.waiting import until

# The first has no windows of its own to draw: it takes two thirds of the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
# As root in a sandboxed machine, and without Chromium's own calls to the outside. Pages of one context share a process,
# which has then compiled Streamlit's scripts already.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",
]
UNOPTIMIZED = "--js-flags=--no-opt --no-maglev"
"""For tests: none of their pages lives long enough for its scripts to be worth optimizing, a fifth of its work."""


def chromium() -> str:
    """Find the browser; without one the test is skipped, or fails where BROWSER_TESTS=required."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    reason = "no Chromium on this machine: install Debian's chromium-headless-shell, or name one with CHROMIUM"
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def a_browser(*more: str) -> Iterator[Browser]:
    """Start Chromium, with more arguments if need be."""
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def a_viewer(directory: Path, **options) -> Iterator[BrowserContext]:
    """Start Chromium with a profile on disk, as a viewer has: it keeps what it fetched, and the code it compiled."""
    executable = chromium()
    with sync_playwright() as playwright:
        viewer = playwright.chromium.launch_persistent_context(
            directory, executable_path=executable, args=ARGUMENTS, **options
        )
        try:
            yield viewer
        finally:
            viewer.close()


class PreparedDashboard(Process):
    """A dashboard in a fork of a process that has imported it: imports are most of its start."""

    start = DashboardFork


@contextmanager
def a_dashboard(
    data_dir: Path,
    query_url: str,
    cwd: Path | None = None,
    *,
    address: str | None = None,
    kind: type[Process] = PreparedDashboard,
    **settings: str,
) -> Iterator[str]:
    """Run `clc-analytics dashboard` on a query service and give its URL; `address` is its host and port.

    Where its start itself is seen or measured, `kind` is `Process`.
    """
    address = address or free_address()
    port = address.rpartition(":")[2]
    settings = {"CLC_QUERY_LISTEN": query_url.removeprefix("http://"), **settings}
    command = [sys.executable, "-m", "analytics", "dashboard", "--no-browser", "--port", port]
    process = kind(command, environment(data_dir, **settings), cwd=cwd or data_dir)
    try:
        url = f"http://{address}"
        until(lambda: answers(f"{url}/_stcore/health") or process.ended(), seconds=60, what="the dashboard")
        yield url
    finally:
        process.stop()
    assert "Traceback \033" not in process.log, process.log  # in colors, which hide it from what follows
    assert "Uncaught app execution" not in process.log, process.log
    # Streamlit's server may tell of a browser that left in the middle of an answer, which went through the gate; our
    # own code may raise nothing.
    tracebacks = re.findall(r"^Traceback \(most recent call last\):\n((?:\s.*\n)+)", process.log, re.MULTILINE)
    ours = r'File "[^"]*/(analytics|app_dashboard)\b(?!/pages/serving/gate\.py", line \d+, in __call__)'
    assert not [one for one in tracebacks if re.search(ours, one)], process.log


def answers(url: str) -> bool:
    """Tell whether a URL answers 200."""
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def errors_on(page: Page) -> list[str]:
    """Read what a page shows as an error."""
    return page.locator("[data-testid=stException], [data-testid=stAlert], .st-key-not-running").all_inner_texts()
