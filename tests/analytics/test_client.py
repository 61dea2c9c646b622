"""The client: one set of calls for a query service and a DuckDB file, and what it says when that can't be done."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

import analytics
from analytics.errors import (
    AnalyticsError,
    BusyError,
    LocationError,
    NotAQueryError,
    NotRunningError,
    QueryError,
    QueryTimeoutError,
    TokenError,
    TooManyBytesError,
    TooManyRowsError,
)
from tests.analytics.client.scripted_service import one_row, refusal, run_service
from tests.support.ports import free_port
from tests.support.readable_store import account, build_store, server
from tests.support.sizes import take_few


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_LISTEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path):
    rows = [account("ACME", "Acme", None), server("ACME", "WA1ACMEWEB01"), server("ACME", "WA1ACMEWEB02")]
    return str(build_store(tmp_path / "store.duckdb", rows))


@pytest.fixture
def service():
    with run_service() as service_:
        yield service_


def test_a_duckdb_file_answers_as_arrow_and_as_a_dataframe(store):
    with analytics.connect(store) as client:
        table = client.sql("SELECT entity_id FROM notifications WHERE seq > ? ORDER BY seq", [1])
        frame = client.df("SELECT count(*) AS n FROM events WHERE category = $category", {"category": "Server"})
    assert table.to_pylist() == [{"entity_id": "WA1ACMEWEB01"}, {"entity_id": "WA1ACMEWEB02"}]
    assert frame["n"].tolist() == [2]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; SELECT 2",
        "INSERT INTO rejected SELECT * FROM rejected",
        "ATTACH 'x.db'",
        "SET threads = 1",
        "CALL pragma_version()",
        "",
    ],
)
def test_a_file_runs_nothing_but_one_select(store, query):
    with analytics.connect(store) as client, pytest.raises(NotAQueryError):
        client.sql(query)


@pytest.mark.parametrize("query", ["SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM '/etc/passwd.csv'"])
def test_a_file_reaches_no_other_file(store, query):
    with analytics.connect(store) as client, pytest.raises(QueryError, match=r"disabled|Permission"):
        client.sql(query)


def test_explain_of_a_select_is_allowed(store):
    with analytics.connect(store) as client:
        assert client.sql("EXPLAIN SELECT * FROM events").num_rows > 0


def test_wrong_sql_says_where_it_is_wrong(store):
    with analytics.connect(store) as client, pytest.raises(QueryError, match="nonesuch"):
        client.sql("SELECT nonesuch FROM events")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT (CASE WHEN n = 90000 THEN 'x' END)::INT FROM range(99999) t(n)", "Could not convert string 'x'"),
        (f"SELECT {'[' * 70}1{']' * 70}", "Recursion level"),
        ("SELECT from_hex('ä')", "Invalid input for hex digit: \ufffd"),  # DuckDB cuts it within a character
    ],
)
def test_an_error_that_comes_with_the_rows_is_one_of_the_query(store, query, said):
    with analytics.connect(store) as client, pytest.raises(QueryError, match=said):
        client.sql(query)


def test_too_many_bytes_are_refused(store):
    with analytics.connect(store) as client:
        assert client.sql("SELECT repeat('x', 9000) AS x", max_bytes=99_000).num_rows == 1
        with pytest.raises(TooManyBytesError, match="more than 9,000 bytes"):
            client.sql("SELECT repeat('x', 9000) AS x", max_bytes=9_000)


def test_too_many_rows_are_refused(store):
    with analytics.connect(store) as client, pytest.raises(TooManyRowsError, match="more than 2 rows"):
        client.sql("SELECT * FROM events", max_rows=2)


def test_a_runaway_query_ends_at_its_timeout_and_the_next_one_runs(store):
    with analytics.connect(store) as client:
        with pytest.raises(QueryTimeoutError, match=r"longer than 0\.2 s"):
            client.sql("SELECT count(*) FROM range(10000000000) a, range(1000000) b", timeout=0.2)
        assert client.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_timeout_longer_than_the_longest_is_the_longest(store, service):
    for location in (store, service.url):
        with analytics.connect(location) as client:
            for seconds in (math.inf, 1e10):
                assert client.sql("SELECT 1 AS n", timeout=seconds).to_pylist() == [{"n": 1}]
    assert [body["timeout"] for _, body, _ in service.asked] == [3600, 3600]


@pytest.mark.parametrize("name", take_few(["timeout", "max_rows", "max_bytes"], 1))
@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan, -math.inf, "5", True, [1], 1j])
def test_a_limit_that_is_none_is_told_in_one_sentence_for_all_locations(store, service, name, value):
    kind = "number of seconds" if name == "timeout" else "number"
    for location in (store, service.url):
        with analytics.connect(location) as client, pytest.raises(QueryError) as told:
            client.sql("SELECT 1", **{name: value})
        assert str(told.value) == f"{name} is {value!r}, but must be a {kind} above 0."
    assert service.asked == []


@pytest.mark.parametrize("value", [1, 1.5, np.int64(2), np.float32(2), math.inf, 10**400])
def test_a_limit_may_be_any_number_above_0(store, service, value):
    for location in (store, service.url):
        with analytics.connect(location) as client:
            assert client.sql("SELECT 1 AS n", timeout=value, max_rows=value).to_pylist() == [{"n": 1}]


def test_threads_share_a_client(store):
    with analytics.connect(store) as client, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda n: client.sql("SELECT ? + count(*) AS n FROM events", [n]).to_pylist(), range(20))
    assert [answer[0]["n"] for answer in answers] == [n + 3 for n in range(20)]


def test_a_file_that_is_being_written_is_named_with_the_way_out(store):
    with duckdb.connect(store), pytest.raises((LocationError, duckdb.ConnectionException)):
        analytics.connect(store)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("nowhere.duckdb", "is no file"),
        ("", "is empty: leave it out"),
        ("http://", "is no URL"),
        ("http://a..b:1", "is no URL"),
        ("ftp://host/x", "can't be opened"),
        ("notes.txt", "is no DuckDB file"),
        ("month.jsonl", "is no DuckDB file"),
        ("what?.duckdb", "opens no path with a question mark"),
        ("ducklake:nowhere.sqlite", "is no file"),
    ],
)
def test_a_location_that_is_none_is_told_in_one_sentence(tmp_path, location, said):
    (tmp_path / "notes.txt").write_text("no database at all" * 1000)
    (tmp_path / "month.jsonl").write_text('{"seq": 1}\n')
    (tmp_path / "what?.duckdb").touch()
    with pytest.raises(LocationError, match=said) as told:
        analytics.connect(location)
    assert "\n" not in str(told.value)


def test_a_file_may_have_a_name_like_a_url(store):
    Path(store).rename("sqlite:store.jsonl.duckdb")
    with analytics.connect("sqlite:store.jsonl.duckdb") as client:
        assert client.sql("SELECT count(*) AS n FROM events").to_pylist() == [{"n": 3}]


def refuse():
    raise PermissionError


@pytest.mark.parametrize("forbidden", ["the file", "a directory above it"])
def test_a_file_that_this_user_may_not_read_is_told_as_such(store, monkeypatch, forbidden):
    if forbidden == "the file":
        monkeypatch.setattr("os.access", lambda *_: False)
    else:
        stat = Path.stat
        monkeypatch.setattr(Path, "stat", lambda path, **more: refuse() if str(path) == store else stat(path, **more))
    with pytest.raises(LocationError, match=r"store\.duckdb can't be read \(permission denied\); run this as"):
        analytics.connect(store)


def test_the_service_gets_sql_parameters_limits_and_token(service, monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", "secret")
    with analytics.connect(service.url) as client:
        since = datetime(2026, 3, 2, tzinfo=UTC)
        table = client.sql("SELECT $t", {"t": since}, timeout=3, max_rows=10)
    headers, body, _ = service.asked[0]
    assert table.to_pylist() == [{"n": 1}]
    assert headers["Authorization"] == "Bearer secret"
    assert body == {
        "sql": "SELECT $t", "parameters": {"t": {"type": "TIMESTAMP", "value": "2026-03-02T00:00:00+00:00"}},
        "typed": True, "timeout": 3, "max_rows": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "parameters", "said"),
    [
        ("SELECT '\udcff'", None, "Character 9 of the SQL is no UTF-8 text"),
        ("SELECT ?", ["ä\udcff"], "Parameter 1 is no UTF-8 text at its character 2"),
        ("SELECT $a", {"a": [{"b": "\udcff"}]}, r"^\$a is no UTF-8 text at its character 1"),
    ],
)
def test_a_text_that_is_none_is_told_in_one_sentence_for_all_locations(store, service, query, parameters, said):
    for location in (store, service.url):
        with analytics.connect(location) as client, pytest.raises(QueryError, match=said):
            client.sql(query, parameters)
    assert service.asked == []


def test_one_connection_serves_many_queries(service):
    with analytics.connect(service.url) as client:
        for _ in range(5):
            client.sql("SELECT 1")
    assert len({address for _, _, address in service.asked}) == 1


def test_a_token_written_later_is_found(service, tmp_path):
    with analytics.connect(service.url) as client:
        client.sql("SELECT 1")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "query.token").write_text("made-later\n")
        client.sql("SELECT 1")
    assert [headers.get("Authorization") for headers, _, _ in service.asked] == [None, "Bearer made-later"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "sql_error", QueryError),
        (403, "not_a_query", NotAQueryError),
        (413, "too_many_bytes", TooManyBytesError),
        (413, "too_many_rows", TooManyRowsError),
        (429, "busy", BusyError),
        (504, "timeout", QueryTimeoutError),
    ],
)
def test_each_refusal_of_the_service_is_an_error_of_its_own(service, status, code, kind):
    service.script.append(refusal(status, code, "The reason, in one sentence."))
    with analytics.connect(service.url) as client, pytest.raises(AnalyticsError, match="The reason") as told:
        client.sql("SELECT 1")
    assert type(told.value) is kind


def test_a_refused_token_says_where_the_right_one_is(service, tmp_path):
    service.script.append(refusal(401, "unauthorized", "no"))
    with analytics.connect(service.url) as client, pytest.raises(TokenError) as told:
        client.sql("SELECT 1")
    assert str(tmp_path / "data" / "query.token") in str(told.value)


def test_the_listeners_address_is_told_to_be_another_one(service):
    service.script.append(refusal(404, "not_found", "There is nothing here; post to /webhooks/EVENT."))
    with analytics.connect(service.url) as client, pytest.raises(QueryError) as told:
        client.sql("SELECT 1")
    assert str(told.value).startswith(f"There is no query service at {service.url}: its address is")


def test_no_receiver_says_what_to_start():
    nobody = f"http://127.0.0.1:{free_port()}"
    with analytics.connect(nobody) as client, pytest.raises(NotRunningError, match="clc-receiver serve"):
        client.sql("SELECT 1")


def test_an_answer_that_ends_early_is_asked_for_once_more(service):
    cut = one_row()[:-40]
    service.script.append((200, cut, len(cut) + 40))
    with analytics.connect(service.url) as client:
        assert client.sql("SELECT 1").to_pylist() == [{"n": 1}]
    assert len(service.asked) == 2


def test_an_answer_that_always_ends_early_is_an_error(service):
    cut = one_row()[:-40]
    service.script += [(200, cut, len(cut) + 40)] * 2
    with analytics.connect(service.url) as client, pytest.raises(NotRunningError, match="broke off"):
        client.sql("SELECT 1")


def test_an_answer_that_ends_between_two_batches_is_an_error_whatever_its_length_says(service):
    end_of_stream = 8
    service.script += [(200, one_row()[:-end_of_stream], None)] * 2
    with analytics.connect(service.url) as client, pytest.raises(NotRunningError, match="broke off"):
        client.sql("SELECT 1")


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_is_larger_than_any_memory_is_told_and_not_waited_for(service, status):
    service.script.append((status, b"{}", 10**15))
    with analytics.connect(service.url) as client, pytest.raises(QueryError, match="has 1000000000000000 bytes, more"):
        client.sql("SELECT 1")
    assert len(service.asked) == 1


def test_a_redirect_is_not_followed_with_the_token(service):
    service.script.append((307, b"", None))
    with analytics.connect(service.url) as client, pytest.raises(QueryError, match="307"):
        client.sql("SELECT 1")
    assert len(service.asked) == 1


def test_a_token_that_is_nowhere_says_where_it_was_looked_for_and_what_to_set(service, tmp_path):
    service.script.append(refusal(401, "unauthorized", "no"))
    with analytics.connect(service.url) as client, pytest.raises(TokenError) as told:
        client.sql("SELECT 1")
    assert f"no file {tmp_path / 'data' / 'query.token'}, nor in a directory above: set CLC_DATA_DIR" in str(told.value)


def test_the_tree_of_errors_in_the_docstring_is_the_tree_there_is():
    defined = {name for name, kind in vars(analytics.errors).items() if isinstance(kind, type)}
    words = analytics.errors.__doc__.split()
    drawn = {word for word in words if word.endswith("Error") and word.isidentifier()}
    assert drawn == defined


def test_the_package_exports_what_it_says():
    assert all(hasattr(analytics, name) for name in analytics.__all__)


def test_a_misspelled_name_of_the_package_is_an_error_also_for_a_type_checker():
    with pytest.raises(AttributeError, match="conect"):
        analytics.conect()  # type: ignore[attr-defined]  # mypy says so where this comment is of no use
