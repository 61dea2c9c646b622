"""A query that can't be interrupted ends the store's process, alone: it is back soon."""

import contextlib
import json
import time

import pytest
import urllib3

from receiver.store.query import runner
from receiver.store.query.execution import Interruption
from tests.durability.support.load import BODIES, check_all_is_kept
from tests.support.processes import PreparedReceiver, running
from tests.support.querying import ENDLESS_PLANNING, RUNAWAY, asked, serving
from tests.support.sizes import take_few
from tests.support.waiting import until


def ask(receiver, sql, **rest):
    headers = {"Authorization": f"Bearer {receiver.token}", "Content-Type": "application/json"}
    body = json.dumps({"sql": sql, **rest})
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("POST", f"{receiver.query_url}/query", body=body, headers=headers, retries=False)


def running_queries(receiver):
    text = urllib3.request("GET", f"{receiver.query_url}/metrics", retries=False).data.decode()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_queries_that_never_end_are_ended_with_the_process_and_the_next_one_answers(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        with asked(receiver.query_url, receiver.token, ENDLESS_PLANNING, 4, timeout=0.5):
            until(lambda: running_queries(receiver)["clc_queries_overdue"] == 4, what="the queries to be overdue")
            assert receiver.sender.post("/webhooks/User.Updated", BODIES[1]).status == 200
            receiver.until_logged("store ended with code 1")
        answer = until(lambda: ask(receiver, "SELECT 1"), what="the next store")
        assert answer.status == 200
        assert check_all_is_kept(receiver, {}) == 2


def test_a_query_that_heeds_no_interrupt_is_overdue_and_then_reported(tmp_path, monkeypatch):
    ignored = []
    with serving(tmp_path / "clc.duckdb", on_ignored=ignored.append) as service:
        with monkeypatch.context() as fault:
            fault.setattr(Interruption, "interrupt", lambda *_: None)
            fault.setattr(runner, "_OVERDUE_INTERRUPTS", 2)
            fault.setattr(runner, "IGNORED_INTERRUPTS", 6)
            assert service.post(RUNAWAY, timeout=0.1).status == 504
            until(lambda: service.metric("clc_queries_overdue") == 1, what="the query to be overdue")
            until(lambda: ignored, what="the report")
        service.until_nothing_runs()
    assert ignored == [1]


@pytest.mark.parametrize("queries", take_few([4, 1], 1))
def test_a_stop_waits_for_no_query_that_never_ends(tmp_path, queries):
    with (
        running(PreparedReceiver, tmp_path) as receiver,
        asked(receiver.query_url, receiver.token, ENDLESS_PLANNING, queries),
    ):
        until(lambda: running_queries(receiver)["clc_queries_running"] == queries, what="the queries to run")
        began = time.monotonic()
        assert receiver.stop() == 0
        assert time.monotonic() - began < 30
    assert "is killed" not in receiver.log
