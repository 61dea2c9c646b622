"""No other page uses the dashboard through a viewer's browser: under another host, in a frame, or by a link."""

import sys
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest
import urllib3
from playwright.sync_api import expect

from analytics.pages.serving.gate import Hosts
from tests.browser.watching import run_linked
from tests.support.browsing import a_dashboard
from tests.support.ports import free_address
from tests.support.processes import Process, environment
from tests.support.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(audited):
    return audited


def status(url: str, method: str = "GET", **headers: str) -> int:
    return urllib3.request(method, url, headers=headers, retries=False).status


def opens_stream(url: str, host: str, origin: str) -> bool:
    """Say whether the dashboard takes a WebSocket, through which a page can do all that its viewer can."""
    parts = urlsplit(url)
    upgrade = {
        "Host": host,
        "Origin": origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    with closing(HTTPConnection(parts.hostname, parts.port, timeout=20)) as connection:
        connection.request("GET", "/_stcore/stream", headers=upgrade)
        status = connection.getresponse().status
    assert status in (101, 403)
    return status == 101


@pytest.mark.parametrize("host", ["evil.example:{port}", "localhost.evil.example", "127.0.0.1@evil.example", ""])
def test_under_another_host_nothing_is_answered(live, host):
    host = host.format(port=urlsplit(live.url).port)
    for path in ("/", "/sql", "/_stcore/health", "/_stcore/host-config", "/nowhere"):
        assert status(live.url + path, Host=host) in (400, 403), path
    if host:
        assert not opens_stream(live.url, host, f"http://{host}")


def test_under_the_names_of_this_machine_it_answers(live):
    port = urlsplit(live.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost"):
        assert status(f"{live.url}/", Host=host) == 200
        assert opens_stream(live.url, host, f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://a.streamlit.app", "http://localhost:1", "http://127.0.0.1", "null", "http://["],
)
def test_pages_of_others_can_send_it_nothing(live, origin):
    assert status(f"{live.url}/_stcore/host-config", Origin=origin) == 403
    assert not opens_stream(live.url, urlsplit(live.url).netloc, origin)


def test_a_path_of_several_parts_leads_to_what_it_names_last(live):
    """A browser would not find the page's scripts from there, and stay white."""
    answer = urllib3.request("GET", f"{live.url}/no/such%20place/notifications?seq=5", redirect=False)
    assert (answer.status, answer.headers["Location"]) == (307, "../../notifications?seq=5")


def test_nothing_can_be_uploaded(live):
    assert status(f"{live.url}/_stcore/upload_file/a/b", "PUT") == 403


def test_each_answer_forbids_frames_other_servers_and_guessed_types(live):
    for path in ("/", "/sql", "/nowhere", "/_stcore/health", "/_stcore/upload_file"):
        headers = urllib3.request("GET", live.url + path, retries=False).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["frame-ancestors"] == policy["default-src"] == policy["base-uri"] == "'none'"
        assert policy["connect-src"] == "'self'"
        assert "unsafe" not in policy["script-src"]


def test_an_injected_script_does_not_run_and_a_frame_stays_empty(live, browser):
    page = browser.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{live.url}/set-up")
    page.locator(".st-key-title").wait_for()
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.injected = true';
          document.body.append(script);
          const button = document.createElement('button');
          button.setAttribute('onclick', 'window.injected = true');
          document.body.append(button);
          button.click();
        }"""
    )
    assert page.evaluate("window.injected") is None
    until(lambda: len(refused) >= 2, what="the browser's refusals")
    page.set_content(f'<iframe src="{live.url}/health"></iframe>')
    assert "chrome-error" in page.frames[-1].evaluate("location.href")
    page.close()


def test_a_link_fills_the_editor_and_waits_for_run(live, watch):
    started = live.receiver.sql("SELECT 1 AS one")
    assert started
    page = watch(live.url).open(f"/sql?sql={quote('SELECT 41 + 1 AS answer')}")
    expect(page.locator(".st-key-sql-editor .cm-content")).to_have_text("SELECT 41 + 1 AS answer")
    expect(page.locator(".st-key-sql-results")).to_contain_text("This query came with a link. Read it, then press Run.")
    expect(page.locator(".st-key-sql-results")).not_to_contain_text("row in")
    run_linked(page)
    expect(page.locator(".st-key-sql-results")).to_contain_text("1 row in")


@pytest.fixture(scope="module")
def opened(live, tmp_path_factory):
    """The address that the command opens in a browser, of a dashboard that nothing prepared, in an odd directory.

    Streamlit would offer to install something there, for a user with a coding agent, and the configuration there would
    open the dashboard to every page.
    """
    place = tmp_path_factory.mktemp("opened")
    opener, told = place / "opener", place / "told"
    opener.write_text(f'#!/bin/sh\necho "$1" > {told}.new && mv {told}.new {told}\n')
    opener.chmod(0o700)
    (place / "home" / ".claude").mkdir(parents=True)
    (place / ".streamlit").mkdir()
    (place / ".streamlit" / "config.toml").write_text(
        '[server]\nenableCORS = false\nenableXsrfProtection = false\nbaseUrlPath = "odd"\nenableStaticServing = true\n'
        'allowedHosts = ["*"]\n[client]\nallowedOrigins = ["*"]\n',
        "utf-8",
    )
    (place / ".streamlit" / "secrets.toml").write_text("[connections.store]\nlocation = 'nowhere.duckdb'\n", "utf-8")
    settings = {"CLC_QUERY_LISTEN": live.receiver.query_url.removeprefix("http://"), "HOME": str(place / "home")}
    port = free_address().rpartition(":")[2]
    command = [sys.executable, "-m", "analytics", "dashboard", "--port", port]
    process = Process(command, environment(live.receiver.data_dir, BROWSER=str(opener), **settings), cwd=place)
    try:
        until(told.exists, seconds=60, what="the browser")
        assert told.read_text() == f"http://127.0.0.1:{port}\n"
        yield told.read_text().strip()
    finally:
        process.stop()


def test_the_command_opens_the_page_and_streamlit_offers_to_install_nothing(opened, watch):
    """It would do so on this machine alone, where the command may open a browser itself."""
    page = watch(opened).load("/?refresh=off")
    expect(page.get_by_test_id("stSkillsNudge")).to_have_count(0)


def test_a_configuration_of_streamlit_in_the_working_directory_changes_nothing(opened):
    assert status(f"{opened}/sql") == 200
    host_config = urllib3.request("GET", f"{opened}/_stcore/host-config").json()
    assert "*" not in host_config["allowedOrigins"]
    assert not opens_stream(opened, urlsplit(opened).netloc, "https://evil.example")


def test_a_proxys_name_is_answered_where_it_is_named(live):
    with a_dashboard(live.receiver.data_dir, live.receiver.query_url, CLC_DASHBOARD_HOSTS="clc.example.com") as url:
        assert status(f"{url}/", Host="clc.example.com") == 200
        assert status(f"{url}/", Host="other.example.com") == 403
        # Some proxies pass on their own name for the server instead of the one that the browser used.
        assert opens_stream(url, urlsplit(url).netloc, "https://clc.example.com")
        assert not opens_stream(url, urlsplit(url).netloc, "https://other.example.com")


def test_on_all_addresses_it_answers_under_any_ip_address_and_no_name():
    hosts = Hosts("0.0.0.0", frozenset())
    assert hosts.include("192.0.2.7:8501")
    assert hosts.include("[2001:db8::1]:8501")
    assert not hosts.include("evil.example:8501")
    assert not Hosts("127.0.0.1", frozenset()).include("192.0.2.7:8501")
