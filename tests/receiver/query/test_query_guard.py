"""The guard: what may run and what may not, asked of a store opened as the receiver opens it."""

import duckdb
import pytest

from receiver.errors import StoreError
from receiver.store.query import guard
from receiver.store.query.answers import QueryError


def reason(store, sql):
    cursor = store.cursor()
    with pytest.raises(QueryError) as caught:
        guard.check_statement(cursor, sql, guard.list_refused_functions(cursor))
    return caught.value.detail


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "-- counts\nSELECT count(*) FROM notifications /* all */;",
        "FROM events SELECT event_type",
        "TABLE rejected",
        "VALUES (1, 'a'), (2, 'b')",
        "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 3) FROM t",
        "WITH query AS (SELECT 1), checkpoint AS (SELECT 2) FROM query, checkpoint",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "DESCRIBE notifications",
        "DESCRIBE SELECT 1",
        "SUMMARIZE events",
        "PIVOT events ON event_type IN ('Server.Created', 'Server.Deleted') USING count(*)",
        "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
        "SELECT row_number() OVER w FROM events WINDOW w AS (PARTITION BY account_alias ORDER BY seq)",
        "SELECT list_transform([1], lambda x: x + 1), [x FOR x IN [1, 2]], {'type': 'INSERT_QUERY_NODE'}",
        "SELECT random(), uuid(), gen_random_uuid(), uuidv7(), now(), current_date, today(), error('no')",
        "SELECT payload ->> '$.name', payload.details.cpu FROM events",
        "SELECT 'checkpoint()', \"query('x')\" FROM (SELECT 1 AS \"query('x')\")",
        "SELECT getvariable('x'), current_setting('TimeZone'), 'memory_limit'.current_setting()",
        "FROM range(3), generate_series(1, 2), unnest([1]), repeat('a', 2), json_each('{\"a\":1}'), json_tree('[1]')",
        "FROM duckdb_tables(), duckdb_columns(), duckdb_views(), duckdb_functions(), duckdb_types()",
        "FROM pragma_table_info('notifications')",
        "FROM information_schema.tables, pg_catalog.pg_class, sqlite_master",
        "FROM system.main.range(3)",
        "SELECT * FROM events TABLESAMPLE 10% (bernoulli)",
        "EXPLAIN SELECT 1",
        "explain analyze SELECT 1;",
        "-- the plan\n\nEXPLAIN\n(SELECT 1)",
        "EXPLAIN ((SELECT 1) UNION (SELECT 2))",
        "EXPLAIN (FROM range(2)) UNION ALL SELECT 1",
        "EXPLAIN WITH t AS (SELECT 1) FROM t",
    ],
)
def test_one_select_or_an_explain_of_one_may_run(judge, sql):
    assert judge(sql) is None


@pytest.mark.parametrize("sql", ["EXPLAIN (FORMAT json) SELECT 1", "/* a */ EXPLAIN SELECT 1", "EXPLAIN/**/SELECT 1"])
def test_an_explain_with_options_or_comments_is_refused(store, sql):
    assert reason(store, sql) == "EXPLAIN can't be checked: write EXPLAIN or EXPLAIN ANALYZE, and the SELECT."


@pytest.mark.parametrize(
    "sql",
    [
        "ROLLBACK; DROP TABLE notifications",
        "SELECT 1; SELECT 2",
        "SELECT 1; ; INSERT INTO notifications SELECT * FROM notifications",
        "EXPLAIN SELECT 1; DROP TABLE notifications",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "INSERT INTO rejected SELECT * FROM rejected",
        "INSERT INTO rejected SELECT * FROM rejected RETURNING id",
        "UPDATE notifications SET actor = 'x'",
        "DELETE FROM notifications",
        "TRUNCATE notifications",
        "MERGE INTO notifications USING events ON notifications.seq = events.seq WHEN MATCHED THEN DELETE",
        "CREATE TABLE t (a INT)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE MACRO m() AS TABLE FROM checkpoint()",
        "CREATE SECRET s (TYPE s3)",
        "ALTER TABLE notifications ADD COLUMN x INT",
        "DROP VIEW events",
        "ATTACH 'other.duckdb'",
        "ATTACH ':memory:' AS other",
        "DETACH clc",
        "USE system",
        "COPY notifications TO 'x.parquet'",
        "COPY (SELECT 1) TO 'x.csv'",
        "COPY rejected FROM 'x.csv'",
        "COPY FROM DATABASE clc TO other",
        "EXPORT DATABASE 'x'",
        "IMPORT DATABASE 'x'",
        "PRAGMA version",
        "PRAGMA database_list",
        "PRAGMA enable_profiling",
        "SET threads = 1",
        "SET VARIABLE x = 1",
        "RESET threads",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL checkpoint()",
        "CALL range(3)",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "VACUUM",
        "ANALYZE",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "COMMENT ON TABLE notifications IS 'x'",
        "PIVOT events ON event_type USING count(*)",
        "EXPLAIN PIVOT events ON event_type",
        "EXPLAIN INSERT INTO rejected SELECT * FROM rejected",
        "EXPLAIN ANALYZE DELETE FROM notifications",
        "EXPLAIN (ANALYZE) DELETE FROM notifications",
        "EXPLAIN (ANALYZE, FORMAT json) CREATE TABLE t (a INT)",
        "EXPLAIN COPY (SELECT 1) TO 'x.csv'",
        "EXPLAIN ANALYZE /* SELECT 1 */ DELETE FROM notifications -- SELECT 1",
        "EXPLAIN CALL checkpoint()",
        "EXPLAIN CHECKPOINT",
        "WITH gone AS (DELETE FROM notifications RETURNING *) SELECT * FROM gone",
        "WITH new AS (INSERT INTO rejected SELECT * FROM rejected RETURNING id) SELECT count(*) FROM new",
        "WITH u AS (UPDATE notifications SET actor = 'x' RETURNING 1) SELECT 1",
        "SELECT * FROM (WITH gone AS (DELETE FROM notifications RETURNING *) SELECT * FROM gone)",
        "EXPLAIN ANALYZE WITH gone AS (DELETE FROM notifications RETURNING *) SELECT * FROM gone",
    ],
)
def test_whatever_is_not_one_select_is_no_query(judge, sql):
    assert judge(sql) == "not_a_query"


TABLE_FUNCTIONS = [
    "checkpoint()",
    "checkpoint('clc')",
    "force_checkpoint()",
    "truncate_duckdb_logs()",
    "enable_logging()",
    "disable_logging()",
    "enable_profiling()",
    "disable_profiling()",
    "add_grammar_extension('x')",
    "create_external_resource('x')",
    "query('SELECT 1')",
    "query_table('notifications')",
    "json_execute_serialized_sql('{}')",
    "histogram('notifications', seq)",
    "histogram_values('notifications', seq)",
    "read_csv('/etc/passwd')",
    "read_csv_auto('/etc/passwd')",
    "read_text('/etc/passwd')",
    "read_blob('/etc/passwd')",
    "read_json('/etc/passwd')",
    "read_ndjson_objects('/etc/passwd')",
    "read_parquet('x')",
    "parquet_scan('x')",
    "parquet_metadata('x')",
    "read_duckdb('x')",
    "sniff_csv('/etc/passwd')",
    "glob('/etc/*')",
    "duckdb_secrets()",
    "duckdb_settings()",
    "duckdb_databases()",
    "duckdb_extensions()",
    "duckdb_profiling_settings()",
    "pragma_database_list()",
    "which_secret('s3://x', 's3')",
    "duckdb_logs()",
    "duckdb_logs_parsed('QueryLog')",
    "duckdb_live_query_metrics()",
    "duckdb_external_file_cache()",
    "arrow_scan(1, 2, 3)",
    "pandas_scan(1)",
    "python_map_function()",
    "seq_scan()",
    "identifier($1)",
    "no_such_function()",
]


@pytest.mark.parametrize("call", TABLE_FUNCTIONS)
def test_a_table_function_that_is_not_on_the_list_is_refused(judge, call):
    assert judge(f"SELECT * FROM {call}") == "not_a_query"


@pytest.mark.parametrize(
    "sql",
    [
        "FROM CheckPoint()",
        'FROM "checkpoint"()',
        'SELECT 1 FROM "CHECKPOINT" /* x */ ()',
        "FROM main.checkpoint()",
        "FROM system.main.checkpoint()",
        'FROM "system"."main"."checkpoint"() AS range(a)',
        "WITH t AS (FROM checkpoint()) SELECT 1",
        "WITH t AS NOT MATERIALIZED (FROM checkpoint()) SELECT 1",
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT 1 FROM t, checkpoint()) FROM t",
        "SELECT (SELECT count(*) FROM checkpoint())",
        "SELECT EXISTS (FROM checkpoint())",
        "SELECT 1 IN (FROM checkpoint())",
        "SELECT 1 = ANY (FROM checkpoint())",
        "SELECT ARRAY(FROM checkpoint())",
        "SELECT 1 WHERE EXISTS (FROM checkpoint())",
        "SELECT 1 LIMIT (SELECT count(*) FROM checkpoint())",
        "SELECT 1 OFFSET (SELECT count(*) FROM checkpoint())",
        "SELECT DISTINCT ON ((SELECT 1 FROM checkpoint())) 1",
        "SELECT 1 ORDER BY (SELECT 1 FROM checkpoint())",
        "SELECT 1 GROUP BY (SELECT 1 FROM checkpoint())",
        "SELECT 1 GROUP BY GROUPING SETS ((), ((SELECT 1 FROM checkpoint())))",
        "SELECT 1 HAVING EXISTS (FROM checkpoint())",
        "SELECT 1 QUALIFY row_number() OVER (ORDER BY (SELECT 1 FROM checkpoint())) = 1",
        "SELECT sum(1) OVER w FROM events WINDOW w AS (PARTITION BY (SELECT 1 FROM checkpoint()))",
        "SELECT CASE WHEN true THEN (SELECT 1 FROM checkpoint()) END",
        "VALUES ((SELECT 1 FROM checkpoint()))",
        "SELECT 1 UNION SELECT 1 FROM checkpoint()",
        "SELECT 1 EXCEPT (SELECT 1 INTERSECT SELECT 1 FROM checkpoint())",
        "SELECT * FROM range(1), LATERAL (SELECT * FROM checkpoint())",
        "SELECT * FROM events NATURAL JOIN checkpoint()",
        "SELECT * FROM events JOIN rejected ON EXISTS (FROM checkpoint())",
        "SELECT * FROM events POSITIONAL JOIN checkpoint()",
        "PIVOT (FROM checkpoint()) ON success IN (true) USING count(*)",
        "FROM checkpoint() PIVOT (count(*) FOR success IN (true))",
        "UNPIVOT (FROM checkpoint()) ON success",
        "DESCRIBE SELECT * FROM checkpoint()",
        "SUMMARIZE SELECT * FROM checkpoint()",
        "SELECT * FROM (DESCRIBE FROM checkpoint())",
        "FROM range((SELECT count(*) FROM checkpoint()))",
        "SELECT list_transform([1], lambda x: (SELECT count(*) FROM checkpoint()))",
        "SELECT count(*) FILTER (WHERE EXISTS (FROM checkpoint())) FROM events",
        "SELECT * REPLACE ((SELECT 1 FROM checkpoint()) AS seq) FROM events",
        "SELECT (SELECT (SELECT (SELECT 1 FROM checkpoint())))",
        "FROM events AT (VERSION => (SELECT 1 FROM checkpoint()))",
        "EXPLAIN FROM checkpoint()",
        "EXPLAIN ANALYZE FROM checkpoint()",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT (SELECT 1 FROM checkpoint())",
    ],
)
def test_a_refused_table_function_is_found_wherever_it_stands_and_however_it_is_written(judge, sql):
    assert judge(sql) == "not_a_query"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT write_log('x')",
        "SELECT WRITE_LOG('x')",
        "SELECT \"Write_Log\"('x')",
        "SELECT main.write_log('x')",
        "SELECT system.main.write_log('x')",
        "SELECT 'x'.write_log()",
        "SELECT ('x' || 'y').upper().write_log()",
        "SELECT write_log('x') OVER ()",
        "SELECT try(write_log('x'))",
        "SELECT CAST(write_log('x') AS VARCHAR)",
        "SELECT write_log('x') COLLATE NOCASE",
        "SELECT [write_log(x) FOR x IN ['a']]",
        "SELECT list_transform(['a'], lambda x: write_log(x))",
        "SELECT list_filter([['a']], lambda x: list_transform(x, lambda y: write_log(y)) IS NULL)",
        "SELECT columns(lambda c: write_log(c)) FROM events",
        "SELECT {'a': write_log('x')}, 1",
        "SELECT MAP {1: write_log('x')}",
        "SELECT INTERVAL (write_log('x')) DAY",
        "SELECT string_agg(actor ORDER BY write_log('x')) FROM events",
        "SELECT sum(seq) OVER (ROWS write_log('x') PRECEDING) FROM events",
        "SELECT 1 BETWEEN write_log('x') AND 2",
        "FROM (VALUES (write_log('x')))",
        "FROM unnest([write_log('x')])",
        "FROM events PIVOT (max(write_log(actor)) FOR action IN ('Created'))",
        "EXPLAIN SELECT write_log('x')",
        "SELECT nextval('s')",
        "SELECT currval('s')",
        "SELECT setval('s', 1)",
        "SELECT setseed(0.5)",
        "SELECT sleep_ms(1)",
        "SELECT pg_sleep(1)",
        "SELECT getenv('HOME')",
        "SELECT json_serialize_plan('SELECT * FROM checkpoint()')",
    ],
)
def test_a_function_that_does_more_than_compute_is_found_wherever_it_stands(judge, sql):
    assert judge(sql) == "not_a_query"


@pytest.mark.parametrize(
    "table",
    ["'/etc/passwd'", "'x.csv'", '"x.parquet"', "x.csv", "'https://example.org/x.json'", "'*.csv.gz'", "duckdb_logs"],
)
def test_a_table_that_is_a_file_or_shows_what_others_ask_is_refused(judge, table):
    assert judge(f"SELECT * FROM {table}") == "not_a_query"
    assert judge(f"SUMMARIZE {table}") == "not_a_query"


def test_every_function_that_duckdb_flags_is_known_and_decided(store):
    assert guard.list_refused_functions(store.cursor()) == {
        "currval",
        "getenv",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "nextval",
        "pg_sleep",
        "setseed",
        "setval",
        "sleep_ms",
        "stats",
        "write_log",
    }


def test_no_built_in_macro_hides_a_refused_function(store):
    refused = guard.list_refused_functions(store.cursor())
    macros = store.cursor().execute(
        "SELECT lower(function_name), lower(macro_definition) FROM duckdb_functions() WHERE function_type = 'macro'"
    )
    hiding = {name for name, body in macros.fetchall() if any(f"{function}(" in body for function in refused)}
    assert hiding - refused == set()


def test_every_allowed_table_function_exists(store):
    rows = (
        store.cursor().execute("SELECT function_name FROM duckdb_functions() WHERE function_type = 'table'").fetchall()
    )
    assert guard.TABLE_FUNCTIONS - {name for (name,) in rows} == set()


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- SELECT 1", "/* SELECT 1 */"])
def test_text_without_a_statement_is_told_so(store, sql):
    assert reason(store, sql) == "The SQL is empty: send one SELECT statement."


def test_a_refusal_says_what_was_found(store):
    assert reason(store, "SELECT 1; SELECT 2") == "Exactly one statement is allowed, but there are 2: send one."
    assert reason(store, "DROP TABLE notifications") == (
        "Only SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one of them, is allowed here, but this is DROP."
    )
    assert reason(store, "EXPLAIN DELETE FROM notifications") == (
        "Only SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one of them, is allowed here, "
        "but this is EXPLAIN of DELETE."
    )
    assert reason(store, "WITH t AS (DELETE FROM notifications RETURNING 1) FROM t") == (
        "Only SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one of them, is allowed here, but this is DELETE."
    )
    assert reason(store, "FROM Read_CSV('x')") == (
        "The table function read_csv() is not among those that queries may use: read the store's own tables."
    )
    assert reason(store, "PIVOT events ON action").startswith("PIVOT without its IN list is several statements")


def test_sql_nested_deeper_than_can_be_checked_is_refused(judge):
    assert judge("SELECT " + "1 + " * 900 + "1") == "not_a_query"


@pytest.mark.parametrize(
    "sql", ["SELECT 1 FROM", "SELECT 1 INTO t", "EXPLAIN EXPLAIN SELECT 1", "SELECT * FROM (CALL checkpoint())"]
)
def test_what_is_no_sql_is_left_to_duckdbs_own_message(judge, sql):
    with pytest.raises(duckdb.ParserException, match="syntax error"):
        judge(sql)


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ("SET enable_external_access = false", "enable_external_access to be false, but it is true"),
        ("SET GLOBAL python_enable_replacements = false", "python_enable_replacements to be false, but it is true"),
        ("SET lock_configuration = true", "lock_configuration to be true, but it is false"),
    ],
)
def test_an_instance_that_is_not_locked_down_is_not_served(left_out, sentence):
    with duckdb.connect() as connection:
        for statement in (
            "SET enable_external_access = false",
            "SET GLOBAL python_enable_replacements = false",
            "SET lock_configuration = true",
        ):
            if statement != left_out:
                connection.execute(statement)
        with pytest.raises(StoreError, match=sentence):
            guard.require_locked(connection.cursor())
