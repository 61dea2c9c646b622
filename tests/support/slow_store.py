"""A query service that takes its time, or fails: what lies between a dashboard and a real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

from tests.support.waiting import until

LONGEST_SECONDS = 120
TIMEOUT = (504, b'{"error": "timeout", "detail": "The query took longer than 30 s and was ended."}')
BUSY = (429, b'{"error": "busy", "detail": "As many queries run and wait as may."}')


class SlowStore:
    """Passes requests on to a query service; while `lets_through` is cleared, queries wait and `/healthz` does not.

    While `failing` names texts, queries that have one of them fail with `failure`, and so does such a path.
    While it holds back texts, queries that have one of them wait.
    """

    def __init__(self, url: str) -> None:
        self.lets_through = threading.Event()
        self.lets_through.set()
        self.failing: set[str] = set()
        self.failure = TIMEOUT
        self.failed = 0
        self.held_back: set[str] = set()
        slow = self
        pool, lets_through = urllib3.PoolManager(maxsize=16, retries=False), self.lets_through

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path != "/healthz":
                    lets_through.wait(LONGEST_SECONDS)
                sent = ("Authorization", "Content-Type")
                headers = {name: self.headers[name] for name in sent if name in self.headers}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if any(text.encode() in body for text in slow.held_back):
                    until(lambda: not slow.held_back, seconds=LONGEST_SECONDS, what="what is let through")
                if self.path in slow.failing or any(text.encode() in body for text in slow.failing):
                    slow.failed += 1
                    self.answer(*slow.failure)
                else:
                    answer = pool.request(self.command, url + self.path, body=body, headers=headers)
                    self.answer(answer.status, answer.data)

            def answer(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815 - the server looks for this name

            def log_message(self, *_) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_) -> None:
                """Say nothing: a client that hangs up is what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def a_slow_store(url: str) -> Iterator[SlowStore]:
    """Run one in front of a query service."""
    slow = SlowStore(url)
    thread = threading.Thread(target=slow.server.serve_forever)
    thread.start()
    try:
        yield slow
    finally:
        slow.lets_through.set()
        slow.held_back = set()
        slow.server.shutdown()
        thread.join()
        slow.server.server_close()
