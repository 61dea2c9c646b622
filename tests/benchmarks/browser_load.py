"""Ten viewers whose pages refresh while notifications come: does the receiver answer as quickly as without them?"""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Error, Page

from tests.benchmarks.accept import Answered, pause_for, post, simulated, written
from tests.benchmarks.report import Figure
from tests.support.browsing import a_browser, chromium, errors_on
from tests.support.processes import Receiver

RATE = 500
REFRESH = "refresh=5+s"
VIEWED = [
    f"/?{REFRESH}",
    f"/?{REFRESH}&range=1+h",
    f"/?{REFRESH}&range=30+d",
    f"/notifications?{REFRESH}",
    f"/notifications?{REFRESH}&events=Server.Updated",
    f"/notifications?{REFRESH}&signature=valid",
    f"/alerts?{REFRESH}",
    f"/audit?{REFRESH}",
    f"/entity?{REFRESH}&named=web",
    f"/health?{REFRESH}",
]
# Linux shares processors among groups of processes first, and lets one of low priority go on for some milliseconds
# before it gives way: at once do only processes of an idle group.
LOW_PRIORITY = """#!/bin/sh
idle=/sys/fs/cgroup/cpu/viewers
if mkdir -p $idle && echo 1 > $idle/cpu.idle && echo $$ > $idle/cgroup.procs; then :
elif [ -w /proc/self/autogroup ]; then echo 19 > /proc/self/autogroup
fi 2> /dev/null
exec chrt --idle 0 {chromium} "$@"
"""
COUNT_REFRESHES = """() => {
  window.refreshes = 0;
  let last = document.querySelector('.st-key-freshness .age')?.dataset.drawnAt;
  setInterval(() => {
    const now = document.querySelector('.st-key-freshness .age')?.dataset.drawnAt;
    if (now && now !== last) window.refreshes += 1;
    last = now ?? last;
  }, 100);
}"""


AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


@contextmanager
def weighed_by_priority() -> Iterator[None]:
    """Let Linux weigh processes that are started now by their `nice` alone, not by sessions first, if that may be set.

    Otherwise all that a terminal starts, the receiver among it, counts as one beside the viewers' idle group.
    """
    try:
        before = AUTOGROUP.read_text()
        AUTOGROUP.write_text("0")
    except OSError:
        yield
        return
    try:
        yield
    finally:
        AUTOGROUP.write_text(before)


def with_and_without_viewers(receiver: Receiver, url: str, seconds: int, directory: Path) -> list[Figure]:
    """Send for some seconds without a viewer, and then others with ten."""
    count = RATE * seconds
    notifications = simulated(2 * count, time.time())
    alone = send(receiver, written(directory / "alone", notifications[:count]), seconds)
    watched_posts = written(directory / "watched", notifications[count:])
    with viewers(url) as pages:
        watched = send(receiver, watched_posts, seconds)
        refreshes = [page.evaluate("window.refreshes") for page in pages]
        errors = [error for page, raised in pages.items() for error in problems(page, raised)]
    told = f"{watched.rate:,.0f}/s; the browser runs only while nobody else wants to, the sender always"
    return [
        Figure("the receiver's p99 without viewers", alone.p99, "ms", "", f"{alone.rate:,.0f}/s"),
        Figure("the receiver's p99 with ten viewers", watched.p99, "ms", "", told),
        Figure("the one over the other", watched.p99 / alone.p99, "", "≤ 1.5"),
        Figure("notifications not answered with 200", alone.failed + watched.failed, "", "0"),
        Figure("errors that viewers saw", len(errors), "", "0", "; ".join(errors)[:200]),
        Figure(
            "refreshes of the slowest viewer", min(refreshes), "", f"about {seconds / 5:,.0f}", str(sorted(refreshes))
        ),
    ]


def send(receiver: Receiver, posts: Path, seconds: int) -> Answered:
    """Let wrk post for some seconds, before all others as from a machine of its own, where that may be.

    What it measured otherwise was, for the most part, how long it waited itself. What was written before, copies of
    databases for example, must be on the disk: the spool's syncs would wait for it.
    """
    os.sync()
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))
    except PermissionError:
        return post(receiver.url, posts, pause_for(RATE), seconds)
    try:
        return post(receiver.url, posts, pause_for(RATE), seconds)
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def giving_way(directory: Path) -> Iterator[None]:
    """Let browsers that are started in a block run only while nobody else wants to, as on a viewer's own machine."""
    program = directory / "chromium-of-low-priority"
    program.write_text(LOW_PRIORITY.format(chromium=shlex.quote(chromium())))
    program.chmod(0o755)
    before = os.environ.get("CHROMIUM")
    os.environ["CHROMIUM"] = str(program)
    try:
        yield
    finally:
        os.environ.pop("CHROMIUM")
        if before is not None:
            os.environ["CHROMIUM"] = before


@contextmanager
def viewers(url: str) -> Iterator[dict[Page, list[str]]]:
    """Open ten pages, each as a viewer of its own; count how often each refreshes, and keep what its scripts raise."""
    with a_browser() as browser:
        pages = {browser.new_context(viewport={"width": 1500, "height": 1000}).new_page(): [] for _ in VIEWED}
        for (page, raised), address in zip(pages.items(), VIEWED, strict=True):
            page.set_default_timeout(120_000)
            page.on("pageerror", partial(_note, raised))
            page.goto(url + address)
        for page in pages:
            page.locator(".st-key-freshness").wait_for()
            page.evaluate(COUNT_REFRESHES)
        for page in pages:
            page.wait_for_function("() => window.refreshes > 0")
            page.evaluate("window.refreshes = 0")
        yield pages


def _note(raised: list[str], error: Error) -> None:
    raised.append(str(error))


def problems(page: Page, raised: list[str]) -> list[str]:
    """Say what went wrong on a page: what it shows as an error, or what its scripts raised."""
    shown = [*errors_on(page), *page.locator("[class*=st-key-trouble-]").all_inner_texts()]
    allowed = page.locator(".st-key-health-state").all_inner_texts()
    return [text for text in [*shown, *raised] if text not in allowed]
