"""Settings that tell paths of the machine are told to nobody who may only query."""

import pytest

from receiver.store.query import guard
from receiver.store.query.answers import QueryError
from receiver.store.query.guard import SETTINGS


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT current_setting('temp_directory')",
        "SELECT CURRENT_SETTING('Secret_Directory')",
        "SELECT system.main.current_setting('allowed_paths')",
        "SELECT 'temp_directory'.current_setting()",
        "SELECT current_setting('temp' || '_directory')",
        "SELECT current_setting($1)",
        "SELECT current_setting(setting) FROM (VALUES ('temp_directory')) AS t(setting)",
        "SELECT list_transform(['temp_directory'], lambda name: current_setting(name))",
        "SHOW temp_directory",
        'SELECT * FROM (SHOW "Temp_Directory")',
        "FROM pg_settings",
        "SUMMARIZE pg_catalog.pg_settings",
        "FROM duckdb_databases",
        "DESCRIBE FROM system.main.pragma_database_list",
        "EXPLAIN ANALYZE FROM duckdb_settings()",
    ],
)
def test_a_setting_that_may_tell_a_path_is_not_told(judge, sql):
    assert judge(sql) == "not_a_query"


def test_nothing_that_describes_the_instance_tells_where_it_lies(store, judge):
    ((path,),) = store.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()
    directory = path.rpartition("/")[0]
    views = store.execute(
        "SELECT format('{}.\"{}\"', schema_name, view_name) FROM duckdb_views() WHERE internal"
    ).fetchall()
    functions = store.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type LIKE 'table%' AND parameters = []"
    ).fetchall()
    queries = [f"FROM {name}" for (name,) in views] + [f"FROM {name}()" for (name,) in functions]
    queries += [f"SHOW {what}" for what in ("ALL", "ALL TABLES", "DATABASES", "SCHEMAS", "TABLES", "VARIABLES")]
    queries += [f"SELECT current_setting('{name}')" for name in SETTINGS]
    allowed = [sql for sql in queries if judge(sql) is None]
    assert len(allowed) > 60
    assert [sql for sql in allowed if directory in str(store.execute(sql).fetchall())] == []
    assert directory in str(store.execute("FROM duckdb_settings()").fetchall())


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            "SELECT current_setting('temp_directory')",
            f"Queries may read no setting but {', '.join(sorted(SETTINGS))}, each named by a text.",
        ),
        ("SHOW events", "SHOW events may tell a setting: write DESCRIBE events for a table or view."),
    ],
)
def test_a_refusal_says_what_may_be_asked_instead(store, sql, sentence):
    cursor = store.cursor()
    with pytest.raises(QueryError) as caught:
        guard.check_statement(cursor, sql, guard.list_refused_functions(cursor))
    assert caught.value.detail == sentence
