"""Four readers at once, while notifications arrive: dashboard, notebook, command line, and plain HTTP."""

import json
import signal
import subprocess
import sys
import threading

import nbformat
import pytest
import urllib3

from tests.browser.watching import drawn_at
from tests.durability.support.load import Simulation
from tests.support.browsing import a_browser, a_dashboard, errors_on
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.sizes import size

SECONDS = size(3, 60)
RATE = size(100, 500)
PAUSE = 0.25
COUNT = "SELECT count(*) AS n FROM notifications"
NOTEBOOK = f"""
import time
counts, until = [], time.monotonic() + {SECONDS}
while time.monotonic() < until or counts[-1] == counts[0]:
    frame = get_ipython().run_line_magic("clc", "{COUNT}")
    counts.append(int(frame["n"][0]))
    time.sleep({PAUSE})
assert counts == sorted(counts)
print(len(counts), "queries")
"""


class Reader(threading.Thread):
    """Polls in a thread until told to stop, and keeps what went wrong."""

    def __init__(self, poll):
        super().__init__()
        self.polls, self.errors, self._poll, self._stop_now = 0, [], poll, threading.Event()

    def run(self):
        while not self._stop_now.is_set():
            try:
                self._poll()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
                self.errors.append(repr(error))
            self.polls += 1
            self._stop_now.wait(PAUSE)

    def end(self):
        self._stop_now.set()
        self.join(60)


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.browser
def test_four_readers_poll_without_an_error_while_hundreds_a_second_arrive(tmp_path, monkeypatch, capsys):
    with running(PreparedReceiver, tmp_path / "data") as receiver, a_browser() as browser:
        env = environment(receiver.data_dir, CLC_QUERY_LISTEN=receiver.query_url.removeprefix("http://"))
        for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN"):
            monkeypatch.setenv(name, env[name])

        def ask_by_http():
            headers = {"Authorization": f"Bearer {receiver.token}", "Content-Type": "application/json"}
            body = json.dumps({"sql": COUNT})
            response = urllib3.request("POST", f"{receiver.query_url}/query", body=body, headers=headers, retries=False)
            assert response.status == 200, response.data

        counts = [0]

        def ask_by_command():
            done = run_program("analytics", "sql", "--format", "json", COUNT, env=env, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            counts.append(json.loads(done.stdout)[0]["n"])
            assert counts[-1] >= counts[-2]

        readers = [Reader(ask_by_http), Reader(ask_by_command)]
        with (
            Simulation(tmp_path, receiver.url, RATE) as simulation,
            a_dashboard(receiver.data_dir, receiver.query_url) as url,
        ):
            page = browser.new_page()
            page.goto(f"{url}/?refresh=1+s")
            page.locator(".st-key-live").wait_for()
            for reader in readers:
                reader.start()
            notebook = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell("%load_ext analytics"), nbformat.v4.new_code_cell(NOTEBOOK)]
            )
            seen = Watcher(page)
            file = tmp_path / "polls.ipynb"
            nbformat.write(notebook, file)
            execute = [sys.executable, "-m", "jupyter", "execute", "--inplace", str(file)]
            kernel = subprocess.Popen(execute, env=env, stderr=subprocess.PIPE, text=True)
            while kernel.poll() is None:
                seen.look()
            _, complaint = kernel.communicate()
            assert kernel.returncode == 0, complaint
            outputs = nbformat.read(file, as_version=4).cells[1].outputs  # also how long a slow query takes
            polled = next(output.text.strip() for output in outputs if output.output_type == "stream")
            for reader in readers:
                reader.end()
            ended = simulation.stop(signal.SIGINT)
        with capsys.disabled():
            print(f"\nfour readers for {SECONDS} s: HTTP {readers[0].polls}, command line {readers[1].polls}, "
                  f"notebook {polled}, dashboard {len(seen.shown)} refreshes seen; "
                  f"{simulation.log.strip()}")  # fmt: skip
    assert [reader.errors for reader in readers] == [[], []]
    assert seen.errors == []
    assert len(seen.shown) > SECONDS / 10
    assert ended == 0, simulation.log


class Watcher:
    """Looks at the dashboard: what it says of its freshness, and what it shows as an error."""

    def __init__(self, page):
        self._page, self.shown, self.errors = page, [], []

    def look(self):
        at = drawn_at(self._page)
        if not self.shown or self.shown[-1] != at:
            self.shown.append(at)
        self.errors += errors_on(self._page)
        self._page.wait_for_timeout(200)
