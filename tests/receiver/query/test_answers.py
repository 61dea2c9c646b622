"""What the query service answers to SQL, and what SQL it does not run."""

import datetime as dt
import decimal
import json
import re

import duckdb
import pyarrow as pa
import pytest

from tests.support.querying import refusal


def test_a_query_is_answered_with_one_arrow_stream(service):
    assert service.rows("SELECT n, n * 2 AS double FROM kept ORDER BY n") == [(0, 0), (1, 2), (2, 4)]


def test_an_empty_result_still_has_its_columns(service):
    table = service.table("SELECT seq, payload, received_at FROM notifications")
    assert table.num_rows == 0
    assert table.schema.names == ["seq", "payload", "received_at"]
    assert table.schema.types == [pa.int64(), pa.string(), pa.timestamp("us", "UTC")]


def test_columns_of_the_same_name_all_arrive(service):
    table = service.table("SELECT 1 AS a, 2 AS a, 3 AS A")
    assert table.schema.names == ["a", "a", "A"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("'{\"a\": 1.50}'::JSON", "string", '{"a": 1.50}'),
        ("'7c9e6679-7425-40de-944b-e07fc1f90ae7'::UUID", "string", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
        (
            "'2023-10-01 02:00:00+02'::TIMESTAMPTZ",
            "timestamp[us, tz=UTC]",
            dt.datetime(2023, 10, 1, tzinfo=dt.UTC),
        ),
        ("99999999999999999999::HUGEINT", "decimal128(38, 0)", decimal.Decimal(99999999999999999999)),
        ("1.25::DECIMAL(18, 3)", "decimal128(18, 3)", decimal.Decimal("1.250")),
        ("'\\x00\\xFF'::BLOB", "binary", b"\x00\xff"),
        ("[1, NULL]", "list<l: int32>", [1, None]),
        ("{'a': 1, 'b': ['x']}", "struct<a: int32, b: list<l: string>>", {"a": 1, "b": ["x"]}),
        ("MAP {'a': 1}", "map<string, int32>", [("a", 1)]),
        ("'y'::ENUM('x', 'y')", "dictionary<values=string, indices=uint8, ordered=0>", "y"),
        ("INTERVAL '1 month 2 days'", "month_day_nano_interval", (1, 2, 0)),
        ("'101'::BIT::VARCHAR", "string", "101"),
        ("'101'::BIT", "string", "101"),
        ("340282366920938463463374607431768211455::UHUGEINT", "string", "340282366920938463463374607431768211455"),
        ("'12:00:00-08'::TIMETZ", "string", "12:00:00-08"),
        ("{'a b': ['101'::BIT], 'n': 1}", "string", "{'a b': [101], 'n': 1}"),
        ("MAP {INTERVAL 1 DAY: '24:00:00'::TIME}", "string", "{1 day='24:00:00'}"),
        ("row(1, '101'::BIT)", "string", "(1, 101)"),
        ("union_value(n := 1)", "string", "1"),
        ("1::BIGNUM", "string", "1"),
        ("'01:02:03.123456789'::TIME_NS", "string", "01:02:03.123456789"),
        ("TIME '10:00:00.5'", "time64[us]", dt.time(10, 0, 0, 500000)),
        ("DATE '2023-10-01'", "date32[day]", dt.date(2023, 10, 1)),
        ("'\\u202e😀\0'", "string", "\\u202e😀"),
        ("NULL", "null", None),
    ],
)
def test_a_value_of_each_type_arrives_in_a_plain_arrow_type(service, expression, kind, value):
    table = service.table(f"SELECT {expression} AS v".replace("\0", ""))
    assert str(table.schema.field("v").type) == kind
    assert table.column("v").to_pylist() == [value]


def test_columns_beside_one_that_is_cast_keep_their_names_and_types(service):
    table = service.table('SELECT $1 AS "a ""b", 1 AS n, 2 AS n, $2', parameters=[2**127, "x"])
    assert table.schema.names == ['a "b', "n", "n", "$2"]
    assert [column.to_pylist() for column in table.columns] == [[str(2**127)], [1], [2], ["x"]]


def test_an_enum_survives_several_batches(service):
    sql = "SELECT (CASE WHEN range % 2 = 0 THEN 'even' ELSE 'odd' END)::ENUM('odd', 'even') AS v FROM range(20000)"
    assert service.table(sql).column("v").to_pylist() == ["even", "odd"] * 10000


def test_few_rows_of_an_answer_are_in_memory_at_once_because_they_may_be_long(service):
    with pa.ipc.open_stream(service.post("FROM range(5000)").data) as stream:
        assert [batch.num_rows for batch in stream] == [2048, 2048, 904]


@pytest.mark.parametrize(
    ("sql", "parameters", "row"),
    [
        ("SELECT ?, $2", [1, "b"], (1, "b")),
        ("SELECT $a, $b", {"a": None, "b": True}, (None, True)),
        ("SELECT $1 + $1", [2], (4,)),
        ("SELECT count(*) FROM kept WHERE n IN (SELECT unnest(?))", [[0, 2, 9]], (2,)),
        ("SELECT ?.a[1]", [{"a": [1.5]}], (1.5,)),
        ("SELECT ?::VARCHAR", [1180591620717411303424], ("1180591620717411303424",)),
        ("SELECT $name", {"name": "'; DROP TABLE kept; --"}, ("'; DROP TABLE kept; --",)),
        ("SELECT 1", [], (1,)),
        ("SELECT 1", {}, (1,)),
        ("SELECT 1", None, (1,)),
    ],
)
def test_parameters_are_given_by_place_or_by_name(service, sql, parameters, row):
    assert service.rows(sql, parameters=parameters) == [row]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [("SELECT ?", []), ("SELECT ?", [1, 2]), ("SELECT 1", [1]), ("SELECT $a", {}), ("SELECT $a", {"a": 1, "z": 2})],
)
def test_parameters_that_do_not_fit_are_an_error_of_the_sql(service, sql, parameters):
    assert refusal(service.post(sql, parameters=parameters)) == (400, "sql_error")


@pytest.mark.parametrize("sql", ["EXPLAIN SELECT * FROM kept", "EXPLAIN ANALYZE SELECT * FROM kept"])
def test_explain_of_a_select_works(service, sql):
    ((_, plan),) = service.rows(sql)
    assert "kept" in plan


def test_show_describe_and_summarize_work(service):
    assert ("kept",) in service.rows("SHOW TABLES")
    assert service.rows("DESCRIBE kept")[0][:2] == ("n", "BIGINT")
    assert service.rows("SUMMARIZE kept")[0][:4] == ("n", "BIGINT", "0", "2")


@pytest.mark.parametrize(
    "sql",
    [
        "ROLLBACK; DROP TABLE kept",
        "COMMIT; INSERT INTO kept VALUES (9); SELECT 1",
        "INSERT INTO kept VALUES (9)",
        "UPDATE kept SET n = 9",
        "DELETE FROM kept",
        "WITH gone AS (DELETE FROM kept RETURNING n) SELECT * FROM gone",
        "CREATE TABLE t (a INT)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "DROP TABLE kept",
        "ATTACH 'x.duckdb'",
        "COPY kept TO 'x.csv'",
        "EXPORT DATABASE 'x'",
        "PRAGMA version",
        "SET threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL checkpoint()",
        "CHECKPOINT",
        "FROM checkpoint()",
        "FROM truncate_duckdb_logs()",
        "SELECT write_log('x')",
        "FROM query('SELECT 1')",
        "EXPLAIN ANALYZE INSERT INTO kept VALUES (9)",
        "PIVOT kept ON n",
    ],
)
def test_whatever_is_no_query_is_refused_and_changes_nothing(service, sql):
    assert refusal(service.post(sql)) == (403, "not_a_query")
    assert service.rows("SELECT n FROM kept ORDER BY n") == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    "source", ["read_csv('{}')", "read_text('{}')", "read_blob('{}')", "glob('{}')", "'{}'", "sniff_csv('{}')"]
)
def test_a_local_file_can_not_be_read(service, tmp_path, source):
    file = tmp_path / "secret.csv"
    file.write_text("a\nsecret\n")
    response = service.post(f"SELECT * FROM {source.format(file)}")
    assert refusal(response) == (403, "not_a_query")
    response = service.post("SELECT * FROM read_text($1)", parameters=[str(file)])
    assert refusal(response) == (403, "not_a_query")


def test_the_programs_own_variables_can_not_be_read(service):
    for name in ("secret", "query", "relation", "reader", "file", "refused", "cursor", "LIMITS"):
        assert refusal(service.post(f"FROM {name}")) == (400, "sql_error")


def test_a_data_frame_in_scope_is_out_of_reach_of_sql_on_the_stores_connection(service):
    secret = pa.table({"a": ["secret"]})
    with pytest.raises(duckdb.CatalogException, match="secret does not exist"):
        service.connection.cursor().sql("FROM secret")
    assert secret.num_rows == 1


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT seqq FROM notifications", 'Referenced column "seqq" not found'),
        ("FROM notification", 'Did you mean "notifications"?'),
        ("SELECT 'x'::INT", "Conversion Error: Could not convert string 'x' to INT32"),
        (
            "SELECT (CASE WHEN n = 90000 THEN 'x' END)::INT FROM range(99999) t(n)",
            "Conversion Error: Could not convert",
        ),
        ("SELECT error('told so')", "told so"),
        # Cut within a character.
        ("SELECT from_hex('ä')", "Invalid input for hex digit: \ufffd"),
        ("", "The SQL is empty: send one SELECT statement."),
        ("-- nothing", "The SQL is empty: send one SELECT statement."),
    ],
)
def test_an_error_in_the_sql_is_told_in_duckdbs_words(service, sql, message):
    response = service.post(sql)
    assert refusal(response) == (400, "sql_error")
    assert message in json.loads(response.data)["detail"]


def test_a_query_that_needs_too_much_memory_is_told_so(service):
    response = service.post("SELECT list(range || 'some text that is longer than twelve') FROM range(30000000)")
    assert refusal(response) == (400, "sql_error")
    detail = json.loads(response.data)["detail"]
    assert "Out of Memory" in detail
    assert "CLC_STORE_MEMORY" in detail
    assert "SET " not in detail  # which no query may
    assert service.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 % 0", "Use TRY(...) to return NULL for this expression."),
        ("SELECT (SELECT unnest([1, 2]))", "can only return a single row."),
        ("SELECT list_transform([1], x -> x)", "lambda x, i: x + i, before DuckDB's next release.\nFor more"),
        (
            "SELECT 1 ORDER BY 'SET a=1'",
            "ORDER BY non-integer literal has no effect.\n\nLINE 1: SELECT 1 ORDER BY 'SET",
        ),
    ],
)
def test_an_error_gives_no_advice_that_no_query_may_follow(service, sql, said):
    detail = json.loads(service.post(sql).data)["detail"]
    assert said in detail
    assert re.search("SET [a-z]+_", detail) is None
