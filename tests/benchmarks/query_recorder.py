"""A stop on the way to the query service that notes when queries run, to tell SQL from what else takes time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

FORWARDED = ("Authorization", "Content-Type")


class Recorder(ThreadingHTTPServer):
    """Passes requests on to a query service; `spans` are when each began and ended, by `time.perf_counter`."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.target = target
        self.pool = urllib3.PoolManager(maxsize=32, retries=False)
        self.spans: list[tuple[float, float]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def seconds(self, since: float) -> float:
        """Say for how long at least one query ran since a moment."""
        total, until = 0.0, since
        for begin, end in sorted(span for span in list(self.spans) if span[1] > since):
            total += max(0.0, end - max(begin, until))
            until = max(until, end)
        return total


class Passing(BaseHTTPRequestHandler):
    """Passes one request on, and its answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Recorder

    def do_POST(self) -> None:
        """Pass a query on."""
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        """Pass another request on."""
        self._pass_on(None)

    def _pass_on(self, body: bytes | None) -> None:
        headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
        began = time.perf_counter()
        answer = self.server.pool.request(self.command, self.server.target + self.path, body=body, headers=headers)
        if body is not None:
            self.server.spans.append((began, time.perf_counter()))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def recorder(target: str) -> Iterator[Recorder]:
    """Run a recorder before a query service, for the length of a block."""
    recording = Recorder(target)
    thread = threading.Thread(target=recording.serve_forever, daemon=True)
    thread.start()
    try:
        yield recording
    finally:
        recording.shutdown()
        recording.server_close()
        thread.join()
