"""What DuckDB says of an error in a file that is opened directly, with advice that one can follow there."""

import re

import duckdb
import pytest

import analytics
from analytics.errors import QueryError
from analytics.words.advice import describe_error
from tests.support.readable_store import build_store

OUT_OF_MEMORY = """Out of Memory Error: could not allocate block of size 256.0 KiB (95.3 MiB/95.3 MiB used)

Possible solutions:
* Reducing the number of threads (SET threads=X)
* Disabling insertion-order preservation (SET preserve_insertion_order=false)
* Increasing the memory limit (SET memory_limit='...GB')

See also https://duckdb.org/docs/stable/guides/performance/how_to_tune_workloads"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with analytics.connect(str(build_store(tmp_path_factory.mktemp("store") / "s.duckdb", []))) as made:
        yield made


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 % 0", "Use TRY(...) to return NULL for this expression."),
        ("SELECT (SELECT unnest([1, 2]))", "can only return a single row.\n\nAggregate its rows, or add LIMIT 1."),
        ("SELECT list_transform([1], x -> x)", "lambda x, i: x + i, before DuckDB's next release.\nFor more"),
        (
            "SELECT 1 ORDER BY 'SET a=1'",
            "ORDER BY non-integer literal has no effect.\nOrder by a column, or by its number.",
        ),
        (f"SELECT {'+'.join(['1'] * 1001)}", "Write a shorter expression"),
    ],
)
def test_an_error_says_what_to_do_in_place_of_a_setting_that_is_locked(client, sql, said):
    with pytest.raises(QueryError) as raised:
        client.sql(sql)
    assert said in str(raised.value)
    assert re.search("SET [a-z]+_", str(raised.value)) is None


def test_too_little_memory_is_told_without_settings():
    told = describe_error(duckdb.OutOfMemoryException(OUT_OF_MEMORY))
    first = OUT_OF_MEMORY.splitlines()[0]
    assert told == f"{first}. Filter or aggregate before you sort or join, or ask on a machine with more memory."
