"""A browser for these tests, and a receiver with a dashboard for each module."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.audited import send
from tests.browser.viewers import Tabs, Viewers
from tests.browser.watching import SECONDS
from tests.support.browsing import UNOPTIMIZED, a_browser, a_dashboard
from tests.support.keys import key_directory
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, Receiver, environment, running
from tests.support.waiting import until


# Playwright has an event loop of its own while it runs: it ends before other tests want theirs.
@pytest.fixture(scope="package")
def browser():
    expect.set_options(timeout=SECONDS * 1000)
    with a_browser(UNOPTIMIZED) as started:
        yield started
    expect.set_options(timeout=None)


class Live:
    """A receiver and a dashboard on it."""

    def __init__(self, receiver: Receiver, url: str) -> None:
        self.receiver, self.url = receiver, url

    def simulate(self, *options: str) -> None:
        """Let the simulator send, and wait until all of it is stored."""
        count = int(options[options.index("--count") + 1]) if "--count" in options else 1
        stored = self.one("SELECT count(*) FROM notifications")
        key = str(key_directory() / "private.pem")
        command = ("simulate", "--to", self.receiver.url, "--key", key, *options)
        data_dir = self.receiver.data_dir
        run_program("receiver", *command, env=environment(data_dir), cwd=data_dir, timeout=120).check_returncode()
        until(lambda: self.one("SELECT count(*) FROM notifications") >= stored + count, what="the store")

    def until_refused(self, count: int) -> None:
        """Wait until so many refused notifications are stored."""
        until(lambda: self.one("SELECT count(*) FROM rejected") >= count, what="the refused ones")

    def one(self, sql: str, *parameters):
        """Ask the query service for one value."""
        (row,) = self.receiver.sql(sql, list(parameters))
        return next(iter(row.values()))


@contextmanager
def a_live_one(data_dir: Path, **settings: str) -> Iterator[Live]:
    """Run a receiver with settings, and a dashboard on it."""
    with running(PreparedReceiver, data_dir, **settings) as receiver, a_dashboard(data_dir, receiver.query_url) as url:
        yield Live(receiver, url)


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory) -> Iterator[Live]:  # noqa: ARG001 - without one there is nothing to start
    with a_live_one(tmp_path_factory.mktemp("live") / "data") as started:
        yield started


# Starting one for each module would take as long as its tests do.
@pytest.fixture(scope="package")
def audited(browser, tmp_path_factory) -> Iterator[Live]:  # noqa: ARG001 - without one there is nothing to start
    """Run one for all modules that look at the same history: a module may add to it and changes nothing in it."""
    with a_live_one(tmp_path_factory.mktemp("audited") / "data") as started:
        started.simulate("--count", "150", "--rate", "0", "--seed", "5")
        send(started)
        assert started.receiver.sender.post("/webhooks/Server.Updated", b"{}", {"User-Agent": "odd"}).status == 401
        started.until_refused(1)
        yield started


# A page whose scripts are in the browser's cache takes three quarters of the processor time of one in a new browser.
@pytest.fixture(scope="package")
def viewers(browser) -> Iterator[Viewers]:
    """Make the browsers of all tests, which keep nothing but their caches from one test to the next."""
    started = Viewers(browser)
    yield started
    started.close()


@pytest.fixture(scope="module")
def tabs(viewers) -> Iterator[Tabs]:
    """Let the documents of a module's tests stay: going on within one takes a third of the time of a new one."""
    kept = Tabs(viewers, stay=True)
    yield kept
    kept.close()


@pytest.fixture
def watch(viewers, request):
    """Make watched pages, each in a browser of its own; at the end none may have done what it must not."""
    tabs = request.getfixturevalue("tabs") if "tabs" in request.fixturenames else Tabs(viewers)
    failed = request.session.testsfailed
    yield tabs.new
    tabs.end(passed=request.session.testsfailed == failed)
    viewers.forget()
