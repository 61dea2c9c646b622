"""The pulse of the listeners: missed only by what is known of them."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from analytics.client.pulse import (
    ListenerPulse,
    Sign,
    ask_listener,
    find_failures,
    find_store_failure,
    listener_answers,
)
from analytics.settings import Settings
from tests.support.ports import free_address
from tests.support.processes import ListenerProcess, running, stopped
from tests.support.waiting import until

SINCE = datetime.now(UTC) - timedelta(seconds=4)


def serve(**listener):
    store = {"silent_since": datetime.now(UTC).isoformat()}
    return {"state": "running", "processes": {"listener 1": listener, "store": store}}


@pytest.mark.parametrize("what", ["silent_since", "down_since"])
def test_what_serve_wrote_lately_of_its_listeners_counts_and_of_nothing_else(what):
    written, now = serve(**{what: SINCE.isoformat()}), datetime.now(UTC)
    assert list(find_failures(written, now)) == [SINCE]
    assert not list(find_failures(written, now - timedelta(minutes=1)))
    assert not list(find_failures({**written, "state": "stopped"}, now))
    assert not list(find_failures(serve(silent_since=None, down_since=None), now))
    assert not list(find_failures({"state": "running", "processes": "?"}, now))
    assert not list(find_failures({}, None))


def test_the_failure_of_the_store_is_told_by_what_serve_wrote_of_it_alone(tmp_path):
    assert find_store_failure(Settings(data_dir=tmp_path)) is None
    written = {"state": "running", "processes": {"store": {"silent_since": SINCE.isoformat()}, "listener 1": {}}}
    (tmp_path / "serve.json").write_text(json.dumps(written))
    assert find_store_failure(Settings(data_dir=tmp_path)) == SINCE


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"spool": "ok", "store": "ok"},
            [("takes notifications and keeps them in the spool", "ok"), ("ok", "ok")],
        ),
        (
            {"spool": "unavailable", "store": "ok", "store_process": {"state": "silent", "since": "12:00"}},
            [("its spool is unavailable", "red"), ("silent, not answering since 12:00", "red")],
        ),
        (["no listener"], [("what answers at http://127.0.0.1:8080 (by CLC_LISTEN) is no listener", "amber")]),
    ],
)
def test_what_a_listener_says_of_its_spool_and_of_the_store_is_told_with_how_good_it_is(monkeypatch, answer, told):
    monkeypatch.setattr("analytics.client.pulse.get", lambda _url: json.dumps(answer))
    names = ("Listener", "Store, says the listener")
    assert ask_listener(Settings()) == [Sign(name, *each) for name, each in zip(names, told, strict=False)]


def test_a_strangers_answer_of_any_length_is_no_listeners():
    with socket.create_server(("127.0.0.1", 0)) as stranger, ThreadPoolExecutor() as pool:
        signs = pool.submit(ask_listener, Settings(listen=f"127.0.0.1:{stranger.getsockname()[1]}"))
        with stranger.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n{}")
        assert [sign.state for sign in signs.result()] == ["amber"]


@pytest.fixture
def looks(monkeypatch):
    """List the answers of looks at the listeners, from now on."""
    found: list[bool] = []

    def note(settings):
        found.append(listener_answers(settings))
        return found[-1]

    monkeypatch.setattr("analytics.client.pulse.listener_answers", note)
    return found


def test_a_listener_that_never_answered_is_not_missed(tmp_path, looks):
    pulse = ListenerPulse(lambda: Settings(data_dir=tmp_path, listen=free_address()))
    assert pulse.find_silence() is None
    until(lambda: len(looks) > 2, what="some looks")
    assert pulse.find_silence() is None
    assert not any(looks)


@pytest.mark.full
def test_a_listener_that_answered_before_is_missed_until_it_answers_again(tmp_path, looks):
    with running(ListenerProcess, tmp_path / "data") as listener:
        address = listener.url.removeprefix("http://")
        pulse = ListenerPulse(lambda: Settings(data_dir=tmp_path, listen=address))
        pulse.find_silence()
        until(lambda: True in looks, what="an answer")
        with stopped(listener.process.pid):
            assert until(pulse.find_silence, what="a listener that is missed").since < datetime.now(UTC)
        until(lambda: pulse.find_silence() is None, what="a listener that answers")


def test_what_serve_writes_is_enough_where_the_listener_was_never_asked_successfully(tmp_path):
    (tmp_path / "serve.json").write_text(json.dumps(serve(silent_since=SINCE.isoformat())))
    pulse = ListenerPulse(lambda: Settings(data_dir=tmp_path, listen=free_address()))
    assert until(pulse.find_silence, what="a listener that is missed").since == SINCE
