"""A query service that answers by a script, for tests of what a client sends and how it reads answers."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa


class ScriptedServer(ThreadingHTTPServer):
    """Keeps what it is asked, and what it is to answer."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Service)
        self.asked, self.script = [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Service(BaseHTTPRequestHandler):
    """Answers as the query service does: by a script, or with one row of what was asked."""

    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers), json.loads(body), self.client_address))
        status, answer, promised = self.server.script.pop(0) if self.server.script else (200, one_row(), None)
        self.send_response(status)
        self.send_header("Content-Length", str(promised or len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        if promised:
            self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


def one_row():
    table = pa.table({"n": [1]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def refusal(status, code, detail):
    return status, json.dumps({"error": code, "detail": detail}).encode(), None


def run_service():
    """Run a service; yield it."""
    return serve(ScriptedServer())


@contextmanager
def serve(server):
    """Run a server in a thread; yield it."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
