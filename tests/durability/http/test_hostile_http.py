"""Bad, slow and too much input: each gets its documented answer or a time-out, and good clients are served beside."""

import gzip
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.durability.http.hurried import GOOD, HEAD, MIB, USER, closed_for, refusal
from tests.durability.http.wire import connected, is_closed, read_answers
from tests.durability.support.faults import resident_bytes
from tests.support.keys import signed
from tests.support.sizes import size, take_few
from tests.support.waiting import until


def exchange(listener, data, number=1):
    """Send bytes, and read the answers."""
    with connected(listener) as connection:
        connection.sendall(data)
        return read_answers(connection, number)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /webhooks/User.Updated HTTP/1.1\r\nNo colon here\r\n\r\n",
        b"POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n",
        b"POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
        b"POST /webhooks/User.Updated HTTP/1.1\r\n folded: first\r\n\r\n",
        HEAD + b"a:\r\n" * 100 + b"\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1_0\r\n\r\n0123456789",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}  ",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage",
    ],
)
def test_malformed_http_is_answered_400_without_a_body_and_the_connection_is_closed(listener, data):
    with connected(listener) as connection:
        connection.sendall(data)
        assert read_answers(connection) == [(400, b"")]
        assert is_closed(connection)


def test_headers_without_an_end_close_the_connection(listener):
    with connected(listener) as connection:
        connection.sendall(HEAD + b"X: " + b"x" * 100_000)
        assert is_closed(connection)


def test_a_target_or_headers_of_15000_bytes_are_taken_and_kept(listener):
    before = len(listener.spooled("rejected"))
    long = b"POST /webhooks/" + b"x" * 15_000 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    assert refusal(exchange(listener, long)[0]) == (404, "unknown_event")
    assert refusal(exchange(listener, HEAD + b"X: " + b"y" * 15_000 + b"\r\n\r\n")[0]) == (401, "signature_invalid")
    kept = listener.spooled("rejected")[before:]
    assert [(len(row.path), len(row.headers) > 15_000) for row in kept] == [(15_010, False), (22, True)]


@pytest.mark.parametrize("length", [2 * MIB, 10**17, 10**30, int("9" * 4000)])
def test_a_body_announced_as_too_large_is_refused_before_it_comes(listener, length):
    for extra in (b"", b"Expect: 100-continue\r\n"):
        head = HEAD + extra + b"Content-Length: %d\r\n\r\n" % length
        assert refusal(exchange(listener, head)[0]) == (413, "too_large")


def test_a_length_of_5000_digits_is_refused_too(listener):
    assert refusal(exchange(listener, HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")[0]) == (413, "too_large")


def test_who_sends_all_of_a_body_that_is_too_large_before_reading_reads_the_refusal_and_may_go_on(listener):
    body = b"x" * (20 * MIB)
    with connected(listener) as connection:
        for head, sent in (
            (b"Content-Length: %d\r\n\r\n" % len(body), body),
            (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"),
        ):
            connection.sendall(HEAD + head + sent)
            assert refusal(read_answers(connection)[0]) == (413, "too_large")
        connection.sendall(GOOD)
        assert read_answers(connection) == [(200, b"ok")]


def test_an_endless_body_is_refused_cut_off_and_takes_no_memory(listener, capsys):
    pid = listener.process.pid
    before = resident_bytes(pid)
    sent = 0
    with connected(listener) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
        with suppress(OSError):  # reset, or a broken pipe
            while sent < 1000:
                connection.sendall(chunk)
                sent += 1
    grown = resident_bytes(pid) - before
    assert 60 <= sent < 100
    assert grown < 24 * MIB
    with capsys.disabled():
        print(f"\nan endless body: cut off after {sent} MiB, memory {before / MIB:.0f} MiB + {grown / MIB:.1f} MiB")


@pytest.mark.full
def test_a_body_in_thousands_of_chunks_of_a_byte_is_cut_off(listener):
    with connected(listener) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2_000)
        assert is_closed(connection)


def test_a_compressed_body_is_no_json_and_is_kept_as_it_came(listener):
    packed = gzip.compress(USER)
    before = len(listener.spooled("rejected"))
    answer = listener.sender.post("/webhooks/User.Updated", packed, signed(packed) | {"Content-Encoding": "gzip"})
    assert (answer.status, json.loads(answer.data)["error"]) == (400, "not_json")
    (row,) = listener.spooled("rejected")[before:]
    assert (gzip.decompress(row.body), json.loads(row.headers)["Content-Encoding"]) == (USER, "gzip")


@pytest.mark.full
def test_a_small_body_that_unpacks_to_much_stays_small(listener):
    before = resident_bytes(listener.process.pid)
    bomb = gzip.compress(b" " * (200 * MIB))
    answer = listener.sender.post("/webhooks/User.Updated", bomb, signed(bomb) | {"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert resident_bytes(listener.process.pid) - before < 16 * MIB


def test_pipelined_requests_are_answered_in_order(listener):
    before = len(listener.spooled())
    bad = HEAD + b"Content-Length: 2\r\n\r\n[]"
    answers = exchange(listener, (GOOD + bad + b"GET /healthz HTTP/1.1\r\n\r\n") * 50, number=150)
    assert [status for status, _ in answers] == [200, 401, 200] * 50
    assert len(listener.spooled()) - before == 50


def test_what_follows_a_refused_request_on_its_connection_is_a_request_of_its_own(listener):
    hidden = HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    before = len(listener.spooled())
    assert [status for status, _ in exchange(listener, hidden + GOOD, number=2)] == [401, 200]
    assert len(listener.spooled()) - before == 1


@pytest.mark.parametrize("more", [b"", b"X-Odd: \xff\r\n"], ids=["quick", "tornado"])
def test_who_closes_their_half_after_a_request_gets_its_answer(listener, more):
    before = len(listener.spooled())
    with connected(listener) as connection:
        connection.sendall(GOOD.replace(b"\r\n", b"\r\n" + more, 1))
        connection.shutdown(socket.SHUT_WR)
        assert read_answers(connection) == [(200, b"ok")]
    assert len(listener.spooled()) - before == 1


@pytest.mark.parametrize("part", [b"", b"POS", HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", GOOD[:-1]])
def test_who_closes_their_half_in_the_middle_is_closed(listener, part):
    before = len(listener.spooled())
    with connected(listener) as connection:
        connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    assert len(listener.spooled()) == before


SLOW = [
    (b"", 3, "idle"),
    (HEAD, 1, "slow_headers"),
    (HEAD + b"Content-Length: 100\r\n\r\n", 2, "slow_body"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 2, "slow_body"),
]


def test_who_is_slow_is_closed_in_time_whether_with_the_first_request_or_a_later_one(listener):
    reasons = Counter({reason: -closed_for(listener, reason) for *_, reason in SLOW})
    slow = [(given, *case) for given in (0, 1) for case in SLOW]
    with ThreadPoolExecutor(len(slow)) as pool:
        took = list(pool.map(lambda case: seconds_until_closed(listener, *case[:2]), slow))
    in_time = [seconds * 0.8 < each < seconds + 10 for each, (_, _, seconds, _) in zip(took, slow, strict=True)]
    assert all(in_time), took
    reasons.update({reason: closed_for(listener, reason) for reason in reasons})
    assert reasons >= Counter(reason for *_, reason in slow)


def seconds_until_closed(listener, given, data):
    """Send good requests and then the beginning of one, and wait until the listener closes the connection."""
    with connected(listener) as connection:
        connection.sendall(GOOD * given)
        assert len(read_answers(connection, given)) == given
        connection.sendall(data)
        began = time.monotonic()
        assert is_closed(connection)
        return time.monotonic() - began


@pytest.mark.parametrize("head", take_few([HEAD + b"X: ", HEAD + b"Content-Length: 1000\r\n\r\n"], 1))
def test_a_byte_now_and_then_wins_no_time(listener, head):
    with connected(listener) as connection:
        connection.sendall(head)
        connection.settimeout(0.05)
        began = time.monotonic()
        until(lambda: _is_closed_after_another_byte(connection), what="the end of the connection")
        assert time.monotonic() - began > 0.8


def _is_closed_after_another_byte(connection):
    try:
        connection.sendall(b"x")
        return connection.recv(100) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_who_does_not_read_the_answers_stops_nobody(listener):
    with connected(listener) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        before = resident_bytes(listener.process.pid)
        with suppress(OSError):  # a time-out: nobody takes any more
            for _ in range(10_000):
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            pytest.fail("the listener goes on reading though its answers are not read")
        assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
        assert resident_bytes(listener.process.pid) - before < 16 * MIB


def test_a_connection_that_is_reset_in_the_middle_troubles_nobody(listener):
    def reset(part):
        with connected(listener) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.sendall(part)

    parts = [b"", HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", GOOD, GOOD + GOOD[:50]]
    threads = [threading.Thread(target=lambda: [reset(part) for part in parts * size(1, 200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
