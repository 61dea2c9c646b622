"""Thousands of generated requests: only documented answers, no hang, and what got 200 is kept and storable."""

import json
import socket
import threading
from collections import Counter
from contextlib import closing
from hashlib import sha256

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.database.opening import run
from receiver.spool import SpoolReader
from receiver.store.appending.appender import Appender
from tests.durability.http.odd_requests import Generator, Request
from tests.durability.http.wire import connect, read_answers
from tests.support.database import open_database
from tests.support.processes import ListenerProcess, running
from tests.support.sizes import size

THREADS = 4
SECONDS = 20
ERRORS = {
    400: {"not_json", "not_an_object"},
    401: {"signature_missing", "signature_invalid"},
    404: {"unknown_event", "not_found"},
    405: {"method_not_allowed"},
    413: {"too_large"},
}


class Client:
    """Sends requests of one seed: well-formed ones on a kept-open connection, each of the others on its own.

    Another listener, whose connections are all Tornado's, gets the same ones and must give the same answers.
    """

    def __init__(self, listener: ListenerProcess, other: ListenerProcess, seed: int, number: int) -> None:
        self._listener = listener
        self._other = other
        self._requests = Generator(seed)
        self._number = number
        self._connections: dict[ListenerProcess, socket.socket] = {}
        self.answers: Counter[tuple[str, int | None]] = Counter()
        self.promised: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        for _ in range(self._number):
            request = self._requests.request()
            try:
                status, body = self._send(self._listener, request)
                other = self._send(self._other, request)
            except TimeoutError:
                self.wrong.append(f"{request.kind} hangs: {request.data[:3000]!r}")
                self._connections.clear()
                continue
            if (status, body) != other:
                self.wrong.append(f"{request.kind} got {status} {body!r}, and {other}: {request.data[:3000]!r}")
            self.answers[request.kind, status] += 1
            if status not in request.allowed or not _is_documented(status, body, request):
                self.wrong.append(f"{request.kind} got {status} {body!r}: {request.data[:3000]!r}")
            if status == 200:
                self.promised[sha256(request.body).hexdigest()] += 1
        for connection in self._connections.values():
            connection.close()

    def _send(self, listener: ListenerProcess, request: Request) -> tuple[int | None, bytes]:
        if not request.is_well_formed:
            with connect(listener, SECONDS) as connection:
                return _exchange(connection, request, is_last=True)
        if listener not in self._connections:
            self._connections[listener] = connect(listener, SECONDS)
        return _exchange(self._connections[listener], request, is_last=False)


def _exchange(connection: socket.socket, request: Request, *, is_last: bool) -> tuple[int | None, bytes]:
    try:
        connection.sendall(request.data)
        if is_last:
            connection.shutdown(socket.SHUT_WR)
    except TimeoutError:
        raise
    except OSError:
        pass  # closed by the other end, who may have answered before
    return next(iter(read_answers(connection)), (None, b""))


def _is_documented(status: int | None, body: bytes, request: Request) -> bool:
    if status == 200:
        return body == b"ok"
    if status is None or (status == 400 and not request.is_well_formed and body == b""):
        return True
    return json.loads(body)["error"] in ERRORS[status]


@pytest.mark.slow
def test_generated_requests_get_documented_answers_and_what_got_200_is_kept_and_storable(tmp_path, capsys):
    each = size(100, 6500)
    with (
        running(ListenerProcess, tmp_path) as listener,
        running(ListenerProcess, tmp_path / "other", CLC_PARSER="tornado") as other,
    ):
        clients = [Client(listener, other, seed, each) for seed in range(THREADS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log = listener.log
    answers = sum((client.answers for client in clients), Counter())
    promised = sum((client.promised for client in clients), Counter())
    assert not [wrong for client in clients for wrong in client.wrong][:5]
    assert sum(answers.values()) == THREADS * each
    assert " ERROR " not in log
    stored, aside = _stored(tmp_path)
    assert aside == 0
    assert not promised - stored
    with capsys.disabled():
        by_status = Counter()
        for (_, status), number in answers.items():
            by_status[status] += number
        words = ", ".join(f"{status or 'closed'}: {n:,}" for status, n in sorted(by_status.items(), key=str))
        print(f"\n{sum(answers.values()):,} generated requests: {words}; no hang, no 5xx; "
              f"{promised.total():,} promised bodies all stored, none set aside; Tornado's connections gave the same "
              "answers")  # fmt: skip


def _stored(directory):
    """Append all that was spooled, and count the bodies; how many rows DuckDB refused."""
    store = open_database(directory / "clc.duckdb")
    with closing(store), closing(SpoolReader(directory / "spool")) as reader:
        appender = Appender(store, reader, directory, duplicate_window_seconds=10)
        while appender.append_new():
            pass
        rows = run(store, "SELECT sha256(payload), count(*) FROM notifications GROUP BY ALL")
        return Counter(dict(rows)), appender.set_aside


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.one_of(
    st.dictionaries(st.text(max_size=8), JSON, max_size=5).map(
        lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    ),
    st.dictionaries(st.text(max_size=8), JSON, max_size=5).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.text('{}[]":,.-+eE0123456789 \\untrfalsNI', max_size=40).map(lambda text: b'{"a":' + text.encode() + b"}"),
)


@pytest.mark.slow
def test_a_body_gets_200_exactly_if_it_is_an_object_in_strict_json(tmp_path, capsys):
    """DuckDB and Python's parser, with what that takes too much of forbidden, are the judges."""
    examples = 0
    with running(ListenerProcess, tmp_path, CLC_SIGNATURES="record") as listener, duckdb.connect() as judge:

        @settings(max_examples=size(80, 4000), deadline=None, database=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(body=BODIES)
        def check(body):
            nonlocal examples
            examples += 1
            answer = listener.sender.post("/webhooks/User.Updated", body, {})
            assert answer.status == (200 if _is_strict_object(body) else 400)
            if answer.status == 200:
                assert judge.execute("SELECT CAST(? AS JSON)::VARCHAR", [body.decode()]).fetchone() == (body.decode(),)

        check()
    with capsys.disabled():
        print(f"\n{examples:,} bodies by Hypothesis: 200 exactly where Python and DuckDB find an object in strict JSON")


def _is_strict_object(body):
    def refuse(_):
        raise ValueError

    try:
        text = body.decode()
        value = json.loads(text, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not text.startswith("\ufeff")
