"""Take the documentation's pictures of the real dashboard on `clc-receiver demo`, each light and dark.

Run it from the repository's root: `PYTHONPATH=. .venv/bin/python .ci/pictures.py [NAME…]`
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import quote

from playwright.sync_api import Browser, Page

from tests.support.browsing import a_browser

FOLDER = Path(".github")
THEMES = ("light", "dark")
WIDTH = 1440
LARGEST_BYTES = 400_000
DRAWN_SECONDS = 120
HISTORY_DAYS = 30
# Slow enough that the live sender is not all that charts of the last days show.
RATE = 0.5
QUESTION = """\
-- Servers that got more memory, by day and account
SELECT date_trunc('day', changed_at) AS day, account_alias, count(*) AS servers
FROM changes
WHERE path = 'details.memoryMB' AND kind = 'changed' AND NOT noise
  AND TRY_CAST(new_value AS INTEGER) > TRY_CAST(old_value AS INTEGER)
GROUP BY ALL
ORDER BY day, account_alias
"""


class Picture(NamedTuple):
    """A picture: the page's address, its height in pixels, what is clicked, and what shows that all is drawn."""

    address: str
    height: int
    clicked: Sequence[str]
    shown: Sequence[str]


PICTURES = {
    "activity": Picture(
        "/?range=7+d&refresh=off",
        1230,
        [],
        [".st-key-over-time svg.marks", ".st-key-hours-card svg.marks", ".st-key-centres-list tbody tr"],
    ),
    "notifications": Picture(
        "/notifications?refresh=off&events=Server.Updated",
        1230,
        [".st-key-notifications tbody tr:nth-child(3) td:nth-child(2)"],
        [".st-key-verdict"],
    ),
    "alerts": Picture("/alerts?refresh=off&range=7+d", 1000, [], [".st-key-alarms-over-time svg.marks"]),
    "audit": Picture(
        "/audit?refresh=off",
        1000,
        [".st-key-findings tbody tr:nth-child(2) td:nth-child(3)"],
        [".st-key-findings-over-time svg.marks", ".st-key-finding-notifications tbody tr"],
    ),
    "sql": Picture(
        f"/sql?show=Chart&sql={quote(QUESTION)}", 1000, [], [".cm-content", ".st-key-sql-results svg.marks"]
    ),
}


def main() -> None:
    """Start the demonstration, take the pictures, and end it."""
    names = sys.argv[1:] or list(PICTURES)
    program = shutil.which("clc-receiver", path=str(Path(sys.executable).parent)) or "clc-receiver"
    with TemporaryDirectory() as directory:
        options = ["--data-dir", directory, "--days", str(HISTORY_DAYS), "--rate", str(RATE)]
        demo = subprocess.Popen([program, "demo", "--no-browser", *options], stderr=subprocess.PIPE, text=True)
        try:
            url = _dashboard_of(demo)
            FOLDER.mkdir(exist_ok=True)
            with a_browser() as browser:
                for name in names:
                    for theme in THEMES:
                        _write(f"{name}-{theme}.png", _taken(browser, url, PICTURES[name], theme))
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)


def _dashboard_of(demo: subprocess.Popen[str]) -> str:
    said = ""
    for line in demo.stderr:
        said += line
        if "Press Ctrl-C to stop the demo." in line:
            return re.search(r"Dashboard\s+(\S+)", said)[1]
    raise SystemExit(f"the demonstration did not come up:\n{said}")


def _taken(browser: Browser, url: str, picture: Picture, theme: str) -> bytes:
    context = browser.new_context(viewport={"width": WIDTH, "height": picture.height}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(DRAWN_SECONDS * 1000)
    page.goto(url + picture.address)
    for selector in picture.clicked:
        page.locator(selector).first.click()
    for selector in picture.shown:
        page.locator(selector).first.wait_for()
    page.mouse.move(0, 0)
    try:
        return _settled(page)
    finally:
        context.close()


def _settled(page: Page) -> bytes:
    """Return a picture as soon as two in a row are alike."""
    before, now = b"", page.screenshot(animations="disabled")
    deadline = time.monotonic() + DRAWN_SECONDS
    while before != now and time.monotonic() < deadline:
        page.wait_for_timeout(300)
        before, now = now, page.screenshot(animations="disabled")
    return now


def _write(name: str, picture: bytes) -> None:
    assert len(picture) < LARGEST_BYTES, f"{name} has {len(picture):,} bytes"
    (FOLDER / name).write_bytes(picture)
    print(f"{FOLDER / name}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
