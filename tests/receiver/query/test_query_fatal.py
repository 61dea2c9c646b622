"""What ends DuckDB's process is refused, and what only looks like it runs."""

import subprocess
import sys

import pytest

from receiver.store.query import guard
from receiver.store.query.answers import QueryError
from receiver.store.query.guard import DEEPEST_STRUCTURE
from tests.support.database import open_database

DEEP = "[" * 50_000 + "]" * 50_000
STRUCTURE = "[" * 50_000 + '"INT"' + "]" * 50_000
FATAL = {
    "a cast": f"SELECT '{DEEP}'::JSON::VARIANT",
    "another spelling": f"SELECT TRY_CAST('{DEEP}'::JSON AS variant)",
    "a cast to a struct": f"SELECT CAST([{{'a': '{DEEP}'::JSON}}] AS STRUCT(a VARIANT)[])",
    "a function": f"SELECT variant_typeof('{DEEP}'::JSON)",
    "its structure": f"SELECT from_json('{DEEP}', '\"VARIANT\"')",
    "its structure with an escape": f"SELECT from_json('{DEEP}', '\"VARIAN\\u0054\"')",
    "the type of statistics": f"SELECT cast_to_type('{DEEP}'::JSON, stats(1))",
    "a list with statistics": f"SELECT [stats(1), {{'a': '{DEEP}'::JSON}}]",
    "a replaced type": f"SELECT replace_type({{'a': '{DEEP}'::JSON}}, '1'::JSON, x) FROM t",
    "a remapped struct": f"SELECT remap_struct({{'a': '{DEEP}'::JSON}}, x, {{'b': 'a'}}, NULL) FROM t",
    "a structure": f"SELECT json_transform('[1]', '{STRUCTURE}')",
    "a strict one": f"SELECT from_json_strict('[1]', '{STRUCTURE}')",
    "a computed structure": "SELECT json_transform('[1]', repeat('[', 50000) || '\"INT\"' || repeat(']', 50000))",
    "beneath": f"SELECT * FROM range(3) WHERE (SELECT json_transform('[1]', '{STRUCTURE}')) IS NULL",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with open_database(tmp_path_factory.mktemp("store") / "clc.duckdb", "200MB") as connection:
        yield connection


@pytest.fixture(scope="module")
def judge(store):
    refused = guard.list_refused_functions(store)
    return lambda sql: guard.check_statement(store, sql, refused)


@pytest.mark.parametrize("sql", FATAL.values(), ids=FATAL)
def test_what_ends_the_process_is_refused(judge, sql):
    with pytest.raises(QueryError, match=r"VARIANT can end|nested deeper|as a text in the SQL|without \\u") as caught:
        judge(sql)
    assert caught.value.code == "not_a_query"


def test_every_function_that_returns_a_variant_is_refused(judge, store):
    returning = store.sql(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE return_type LIKE '%VARIANT%' AND function_type IN ('scalar', 'aggregate', 'macro')"
    )
    for (name,) in returning.fetchall():
        with pytest.raises(QueryError, match="VARIANT can end"):
            judge(f"SELECT {name}(seq) FROM notifications")


@pytest.mark.full
@pytest.mark.parametrize("name", ["a cast", "a structure", "the type of statistics", "a list with statistics"])
def test_duckdb_still_dies_of_it(name):
    command = [sys.executable, "-c", "import duckdb, sys; duckdb.sql(sys.stdin.read()).fetchall()"]
    done = subprocess.run(command, input=FATAL[name], text=True, capture_output=True, check=False)
    assert done.returncode < 0, "DuckDB has mended it: receiver.store.query.guard may let it through"


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT json_transform(payload, \'{"name": "VARCHAR", "cpus": ["INT"]}\') FROM notifications',
        "SELECT from_json(payload, '" + "[" * DEEPEST_STRUCTURE + '"INT"' + "]" * DEEPEST_STRUCTURE + "') FROM events",
        "SELECT json_transform(payload, '{" + ", ".join(f'"f{n}": ["INT"]' for n in range(500)) + "}') FROM events",
        "SELECT 'VARIANT' AS variant, payload::JSON FROM notifications",
    ],
)
def test_what_does_not_end_it_runs(judge, sql):
    assert judge(sql) == sql
