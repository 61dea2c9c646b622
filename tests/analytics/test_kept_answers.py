"""What the dashboard keeps of viewers' answers has a bound, and the oldest go first."""

from concurrent.futures import ThreadPoolExecutor, thread
from datetime import UTC, datetime
from threading import Event

import pandas as pd
import pytest

from analytics import connect
from analytics.client.client import Client
from analytics.client.keeping import begin
from analytics.errors import SilentError, TooManyBytesError
from analytics.findings import running
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER
from analytics.pages.shared.known import alarms
from analytics.pages.sql.run import AnswerCache, Limits, Run
from analytics.times import EPOCH
from tests.support.readable_store import build_store

PATIENCE = 60


class Rows:
    """An answer that a session keeps."""

    def __init__(self) -> None:
        self.there = True

    def let_go(self) -> None:
        self.there = False


def test_the_oldest_answers_go_when_all_together_are_too_large():
    kept = AnswerCache(100)
    answers = [Rows() for _ in range(4)]
    for answer in answers[:3]:
        kept.add(answer, 40)
    assert [answer.there for answer in answers[:3]] == [False, True, True]
    kept.add(answers[3], 90)
    assert [answer.there for answer in answers] == [False, False, False, True]


def test_the_newest_answer_stays_however_large_it_is():
    kept = AnswerCache(100)
    answer = Rows()
    kept.add(answer, 1_000)
    assert answer.there


def test_an_answer_whose_session_is_gone_does_not_count():
    kept = AnswerCache(100)
    gone, stays = Rows(), Rows()
    kept.add(gone, 60)
    del gone
    kept.add(stays, 60)
    kept.add(Rows(), 30)
    assert stays.there


def test_an_answer_of_more_bytes_than_allowed_is_refused(tmp_path):
    import duckdb

    file = tmp_path / "some.duckdb"
    duckdb.connect(str(file)).close()
    with connect(str(file)) as client:
        assert client.sql("SELECT repeat('x', 1000) FROM range(10)", max_bytes=100_000).num_rows == 10
        with pytest.raises(TooManyBytesError, match="more than 100,000 bytes"):
            client.sql("SELECT repeat('x', 1000) FROM range(1000)", max_bytes=100_000)


class Waiting(Client):
    """A client whose query ends when it is cancelled, at once or later."""

    def __init__(self, ends_at_once):
        self.ends, self.ends_at_once = Event(), ends_at_once

    def sql(self, *_question, cancellation=None, **_options):
        cancellation.set_end(self.ends.set if self.ends_at_once else list)
        self.ends.wait(PATIENCE)
        cancellation.check()


@pytest.mark.parametrize("ends_at_once", [True, False])
def test_a_query_that_was_cancelled_is_so_in_the_history_though_it_has_not_ended_yet(monkeypatch, ends_at_once):
    monkeypatch.setattr("analytics.pages.sql.run.read_now", lambda: datetime.now(UTC))
    client = Waiting(ends_at_once)
    run = Run(client, "SELECT 1", Limits(1, 1), lambda: False, AnswerCache(1))
    run.cancel()
    assert not ends_at_once or run.wait(PATIENCE)
    assert run.summarize()["facts"].startswith("cancelled · ")
    client.ends.set()


def test_alerts_that_came_one_by_one_are_kept_in_few_parts(monkeypatch):
    monkeypatch.setattr(alarms, "MOST_PARTS", 3)
    cache, seqs = alarms.AlarmCache(), list(range(1, 10))

    def run_query(name, *, seq=0, first=0, **_):
        if name == "alert_extent":
            return pd.DataFrame([{"first": 1, "last": seq + 1, "last_id": seq + 1, "id_then": str(seq)}])
        state = {"seq": first, "place": 0, "occurred_at": datetime.now(UTC), "entity_id": "WEB", "metric": "cpu"}
        return pd.DataFrame([state])

    for _ in seqs:
        cache.read_on(run_query)
    assert len(cache.states) <= 3
    assert list(pd.concat(cache.states)["seq"]) == seqs


def test_work_that_is_begun_while_the_program_ends_is_an_error_that_pages_know():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(SilentError, match="This program is ending"):
        begin(threads, int).result()


def test_queries_and_findings_are_such_errors_too_while_the_program_ends(tmp_path, monkeypatch):
    with connect(str(build_store(tmp_path / "store.duckdb", []))) as client:
        monkeypatch.setattr(running, "find_complete_since", lambda _: None)
        monkeypatch.setattr(thread, "_shutdown", True)  # as Python sets it
        with pytest.raises(SilentError, match="This program is ending"):
            client.sql("SELECT 1")
        with pytest.raises(SilentError, match="This program is ending"):
            find(client, EPOCH, FOREVER)
