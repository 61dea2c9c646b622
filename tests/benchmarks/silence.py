"""The time until an open page says that the store stands still, was killed, or takes too long for its queries."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Browser

from tests.benchmarks.report import Figure
from tests.browser.audited import SERVER, send
from tests.browser.conftest import Live
from tests.browser.watching import AGE
from tests.support.browsing import a_browser, a_dashboard
from tests.support.pages import pages
from tests.support.processes import Process, Receiver, running, stopped
from tests.support.slow_store import a_slow_store

MOST_MS = 60_000
SAYS_SO = "() => document.documentElement.hasAttribute('data-clc-silent')"
Fault = Callable[[], AbstractContextManager[object]]


def silence(directory: Path) -> list[Figure]:
    """Open each page, one at a time, and measure it with each fault."""
    del directory
    with tempfile.TemporaryDirectory() as place, a_browser() as browser:
        data_dir = Path(place) / "data"
        with running(Receiver, data_dir, CLC_HANG_SECONDS="3600") as receiver:
            with a_dashboard(data_dir, receiver.query_url, kind=Process) as url:
                send(Live(receiver, url))
                receiver.sender.post("/webhooks/Server.Updated", b"{}", {"User-Agent": "refused"})
                figures = [
                    measure("stands still", browser, url, lambda: stopped(receiver.children()["store"])),
                    measure("is killed", browser, url, lambda: killed(receiver)),
                ]
            with a_slow_store(receiver.query_url) as slow, a_dashboard(data_dir, slow.url, kind=Process) as url:

                @contextmanager
                def slowed() -> Iterator[None]:
                    slow.lets_through.clear()
                    yield
                    slow.lets_through.set()

                return [*figures, measure("takes 20 s for a query", browser, url, slowed)]


@contextmanager
def killed(receiver: Receiver) -> Iterator[None]:
    """Kill the store, and let nobody start it again until the end of the block."""
    os.kill(receiver.process.pid, signal.SIGSTOP)
    os.kill(receiver.children()["store"], signal.SIGKILL)
    yield
    os.kill(receiver.process.pid, signal.SIGCONT)


def measure(what: str, browser: Browser, url: str, fault: Fault) -> Figure:
    """Return the longest time of all pages, and the times of each."""
    seconds = {}
    for name, shown in pages(SERVER, 1).items():
        context = browser.new_context()
        page = context.new_page()
        page.goto(url + shown.address.replace("refresh=off", "refresh=5+s"))
        page.locator(AGE).wait_for(timeout=MOST_MS)
        page.locator(shown.drawn).first.wait_for(timeout=MOST_MS)
        with fault():
            began = perf_counter()
            page.wait_for_function(SAYS_SO, timeout=MOST_MS)
            seconds[name] = perf_counter() - began
        page.wait_for_function(f"() => !({SAYS_SO})()", timeout=MOST_MS)
        context.close()
    each = ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())
    return Figure(f"until a page says that the store {what}", max(seconds.values()), "s", "≤ 5", each)
