"""What was found allowed is remembered, by its text."""

import pytest

from receiver.store.query import guard
from receiver.store.query.answers import QueryError
from tests.support.database import open_database


def test_what_was_found_allowed_is_looked_through_once_and_what_was_refused_each_time(tmp_path, monkeypatch):
    looked = []

    def look(cursor, sql, refused):
        looked.append(sql)
        return check_statement(cursor, sql, refused)

    check_statement = guard.check_statement
    monkeypatch.setattr(guard, "check_statement", look)
    monkeypatch.setattr(guard, "MOST_STATEMENTS", 2)
    cursor = open_database(tmp_path / "clc.duckdb").cursor()
    remembered = guard.AllowedStatements(cursor)
    for sql in ("SELECT 1; ", "SELECT 1; ", "SELECT 2", "SELECT 1; ", "SELECT 3", "SELECT 1; ", "SELECT 2"):
        assert remembered.find_statement(cursor, sql) == check_statement(
            cursor, sql, guard.list_refused_functions(cursor)
        )
    assert looked == ["SELECT 1; ", "SELECT 2", "SELECT 3", "SELECT 2"]
    for _ in range(2):
        with pytest.raises(QueryError):
            remembered.find_statement(cursor, "SELECT * FROM 'file.csv'")
    assert looked[-2:] == ["SELECT * FROM 'file.csv'"] * 2
    text = "x" * guard.LONGEST
    long = f"SELECT '{text}'"
    assert remembered.find_statement(cursor, long) == remembered.find_statement(cursor, long) == long
    assert looked[-2:] == [long] * 2
