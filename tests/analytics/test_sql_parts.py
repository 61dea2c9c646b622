"""Tests of the parts of the SQL page without a browser: places of errors, links, rows, meanings, profiles."""

import socket
import threading
from concurrent.futures import Future
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

import analytics
from analytics import queries
from analytics.client.cancelling import Cancellation
from analytics.client.local import interrupt
from analytics.errors import CancelledError, SettingsError
from analytics.export.results import count_shown, prepare_rows
from analytics.pages.shared.address import FIRST_PAGE
from analytics.pages.sql.editor import TooLongError, find_place, in_address, read_address
from analytics.pages.sql.page import CUT_LINK
from analytics.pages.sql.profile import Profile, classify, compute_profile, draw_spread
from analytics.pages.sql.results import read_row
from analytics.settings import read_settings
from analytics.words.meanings import MEANINGS
from tests.support.dashboard_app import age_lines, make_app, plain_texts
from tests.support.readable_store import MIDDAY, build_store, hostile_rows, many_rows
from tests.support.waiting import until

RUNAWAY = "SELECT count(*) FROM range(100000000000) AS a, range(1000) AS b"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = [*many_rows(300, MIDDAY, days=20), *hostile_rows(MIDDAY)]
    return str(build_store(tmp_path_factory.mktemp("sql") / "store.duckdb", rows))


@pytest.fixture(scope="module")
def client(store):
    with analytics.connect(store) as made:
        yield made


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 AS one", "1 row in "),
        ("SELECT count(*) FROM events, events AS e", "1 row in "),
        ("DELETE FROM events", "only SELECT, SHOW, DESCRIBE, SUMMARIZE and EXPLAIN run here"),
        ("SELECT nothing", 'Referenced column "nothing"'),
        ("EXPLAIN SELECT 42", "Projections: 42"),
    ],
)
def test_the_page_runs_the_sql_of_its_address_on_a_duckdb_file_too(store, monkeypatch, tmp_path, sql, expected):
    monkeypatch.chdir(tmp_path)
    app = make_app(monkeypatch, "sql", store, sql=sql)
    app.session_state[FIRST_PAGE] = "Activity"  # a session that begins with a link to SQL waits for Run

    def drawn():
        app.run()
        assert not app.exception
        return any(expected in text for text in (*age_lines(app), *plain_texts(app)))

    until(drawn, what=expected)


def refusal(client, sql):
    with pytest.raises(analytics.errors.QueryError) as caught:
        client.sql(sql)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "line", "column", "text"),
    [
        ("SELECT 1 +\n FROM\n\n WHERE", 2, 2, "FROM"),
        ("-- first\n\nSELECT '1x'::INTEGER", 3, 12, "::INTEGER"),
        ("SELECT seq,\n  event_typ\nFROM events", 2, 3, "event_typ"),
        ("-- event_typ\nSELECT event_typ FROM events", 2, 8, "event_typ"),
        ("SELECT *\nFROM notificatons", 2, 6, "notificatons"),
        ("SELECT seq,\n floo(1)\nFROM events", 2, 2, "floo"),
        ("SELECT '日本語', '🙂', sqe FROM events", 1, 20, "sqe"),
        ("SELECT x.seq FROM events", 1, 8, "x"),
        ("SELECT\n    sum(entity_id)\nFROM events", 2, 5, "sum"),
    ],
)
def test_an_error_is_found_where_it_is(client, sql, line, column, text):
    place = find_place(sql, refusal(client, sql))
    assert (place.line, place.column) == (line, column)
    assert sql[place.start : place.end].startswith(text[:4])


def test_a_line_is_counted_from_where_the_statement_begins():
    sql = "-- SELECT\n\nSELECT '1x'::INTEGER"
    message = "Conversion Error: Could not convert\n\nLINE 1: SELECT '1x'::INTEGER\n                   ^^^^^^^^^"
    assert find_place(sql, message)[:2] == (3, 12)


def test_a_long_line_is_quoted_in_part():
    sql = "SELECT " + "1 + " * 50 + "'x'::INTEGER" + " + 1" * 50
    place = find_place(sql, "Conversion Error: x\n\nLINE 1: ...1 + 1 + 'x'::INTEGER + 1...\n                   ^^^")
    assert sql[place.start : place.end] == "'x'"


def test_a_place_is_told_as_a_browser_counts():
    sql = "SELECT '🙂', sqe FROM events"
    place = find_place(sql, 'Binder Error: Referenced column "sqe" not found in FROM clause!')
    assert (place.start, place.end) == (12, 15)
    assert place.as_utf16(sql) == (13, 16)


@pytest.mark.parametrize(
    "message",
    [
        "Out of Memory Error: no more",
        "",
        "LINE 1: something else\n        ^",
        "LINE 99: SELECT 1\n         ^",
        "Invalid Input Error: boom\n\nLINE 1: fake\n   ^",
        'Binder Error: Referenced column "elsewhere" not found',
    ],
)
def test_a_message_about_no_place_in_the_sql_has_none(message):
    assert find_place("SELECT 1", message) is None


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "SELECT 'ü🙂\n\t--'", f"-- {'水' * 900}", "SELECT " + ", ".join(f"'{n}'" for n in range(900))]
)
def test_sql_comes_out_of_an_address_as_it_went_in(sql):
    values = in_address(sql)
    assert read_address(values["sql"], values["packed"]) == sql
    assert sum(value is not None for value in values.values()) == 1
    assert all(len(quote(value or "")) <= 6000 for value in values.values())


def test_sql_too_long_for_an_address_says_so():
    import random

    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
    with pytest.raises(TooLongError, match=r"too long for a link: [\d,]+ of at most 6,000"):
        in_address(f"SELECT '{noise}'")


def test_a_link_that_was_cut_shows_no_part_of_its_query(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    packed = in_address("SELECT " + ", ".join(f"'{n}'" for n in range(900)))["packed"]
    assert read_address(None, packed[:-100]) is None
    app = make_app(monkeypatch, "sql", store, packed=packed[:-100]).run()
    assert [each.value for each in app.warning] == [CUT_LINK]


@pytest.mark.parametrize("packed", ["", "%%%", "AAAA", "eJw", "ü", "a", "eJwLTi0uyczPUwguTVIIDXZ29HPxcVUIcgwFAH8sB+A"])
def test_an_address_with_damaged_sql_has_none(packed):
    assert read_address(None, packed) is None


def test_a_small_address_does_not_become_a_huge_text():
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b"a" * 50_000_000, 9)).decode()
    assert len(read_address(None, bomb) or "") <= 1_000_000


def test_rows_are_shown_as_what_they_are():
    frame = prepare_rows(
        pa.table(
            {
                "whole": pa.array([2**62, None]),
                "sum": pa.array([Decimal(7), None], pa.decimal128(38)),
                "exact": pa.array([Decimal("1.50"), None]),
                "long": pa.array([Decimal("0.12345678901234567"), None]),
                "at": pa.array([datetime(2026, 1, 2, 3, 4, tzinfo=UTC), None]),
                "bytes": pa.array([b"\x00\x01", None]),
                "list": pa.array([[1, 2], None]),
                "text": pa.array(["a\u202eb\n", None]),
                "day": pa.array([date(2026, 1, 2), None]),
            }
        )
    )
    first = frame.iloc[0]
    assert first["whole"] == 2**62
    assert (first["sum"], first["exact"], first["long"]) == (7, 1.5, "0.12345678901234567")
    assert first["at"].isoformat() == "2026-01-02T03:04:00+00:00"
    assert (first["bytes"], first["list"], first["text"]) == ("<2 bytes>", "[1,2]", "a\\u202eb\\n")
    assert frame.iloc[1].isna().all()


def test_columns_of_one_name_and_of_none_stay_apart():
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", ""])
    assert list(prepare_rows(table).columns) == ["a", "a_2", "column"]


@pytest.mark.parametrize(
    ("names", "distinct"),
    [
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a", "a"], ["a_2", "a", "a_3", "a_4"]),
        (["a", "a", "a_2", "a_2"], ["a", "a_3", "a_2", "a_2_2"]),
        (["a", "a", "a_2", "a_2", "a_2_2"], ["a", "a_3", "a_2", "a_2_3", "a_2_2"]),
    ],
)
def test_a_number_that_tells_columns_apart_makes_no_name_of_another(names, distinct):
    table = pa.Table.from_arrays([pa.array([place]) for place in range(len(names))], names=names)
    frame = prepare_rows(table)
    assert list(frame.columns) == distinct
    assert frame.iloc[0].tolist() == list(range(len(names)))


def test_wide_rows_are_shown_in_fewer_lines_and_long_cells_are_cut():
    wide = pa.table({"text": ["x" * 20_000] * 2_000})
    assert 50 <= count_shown(wide) < 400
    assert len(prepare_rows(wide)["text"][0]) == 4_001
    assert count_shown(pa.table({"n": list(range(20_000))})) == 10_000
    assert count_shown(pa.table({"n": pa.array([], pa.int64())})) == 0


def test_sums_are_numbers_that_a_table_sorts_by_size():
    costs = pa.array([Decimal("9.5"), 10, None], pa.decimal128(18, 3))
    table = pa.table({"sum": pa.array([9, 10, None], pa.decimal128(38)), "cost": costs})
    frame = prepare_rows(table)
    assert [frame[name].sort_values().dropna().tolist() for name in frame] == [[9, 10], [9.5, 10.0]]


def test_nan_is_shown_apart_from_null():
    shown = pa.Table.from_pandas(prepare_rows(pa.table({"share": [float("nan"), None]})))
    assert list(map(str, shown["share"].to_pylist())) == ["nan", "None"]


def test_times_beyond_the_calendar_are_shown_as_text():
    infinity = 2**63 - 1
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        table = pa.table({"at": pa.array([infinity, -infinity, 0, None], kind)})
        shown = prepare_rows(table)["at"].tolist()
        assert shown[:2] == ["infinity", "-infinity"]
        assert shown[2].startswith("1970-01-01 00:00:00")


def test_a_row_with_a_time_beyond_the_calendar_says_what_it_names():
    infinite = pa.array([2**62], pa.timestamp("us", "UTC"))
    table = pa.table({"at": infinite, "seq": [7], "category": ["Server"], "entity_id": ["WA1"], "n": [1]})
    assert read_row(table, 0) == {"seq": 7, "category": "Server", "entity_id": "WA1"}


def test_every_column_that_questions_are_asked_of_has_a_meaning(client):
    found = client.sql(*queries.make_query("schema_columns", {})).to_pylist()
    known = [(row["table_name"], row["column_name"]) for row in found if row["table_name"] in MEANINGS]
    assert sorted(known) == sorted((table, column) for table, one in MEANINGS.items() for column in one.columns)


def test_a_profile_counts_missing_distinct_bounds_and_most_frequent_values(client):
    rows = client.sql("SELECT count(*) AS n FROM events").to_pylist()[0]["n"]
    found = compute_profile(client, "events", "event_type", "VARCHAR", rows)
    counted = client.sql(
        "SELECT event_type AS name, count(*) AS number FROM events WHERE event_type IS NOT NULL "
        "GROUP BY name ORDER BY number DESC, name LIMIT 10"
    )
    assert found.parts == counted.to_pylist()
    assert found.seen == found.rows == rows
    assert found.filled == client.sql("SELECT count(event_type) AS n FROM events").to_pylist()[0]["n"]


@pytest.mark.parametrize(("column", "kind"), [("seq", "BIGINT"), ("received_at", "TIMESTAMP WITH TIME ZONE")])
def test_a_profile_of_numbers_and_times_is_a_histogram_of_all_values(client, column, kind):
    found = compute_profile(client, "notifications", column, kind, 300)
    encoding = draw_spread(found, column, dark=False).to_dict()["encoding"]
    assert encoding["x"]["field"] == "begins"
    utc = "utcyearmonthdatehoursminutesseconds" if column == "received_at" else None
    assert [tip.get("timeUnit") for tip in encoding["tooltip"]] == [utc, utc, None]
    assert found.spreads
    assert sum(part["number"] for part in found.parts) == found.filled
    assert 1 <= len(found.parts) <= 30
    assert all(one["ends"] <= other["begins"] + 1 for one, other in zip(found.parts, found.parts[1:], strict=False))


def test_a_profile_of_times_ends_with_the_calendar_where_the_end_of_a_bin_is_rounded():
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)
    parts = [{"begins": 1.7e15, "ends": last.timestamp() * 1e6, "number": 1}]
    drawn = draw_spread(Profile("time", 1, 1, 1, 1, "", "", parts), "occurred_at", dark=False).to_dict()
    assert [row["ends"] for rows in drawn["datasets"].values() for row in rows] == [last.isoformat()]


def test_a_profile_of_truth_values_has_their_shares_and_no_bounds(client):
    found = compute_profile(client, "entities", "deleted", "BOOLEAN", 100)
    assert (found.smallest, found.largest) == (None, None)
    assert {part["name"] for part in found.parts} <= {"true", "false"}
    assert sum(part["number"] for part in found.parts) == found.filled > 0


def test_a_profile_of_many_rows_looks_at_a_part_of_them(client):
    found = compute_profile(client, "notifications", "payload", "JSON", 10_000_000)
    assert found.rows == 10_000_000
    assert found.seen < 1_000
    assert found.smallest is None


def test_every_column_has_a_profile(client):
    for row in client.sql(*queries.make_query("schema_columns", {})).to_pylist():
        if row["table_name"] in MEANINGS:
            for rows in (10, 1_000_000):
                compute_profile(client, row["table_name"], row["column_name"], row["data_type"], rows)


def test_types_are_looked_at_by_what_they_hold():
    kinds = [
        classify(one) for one in ("JSON", "BLOB", "VARCHAR[]", "DECIMAL(9,2)", "BIGINT[]", "UUID", "DATE", "BOOLEAN")
    ]
    assert kinds == ["heavy", "heavy", "text", "number", "text", "text", "time", "truth"]


def test_cancelling_ends_a_query_of_a_file_and_another_one_runs_after_it(client):
    cancellation = Cancellation()
    caught = []

    def ask():
        try:
            client.sql(RUNAWAY, cancellation=cancellation)
        except CancelledError as error:
            caught.append(str(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    until(lambda: cancellation._end is not None, what="the query's begin")
    cancellation.cancel()
    asking.join(10)
    assert caught == ["The query was cancelled."]
    assert client.sql("SELECT 1 AS one", cancellation=Cancellation()).to_pylist() == [{"one": 1}]


def test_a_query_is_interrupted_until_it_has_ended():
    running, interrupted = Future(), []

    class Cursor:
        def interrupt(self):
            interrupted.append(1)
            if len(interrupted) == 3:
                running.set_result(None)

    cursor: Any = Cursor()
    interrupt(cursor, running)
    assert len(interrupted) == 3


def test_what_is_cancelled_before_does_not_run(client):
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(CancelledError):
        client.sql(RUNAWAY, cancellation=cancellation)


def test_cancelling_hangs_up_on_a_query_service(monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", "secret")
    cancellation = Cancellation()
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(10)
        client = analytics.connect(f"http://127.0.0.1:{service.getsockname()[1]}")
        caught = []

        def ask():
            try:
                client.sql("SELECT 1", cancellation=cancellation)
            except CancelledError as error:
                caught.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        connection, _ = service.accept()
        with connection:
            connection.settimeout(10)
            request = b""
            while b"SELECT 1" not in request:
                request += connection.recv(65536)
            assert request.startswith(b"POST /query HTTP/1.1\r\n")
            assert b"Authorization: Bearer secret\r\n" in request
            cancellation.cancel()
            assert connection.recv(65536) == b""
        asking.join(10)
    assert len(caught) == 1


@pytest.mark.parametrize(("value", "seconds"), [("5", 5.0), ("0.5", 0.5)])
def test_the_longest_time_that_the_page_offers_is_the_query_services(monkeypatch, tmp_path, value, seconds):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLC_QUERY_TIMEOUT_SECONDS", value)
    assert read_settings().query_timeout_seconds == seconds


@pytest.mark.parametrize("value", ["0", "-1", "soon", "inf", "nan", "3601"])
def test_a_longest_time_that_is_none_is_refused(monkeypatch, tmp_path, value):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLC_QUERY_TIMEOUT_SECONDS", value)
    with pytest.raises(SettingsError, match=f"CLC_QUERY_TIMEOUT_SECONDS is '{value}'; it must be a number of seconds"):
        read_settings()
