"""The HTML of the pages: it leads to what is there, and its browser connects at once."""

import re
import socket
from urllib.parse import urlsplit

import pytest
import urllib3

from analytics.pages.pages import SHOWS
from analytics.pages.serving.served import SCRIPTS, STATIC
from tests.support.browsing import a_dashboard
from tests.support.pages import pages
from tests.support.processes import Process

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(audited):
    return audited


def html_of(live, name: str) -> str:
    answer = urllib3.request("GET", f"{live.url}/{name}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    return answer.data.decode()


def scripts(html: str) -> list[str]:
    return re.findall(r'rel="modulepreload"[^>]* href="\./([^"]+)"', html)


def test_every_page_has_one_and_names_scripts_that_there_are(live):
    assert {urlsplit(shown.address).path.strip("/") for shown in pages("WA1", 1).values()} == set(SHOWS)
    named = {name: scripts(html_of(live, name)) for name in SHOWS}
    for path in {path for paths in named.values() for path in paths}:
        assert urllib3.request("HEAD", f"{live.url}/{path}").status == 200, path
    assert all(len(paths) == len(set(paths)) for paths in named.values())
    charts = {name for name, paths in named.items() if any("ArrowVegaLiteChart" in path for path in paths)}
    assert charts == {"", "notifications", "alerts", "audit"}


@pytest.mark.full
def test_what_a_page_is_drawn_with_was_named_by_it(live, watch):
    """Otherwise a new Streamlit calls its scripts something else, or imports them in another way."""
    for name in ("", "alerts"):
        named = {path.rpartition("/")[2] for path in scripts(html_of(live, name))}
        page = watch(live.url).open(f"/{name}?refresh=off")
        page.locator("svg.marks").first.or_(page.locator(".st-key-nothing")).wait_for()
        fetched = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name.split('/').pop())")
        later = {script for script in fetched if script.endswith(".js")} - named
        assert len(later) < len(named) / 10, later


@pytest.mark.full
def test_a_browser_looks_for_the_server_at_no_other_address(live, watch):
    page = watch(live.url)
    asked = []
    page.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.open("/notifications?refresh=off").locator(".st-key-title").wait_for()
    assert not [path for path in asked if path.startswith("/notifications/")]


@pytest.mark.full
def test_the_dashboard_ends_although_a_browser_does_not_read_what_it_asked_for(live):
    place = (live.receiver.data_dir, live.receiver.query_url)
    with socket.socket() as reader, a_dashboard(*place, kind=Process) as url:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader.connect((urlsplit(url).hostname, urlsplit(url).port))
        largest = max((STATIC / SCRIPTS).glob("*.js"), key=lambda script: script.stat().st_size)
        reader.sendall(f"GET /{SCRIPTS}/{largest.name} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        assert reader.recv(15) == b"HTTP/1.1 200 OK"
        # The dashboard is stopped here, before its reader.


@pytest.mark.full
def test_a_page_that_goes_blank_is_loaded_again(live, watch):
    """A script's error while a page is drawn leaves its document without content."""
    page = watch(live.url).open("/notifications?when=7+d&refresh=off")
    title = page.locator(".st-key-title")
    title.wait_for()
    page.evaluate("document.getElementById('root').replaceChildren()")
    title.wait_for()
    assert page.url.endswith("/notifications?when=7+d&refresh=off")


def given(html: str):
    return lambda route: route.fulfill(body=html, content_type="text/html")


def test_behind_a_proxy_the_server_is_below_its_path(live, watch):
    page = watch(live.url).page
    for path, name in (("/notifications", "notifications"), ("/clc/notifications", "notifications"), ("/clc/", "")):
        html = re.sub(r'<script type="module".*?</script>', "", html_of(live, name))
        page.route(live.url + path, given(html))
        page.goto(live.url + path)
        expected = live.url + ("/clc" if path.startswith("/clc") else "")
        assert page.evaluate("window.__streamlit.BACKEND_BASE_URL") == expected
