"""Ten viewers whose pages refresh while notifications come: does the receiver answer as quickly as without them?"""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page

from tests.benchmarks.report import Figure, part
from tests.browsing import a_browser, chromium, errors_on
from tests.durability.load import Simulation
from tests.processes import Receiver

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
  let last = document.querySelector('.st-key-freshness')?.textContent;
  setInterval(() => {
    const now = document.querySelector('.st-key-freshness')?.textContent;
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


def with_and_without_viewers(receiver: Receiver, url: str, seconds: float, directory: Path) -> list[Figure]:
    """Send for some seconds without a viewer, and again with ten."""
    alone = answer_seconds(receiver, directory / "alone", seconds)
    with ExitStack() as opened:
        pages = opened.enter_context(viewers(url, directory))
        watched = answer_seconds(receiver, directory / "watched", seconds)
        refreshes = [page.evaluate("window.refreshes") for page in pages]
        errors = [error for page in pages for error in problems(page)]
    p99 = {name: part(answers, 0.99) * 1000 for name, answers in (("alone", alone), ("watched", watched))}
    rate = f"{len(watched) / seconds:,.0f}/s; the browser runs only while nobody else wants to, the sender always"
    return [
        Figure("the receiver's p99 without viewers", p99["alone"], "ms", "", f"{len(alone) / seconds:,.0f}/s"),
        Figure("the receiver's p99 with ten viewers", p99["watched"], "ms", "", rate),
        Figure("the one over the other", p99["watched"] / p99["alone"], "", "≤ 1.5"),
        Figure("errors that viewers saw", len(errors), "", "0", "; ".join(errors)[:200]),
        Figure(
            "refreshes of the slowest viewer", min(refreshes), "", f"about {seconds / 5:,.0f}", str(sorted(refreshes))
        ),
    ]


def answer_seconds(receiver: Receiver, directory: Path, seconds: float) -> list[float]:
    """Send for some seconds, and say in how many each was answered; each must be with 200."""
    directory.mkdir()
    with Simulation(directory, receiver.url, rate=RATE, concurrency=16, count=int(RATE * seconds)) as simulation:
        before_all_others(simulation.process.pid)
        simulation.process.wait(10 * seconds)
    lines = [json.loads(line) for line in simulation.report.read_text().splitlines()]
    assert {line["status"] for line in lines} == {200}
    times = [(datetime.fromisoformat(line["sent_at"]), datetime.fromisoformat(line["answered_at"])) for line in lines]
    return [(answered - sent).total_seconds() for sent, answered in times]


def before_all_others(process: int) -> None:
    """Let a process have the processors whenever it wants them, as a sender with a machine of its own; if that may be.

    What it measured otherwise was, for the most part, how long it waited itself.
    """
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(PermissionError):
            os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(1))


@contextmanager
def viewers(url: str, directory: Path) -> Iterator[list[Page]]:
    """Open ten pages, each as a viewer of its own, and count how often each refreshes."""
    program = directory / "chromium-of-low-priority"
    program.write_text(LOW_PRIORITY.format(chromium=shlex.quote(chromium())))
    program.chmod(0o755)
    before = os.environ.get("CHROMIUM")
    os.environ["CHROMIUM"] = str(program)
    try:
        with a_browser() as browser:
            pages = [browser.new_context(viewport={"width": 1500, "height": 1000}).new_page() for _ in VIEWED]
            for page, address in zip(pages, VIEWED, strict=True):
                page.set_default_timeout(120_000)
                page.failures = []
                page.on("pageerror", lambda error, page=page: page.failures.append(str(error)))
                page.goto(url + address)
            for page in pages:
                page.locator(".st-key-freshness").wait_for()
                page.evaluate(COUNT_REFRESHES)
            for page in pages:
                page.wait_for_function("window.refreshes > 0")
                page.evaluate("window.refreshes = 0")
            yield pages
    finally:
        os.environ.pop("CHROMIUM")
        if before is not None:
            os.environ["CHROMIUM"] = before


def problems(page: Page) -> list[str]:
    """Say what went wrong on a page: what it shows as an error, or what its scripts raised."""
    shown = [*errors_on(page), *page.locator(".st-key-trouble").all_inner_texts()]
    allowed = page.locator(".st-key-health-state").all_inner_texts()
    return [text for text in [*shown, *page.failures] if text not in allowed]
