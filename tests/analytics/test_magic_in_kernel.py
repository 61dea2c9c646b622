"""The magic `clc` in a real kernel: a query that runs long says so, and ends when the kernel is interrupted."""

import os
import queue
import re
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from tests.support.processes import PreparedReceiver, environment, running
from tests.support.readable_store import account, build_store
from tests.support.waiting import until

RUNAWAY = "SELECT count(*) FROM range(1000000000000) AS a, range(1000000) AS b"
SLOW = "SELECT count(*) AS n FROM range(100000) AS a(i), range($size) AS b(j) WHERE (i * j) % 7 = 3"
SECONDS = 60
pytestmark = pytest.mark.full


class Kernel:
    """A kernel with the extension loaded; what its cells showed is kept."""

    def __init__(self, manager, client) -> None:
        self.manager, self.client = manager, client
        self.shown: list[str] = []
        assert self.run("%load_ext analytics")["status"] == "ok"

    def begin(self, code: str) -> str:
        """Send a cell; where it fails, the kernel does not drop the cell that comes next."""
        self.shown.clear()
        return self.client.execute(code, stop_on_error=False)

    def read(self) -> None:
        """Keep what the kernel shows, if anything came."""
        try:
            content = self.client.get_iopub_msg(timeout=0.05)["content"]
        except queue.Empty:
            return
        said = (
            content.get("data", {}).get("text/plain") or content.get("text") or "\n".join(content.get("traceback", []))
        )
        if isinstance(said, str) and said:
            self.shown.append(said)

    def until_shown(self, pattern: str) -> re.Match[str]:
        """Wait until the kernel showed something."""

        def found():
            self.read()
            return re.search(pattern, "\n".join(self.shown))

        return until(found, seconds=SECONDS, what=f"{pattern!r} shown by the kernel")

    def end(self, request: str) -> dict:
        """Return how a cell ended."""
        while (reply := self.client.get_shell_msg(timeout=SECONDS))["parent_header"]["msg_id"] != request:
            pass
        return reply["content"]

    def run(self, code: str) -> dict:
        """Run a cell to its end."""
        return self.end(self.begin(code))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with running(PreparedReceiver, tmp_path_factory.mktemp("kernel") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def kernel(receiver):
    env = environment(receiver.data_dir, CLC_QUERY_LISTEN=receiver.query_url.removeprefix("http://"))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), env.get("PYTHONPATH")]))
    env["IPYTHONDIR"] = str(receiver.data_dir / "ipython")
    manager, client = start_new_kernel(kernel_name="python3", env=env, cwd=str(receiver.data_dir))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return build_store(tmp_path_factory.mktemp("file") / "store.duckdb", [account("ACME", "Acme", None)])


def running_queries(receiver) -> float:
    from urllib3 import request

    text = request("GET", f"{receiver.query_url}/metrics").data.decode()
    return float(re.search(r"^clc_queries_running (\S+)", text, re.MULTILINE)[1])


@pytest.mark.parametrize("where", ["query service", "file"])
def test_interrupting_the_kernel_ends_the_query_and_the_kernel_goes_on(kernel, receiver, file, where):
    location = "" if where == "query service" else f"--location {file}"
    request = kernel.begin(f"%%clc {location}\n{RUNAWAY}")
    kernel.until_shown("Running for [1-9][0-9]* s; interrupting the kernel ends the query")
    if not location:
        assert running_queries(receiver) == 1
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    ended = kernel.end(request)
    if not location:
        until(lambda: running_queries(receiver) == 0, what="the end of the query in DuckDB")
    assert time.monotonic() - began < 5
    assert (ended["status"], ended["ename"]) == ("error", "UsageError")
    assert re.fullmatch(r"The query was interrupted after \d+\.\d s\.", ended["evalue"])
    kernel.until_shown(r"Ended after \d+\.\d s")
    assert kernel.run(f"%%clc {location}\nSELECT 41 + 1 AS answer")["status"] == "ok"
    kernel.until_shown(r"answer\n0 +42")


def test_a_query_that_takes_a_while_says_how_long_and_what_came_and_a_quick_one_says_nothing(kernel):
    assert kernel.run("%%clc\nSELECT 'quick' AS answer")["status"] == "ok"
    kernel.until_shown("quick")
    assert not any("Running" in text or " in " in text for text in kernel.shown), kernel.shown
    assert (
        kernel.run("from analytics.notebook import magic\nmagic.BEGINS_SECONDS, size = 0.05, 6_000")["status"] == "ok"
    )
    assert kernel.run(f"%%clc -o counted\n{SLOW}")["status"] == "ok"
    kernel.until_shown(r"Running for \d+ s")
    kernel.until_shown(r"1 row in \d+\.\d s")
