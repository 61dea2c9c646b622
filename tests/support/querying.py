"""Runs a query service over real sockets, on a real DuckDB file opened as the receiver opens it."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa
import urllib3
from prometheus_client import CollectorRegistry
from tornado.netutil import bind_sockets

from receiver.store.query.connections import BoundedServer
from receiver.store.query.request import carries
from receiver.store.query.runner import QueryLimits, QueryRunner
from receiver.store.query.service import ServiceHandler, make_query_app
from tests.support.database import open_database
from tests.support.waiting import until

TOKEN = "a-token-of-the-tests"
LIMITS = QueryLimits(timeout_seconds=20, max_rows=100_000)
RUNAWAY = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"
ENDLESS_ROWS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) FROM t"

_DEPTH = 24
ENDLESS_PLANNING = (
    "WITH c0 AS (SELECT seq FROM notifications)"
    + "".join(
        f", c{n} AS NOT MATERIALIZED (SELECT a.seq FROM c{n - 1} a JOIN c{n - 1} b USING (seq))"
        for n in range(1, _DEPTH)
    )
    + f" SELECT count(*) FROM c{_DEPTH - 1}"
)


@contextmanager
def asked(url, token, sql, times, **rest):
    """Send the same query several times to a query service, and leave the answers alone."""
    clients = [http.client.HTTPConnection(url.removeprefix("http://")) for _ in range(times)]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        for client in clients:
            client.request("POST", "/query", json.dumps({"sql": sql, **rest}), headers)
        yield
    finally:
        for client in clients:
            client.close()


class Service:
    """A running query service and a client of it."""

    connections: Callable[[], int]
    stop_queries: Callable[[], object]
    stand_still: Callable[[float], object]

    def __init__(self, connection, port):
        self.connection = connection
        self.port = port
        self.pool = urllib3.PoolManager(retries=False, maxsize=8)

    def request(self, method, path, body=None, headers=None, **without):
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.pool.request(method, f"http://127.0.0.1:{self.port}{path}", body=body, headers=headers, **without)

    def post(self, sql, *, headers=None, **rest):
        return self.request("POST", "/query", json.dumps({"sql": sql, **rest}), headers)

    def table(self, sql, **rest):
        response = self.post(sql, **rest)
        assert response.status == 200, response.data
        assert response.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
        return pa.ipc.open_stream(response.data).read_all()

    def rows(self, sql, **rest):
        return [tuple(row.values()) for row in self.table(sql, **rest).to_pylist()]

    def metric(self, name):
        lines = self.request("GET", "/metrics", headers={"Authorization": None}).data.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def until_nothing_runs(self):
        until(lambda: self.metric("clc_queries_running") == 0, what="the running queries to end")

    @contextmanager
    def hung(self, sql, **rest):
        """Send a query and leave its answer alone; the connection is closed at the end."""
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        body = json.dumps({"sql": sql, **rest})
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        client.request("POST", "/query", body, headers)
        try:
            yield client
        finally:
            client.close()


def stand_still(loop, seconds):
    """Let time pass for a running loop as if the process had been stopped for so long."""
    loop.time = lambda: time.monotonic() + seconds


class EchoHandler(ServiceHandler):
    def post(self):
        self.finish({"got": self.request.body.decode()})


@contextmanager
def serving(path, limits=LIMITS, on_ignored=None, **of_server):
    ready = threading.Event()
    running: dict[str, Any] = {}

    async def serve(connection):
        echo = [("/echo", EchoHandler)]
        registry = CollectorRegistry()
        runner = QueryRunner(connection, limits, registry, on_ignored=on_ignored)
        app = make_query_app(runner, TOKEN, echo, registry=registry, hosts=["store.example"])
        server = BoundedServer(app, has_token=lambda headers: carries(headers, TOKEN.encode()), **of_server)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        running.update(loop=asyncio.get_running_loop(), stop=asyncio.Event(), port=sockets[0].getsockname()[1])
        running["connections"] = lambda: len(server._connections)
        running["stop_queries"] = runner.stop
        ready.set()
        await running["stop"].wait()
        server.stop()
        runner.stop()
        await server.close_all_connections()
        # DuckDB refuses to close a connection while a query of one of its cursors runs.
        async with asyncio.timeout(60):
            while not runner.has_ended:  # noqa: ASYNC110 - queries end by themselves
                await asyncio.sleep(0.01)

    with open_database(path, "200MB") as connection:
        connection.execute("CREATE OR REPLACE TABLE kept AS SELECT range AS n FROM range(3)").fetchall()
        thread = threading.Thread(target=lambda: asyncio.run(serve(connection)))
        thread.start()
        assert ready.wait(60)
        service = Service(connection, running["port"])
        service.connections = running["connections"]
        service.stop_queries = lambda: running["loop"].call_soon_threadsafe(running["stop_queries"])
        service.stand_still = partial(running["loop"].call_soon_threadsafe, stand_still, running["loop"])
        try:
            yield service
        finally:
            service.pool.clear()
            running["loop"].call_soon_threadsafe(running["stop"].set)
            thread.join()


def refusal(response):
    assert response.headers["Content-Type"].startswith("application/json")
    answer = json.loads(response.data)
    assert answer.keys() == {"error", "detail"}
    assert answer["detail"]
    return response.status, answer["error"]
