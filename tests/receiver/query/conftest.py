"""A query service for each module, a narrow one for each test that asks for it, and the guard's judgement."""

import pytest

from receiver.store.query import guard
from receiver.store.query.answers import QueryError
from receiver.store.query.runner import QueryLimits
from tests.support.database import open_database
from tests.support.querying import serving


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("store") / "clc.duckdb") as running:
        yield running


@pytest.fixture
def narrow(tmp_path):
    """A service with one slot and room for one to wait."""
    with serving(tmp_path / "clc.duckdb", QueryLimits(20, 100_000, concurrent=1, waiting=1)) as running:
        yield running


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with open_database(tmp_path_factory.mktemp("store") / "clc.duckdb", "200MB") as connection:
        yield connection


@pytest.fixture
def judge(store):
    """Return a function that gives the code of the refusal, or None; SQL that DuckDB can't parse is an error."""
    cursor = store.cursor()
    refused = guard.list_refused_functions(cursor)

    def code_of(sql):
        try:
            guard.check_statement(cursor, sql, refused)
        except QueryError as error:
            return error.code
        return None

    yield code_of
    cursor.close()
