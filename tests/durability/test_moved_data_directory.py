"""A data directory that somebody moves away under a running `serve`: it goes on at its path, and loses nothing."""

import os
import signal

from receiver.data_directory.access import find_running_serve
from receiver.data_directory.incidents import read_incidents
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"kim@acme.example","n":%d}'


def test_serve_goes_on_where_its_data_directory_was_and_tells_it_and_nothing_that_it_acknowledged_is_lost(tmp_path):
    data_dir = tmp_path / "data"

    def post(receiver, numbers):
        assert {receiver.sender.post("/webhooks/User.Updated", USER % number).status for number in numbers} == {200}

    with running(PreparedReceiver, data_dir) as receiver:
        before = find_running_serve(data_dir)
        post(receiver, range(3))
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 3, what="three rows")
        store = receiver.children()["store"]
        os.kill(store, signal.SIGSTOP)
        post(receiver, range(3, 6))  # they are in the spool that is moved, and nowhere else
        data_dir.rename(tmp_path / "moved")
        post(receiver, range(6, 9))
        os.kill(store, signal.SIGCONT)
        until(lambda: find_running_serve(data_dir) == before, what="the lock")
        until(lambda: data_dir.joinpath("query.token").exists(), what="the store to begin again")
        until(lambda: count(receiver) == 9, what="nine rows")
        told = [incident.what for incident in read_incidents(data_dir)]
        assert any(what.startswith("The data directory, or its file serve.lock, was moved") for what in told)
        assert any(what.startswith("The database file was deleted, moved or replaced") for what in told)
    assert find_running_serve(data_dir) is None
    assert [incident.missing for incident in read_incidents(data_dir) if incident.missing] == []


def count(receiver):
    try:
        return receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"]
    except (AssertionError, OSError, KeyError):
        return None
