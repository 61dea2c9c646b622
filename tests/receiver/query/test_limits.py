"""The limits of the query service: rows, bytes, time, and how many ask at once."""

import errno
import http.client
import json
import os
import re
import shutil

import pyarrow as pa
import pytest

from receiver.store.query.answers import IN_MEMORY_BYTES, QueryError, Unsent
from receiver.store.query.execution import Interruption
from receiver.store.query.runner import QueryLimits
from tests.support.querying import ENDLESS_ROWS, RUNAWAY, refusal, serving
from tests.support.waiting import until


def test_more_rows_than_allowed_are_an_error_and_not_a_shorter_answer(service):
    assert service.table("FROM range(100000)").num_rows == 100_000
    assert refusal(service.post("FROM range(100001)")) == (413, "too_many_rows")
    assert refusal(service.post("FROM range(1000000000000)")) == (413, "too_many_rows")
    assert refusal(service.post("FROM range(4)", max_rows=3)) == (413, "too_many_rows")
    assert service.table("FROM range(3)", max_rows=3).num_rows == 3
    service.until_nothing_runs()


def test_an_answer_of_more_bytes_than_allowed_is_an_error(tmp_path):
    with serving(tmp_path / "clc.duckdb", QueryLimits(20, 100_000, max_bytes=1_000_000)) as service:
        assert service.table("SELECT repeat('x', 9000) FROM range(100)").num_rows == 100
        assert refusal(service.post("SELECT repeat('x', 9000) FROM range(100000)")) == (413, "too_many_bytes")
        assert refusal(service.post("SELECT repeat('x', 9000) FROM range(100)", max_bytes=9_000)) == (
            413,
            "too_many_bytes",
        )


def test_an_answer_leaves_the_disk_as_much_room_as_it_takes(service, monkeypatch):
    room = shutil.disk_usage("/")._replace(free=50_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    assert service.table("SELECT repeat('x', 9000) FROM range(2000)").num_rows == 2000
    assert refusal(service.post("SELECT repeat('x', 9000) FROM range(9999)")) == (413, "too_many_bytes")


def test_answers_that_stay_in_memory_need_no_room_on_the_disk(monkeypatch):
    room = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    unsent = Unsent(3, 10 * IN_MEMORY_BYTES)
    with unsent.begin() as unread, unsent.begin() as answer:
        for each in (unread, answer):
            each.reserve(IN_MEMORY_BYTES)
        with pytest.raises(QueryError, match="too little room"):
            answer.reserve(1)


@pytest.mark.full
def test_answers_that_nobody_reads_take_bounded_room_and_give_it_back(tmp_path):
    limits = QueryLimits(20, 100_000, unsent=3, unsent_bytes=250_000_000)
    large = "SELECT repeat('x', 9000) FROM range(9999)"
    with serving(tmp_path / "clc.duckdb", limits) as service:
        with service.hung(large), service.hung(large):
            until(lambda: service.metric('clc_queries_total{outcome="ok"}') == 2, what="two answers")
            assert service.rows("SELECT 1") == [(1,)]
            assert refusal(service.post(large)) == (429, "busy")
            with service.hung("SELECT repeat('x', 9000) FROM range(5000)"):
                until(lambda: service.metric('clc_queries_total{outcome="ok"}') == 4, what="a third answer")
                assert refusal(service.post("SELECT 1")) == (429, "busy")
        until(lambda: service.post(large).status == 200, what="the room to be given back")


def test_an_answer_that__nobody_takes_is_cut_off_and_does_not_look_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.query.service.STALLED_SECONDS", 0.2)
    with (
        serving(tmp_path / "clc.duckdb") as service,
        service.hung("SELECT repeat('x', 9000) FROM range(9999)") as client,
    ):
        answer = client.getresponse()
        assert int(answer.headers["Content-Length"]) > 80_000_000
        until(lambda: service.metric('clc_queries_total{outcome="ok"}') == 1, what="the query to end")
        until(lambda: service.connections() == 1, what="the answer's connection to be closed")
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


@pytest.mark.parametrize("sql", [RUNAWAY, f"EXPLAIN ANALYZE {RUNAWAY}"])
def test_a_runaway_query_ends_at_its_time_out(service, sql):
    response = service.post(sql, timeout=0.2)
    assert refusal(response) == (504, "timeout")
    assert json.loads(response.data)["detail"].startswith("The query took longer than 0.2 s:")
    service.until_nothing_runs()


def test_the_log_tells_of_a_time_out_how_long_it_took_and_nothing_of_the_sql(service, caplog):
    assert service.post(RUNAWAY, timeout=0.2).status == 504
    service.until_nothing_runs()
    (line,) = until(lambda: caplog.records, what="a line in the log")
    assert (line.levelname, line.name.split(".")[0]) == ("WARNING", "receiver")
    assert re.fullmatch(r"POST /query was answered with 504 after \d+\.\d{3} s", line.getMessage())


def test_a_runaway_query_ends_at_its_time_out_while_its_rows_are_fetched(tmp_path):
    with serving(tmp_path / "clc.duckdb", QueryLimits(0.2, 10**12)) as service:
        assert refusal(service.post(ENDLESS_ROWS)) == (504, "timeout")
        service.until_nothing_runs()


def test_an_interrupted_query_is_never_a_shorter_answer(tmp_path):
    with serving(tmp_path / "clc.duckdb", QueryLimits(20, 10**12)) as service:
        for thousandths in range(1, 60, 2):
            response = service.post("FROM range(2000000)", timeout=thousandths / 1000)
            if response.status == 200:
                assert pa.ipc.open_stream(response.data).read_all().num_rows == 2_000_000
            else:
                assert refusal(response) == (504, "timeout")
        service.until_nothing_runs()


@pytest.mark.parametrize("sql", [RUNAWAY, f"EXPLAIN ANALYZE {RUNAWAY}"])
def test_a_client_that_hangs_up_ends_its_query(service, sql):
    gone = service.metric('clc_queries_total{outcome="gone"}')
    with service.hung(sql):
        until(lambda: service.metric("clc_queries_running") == 1, what="the query to run")
    service.until_nothing_runs()
    assert service.metric('clc_queries_total{outcome="gone"}') == gone + 1


def test_a_query_is_not_blamed_for_the_time_in_which_the_process_was_stopped(tmp_path):
    ignored = []
    with serving(tmp_path / "clc.duckdb", on_ignored=ignored.append) as service, service.hung(RUNAWAY) as client:
        until(lambda: service.metric("clc_queries_running") == 1, what="the query to run")
        service.stand_still(60)
        assert client.getresponse().status == 504
        service.until_nothing_runs()
    assert ignored == []


def test_a_query_is_not_blamed_where_the_process_was_stopped_just_after_its_time(tmp_path, monkeypatch):
    def stop_instead(*_):
        monkeypatch.undo()
        service.stand_still(60)

    ignored = []
    monkeypatch.setattr(Interruption, "interrupt", stop_instead)
    with serving(tmp_path / "clc.duckdb", on_ignored=ignored.append) as service:
        assert service.post(RUNAWAY, timeout=0.2).status == 504
        service.until_nothing_runs()
    assert ignored == []


def test_one_more_than_can_run_waits_and_one_more_than_can_wait_is_refused(narrow):
    with narrow.hung(RUNAWAY) as first:
        until(lambda: narrow.metric("clc_queries_running") == 1, what="the first to run")
        with narrow.hung("SELECT 42 AS answer") as second:
            until(lambda: narrow.metric("clc_queries_waiting") == 1, what="the second to wait")
            response = narrow.post("SELECT 1")
            assert refusal(response) == (429, "busy")
            assert response.headers["Retry-After"] == "1"
            first.close()
            answer = second.getresponse()
            assert answer.status == 200
            assert pa.ipc.open_stream(answer.read()).read_all().to_pylist() == [{"answer": 42}]
    narrow.until_nothing_runs()


def test_the_time_out_holds_while_a_query_waits(narrow):
    with narrow.hung(RUNAWAY):
        until(lambda: narrow.metric("clc_queries_running") == 1, what="the first to run")
        assert refusal(narrow.post("SELECT 1", timeout=0.1)) == (504, "timeout")
        assert narrow.metric("clc_queries_waiting") == 0
    narrow.until_nothing_runs()


def test_a_client_that_hangs_up_while_it_waits_leaves_the_queue(narrow):
    with narrow.hung(RUNAWAY):
        until(lambda: narrow.metric("clc_queries_running") == 1, what="the first to run")
        with narrow.hung("SELECT 1"):
            until(lambda: narrow.metric("clc_queries_waiting") == 1, what="the second to wait")
        until(lambda: narrow.metric("clc_queries_waiting") == 0, what="the queue to be empty")
    narrow.until_nothing_runs()
    assert narrow.rows("SELECT 1") == [(1,)]


def test_slots_come_back_whatever_becomes_of_their_queries(narrow):
    for _ in range(3):
        assert narrow.rows("SELECT 1") == [(1,)]
        assert narrow.post("SELEC").status == 400
        assert narrow.post("CHECKPOINT").status == 403
        assert narrow.post("FROM range(200000)").status == 413
        assert narrow.post(RUNAWAY, timeout=0.05).status == 504
    assert narrow.rows("SELECT 1") == [(1,)]


def test_a_service_that_stops_says_so_to_those_who_wait(narrow):
    with narrow.hung(RUNAWAY) as client:
        until(lambda: narrow.metric("clc_queries_running") == 1, what="the query to run")
        narrow.stop_queries()
        answer = client.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]) == (503, "stopping")
    assert refusal(narrow.post("SELECT 1")) == (503, "stopping")


def test_a_fault_inside_the_store_is_an_error_of_the_service_and_is_logged(tmp_path, caplog):
    with serving(tmp_path / "clc.duckdb") as service:
        service.connection.close()
        assert refusal(service.post("SELECT 1")) == (500, "internal_error")
        assert "the store gives no cursor" in caplog.text
        assert service.request("GET", "/healthz").status == 200


def test_a_large_answer_arrives_whole(tmp_path):
    with serving(tmp_path / "clc.duckdb", QueryLimits(60, 10**6)) as service:
        table = service.table("SELECT range AS n, repeat('x', 1000) AS text FROM range(100000)")
        assert table.num_rows == 100_000
        assert table.nbytes > 100_000_000
        assert table.column("n").to_pylist() == list(range(100_000))


def test_a_running_query_hinders_neither_inserts_nor_checkpoints_and_the_next_one_sees_them(service):
    with service.hung(RUNAWAY):
        until(lambda: service.metric("clc_queries_running") == 1, what="the query to run")
        writer = service.connection.cursor()
        writer.execute("INSERT INTO kept VALUES (77)").fetchall()
        writer.execute("CHECKPOINT").fetchall()
        assert service.rows("SELECT count(*) FROM kept WHERE n = 77") == [(1,)]
        writer.execute("DELETE FROM kept WHERE n = 77").fetchall()
        writer.close()
    service.until_nothing_runs()


def test_queries_go_on_after_answers_that_could_not_be_begun(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with serving(tmp_path / "clc.duckdb", QueryLimits(20, 100, concurrent=2, unsent=3)) as service:
        with monkeypatch.context() as faulty:
            faulty.setattr("receiver.store.query.answers.SpooledTemporaryFile", fail)
            assert [service.post("SELECT 1").status for _ in range(5)] == [500] * 5
        assert service.rows("SELECT 1") == [(1,)]
