"""Connections without the token are bounded, and neither they nor wrong tokens keep out holders of the right one."""

import contextlib
import socket

import pytest

from receiver.store.query.request import MOST_WRONG, WINDOW_SECONDS, WrongTokens
from tests.support.querying import refusal, serving
from tests.support.waiting import until

MOST = 20


@pytest.fixture
def small(tmp_path):
    """A service with room for few connections."""
    with serving(tmp_path / "clc.duckdb", most=MOST) as running:
        yield running


@contextlib.contextmanager
def strangers(port, count, sent=b""):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(count)]
        for each in sockets:
            with contextlib.suppress(OSError):
                each.sendall(sent)
        yield sockets


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /query HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["idle", "half a header", "no body", "kept open"],
)
def test_connections_without_the_token_are_bounded_and_keep_nobody_out(small, sent):
    assert small.rows("SELECT 1") == [(1,)]
    with strangers(small.port, 5 * MOST, sent):
        until(lambda: small.connections() >= MOST, what="the strangers' connections")
        assert small.rows("SELECT 2") == [(2,)]
        small.pool.clear()
        assert small.rows("SELECT 3") == [(3,)]
        until(lambda: small.connections() <= MOST, what="the connections to be few again")


def test_a_head_of_many_lines_is_not_parsed(small):
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"x:\r\n" * 101 + b"\r\n"
    with strangers(small.port, 1, head) as (stranger,):
        assert stranger.recv(100).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_connection_that_waits_too_long_for_its_request_is_closed(tmp_path):
    with serving(tmp_path / "clc.duckdb", idle_connection_timeout=0.2) as service:
        with strangers(service.port, 2, b"GET /healthz HTTP/1.1\r\n") as sockets:
            assert [each.recv(100) for each in sockets] == [b"", b""]
        until(lambda: service.connections() == 0, what="no connection")


def test_many_wrong_tokens_are_told_to_wait_and_the_right_one_is_not(tmp_path):
    wrong = {"Authorization": "Bearer wrong"}
    with serving(tmp_path / "clc.duckdb") as service:
        answers = [service.post("SELECT 1", headers=wrong) for _ in range(MOST_WRONG + 1)]
        assert {refusal(answer) for answer in answers[:-1]} == {(401, "unauthorized")}
        assert refusal(answers[-1]) == (429, "throttled")
        assert 0 < int(answers[-1].headers["Retry-After"]) <= WINDOW_SECONDS
        assert service.rows("SELECT 1") == [(1,)]
        assert refusal(service.post("SELECT 1", headers={"Authorization": None})) == (401, "unauthorized")


def test_wrong_tokens_are_counted_by_address_and_forgotten_after_a_minute():
    now = [0.0]
    wrong = WrongTokens(lambda: now[0])
    for _ in range(MOST_WRONG):
        assert wrong.note("192.0.2.1") is None
    now[0] = 10
    assert wrong.note("192.0.2.1") == 50
    assert wrong.note("192.0.2.2") is None
    now[0] = 60
    assert wrong.note("192.0.2.1") is None
    for address in range(5_000):
        wrong.note(f"2001:db8::{address:x}")
    assert len(wrong._counts) == 1_000
