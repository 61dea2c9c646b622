"""A backup is a file that anybody may have written: nothing foreign in it ever runs in the store."""

import shutil
import sqlite3
from functools import partial

import duckdb
import pytest

from analytics import connect
from analytics.errors import QueryError
from receiver.data_directory.incidents import read_incidents
from receiver.database.migrations import read_migrations
from receiver.database.opening import check_catalogue, create_anew
from receiver.errors import NewerStoreError, StoreError
from receiver.keeping.backup_file import inspect, seal, unseal
from tests.durability.support.commands import run_command
from tests.durability.support.damaged import Stores, overwritten
from tests.durability.support.stores import accepted, append, spool
from tests.support.database import open_database
from tests.support.sizes import take_few

FOREIGN = {
    "a view instead of ours": (
        "view events",
        "CREATE OR REPLACE VIEW events AS SELECT * FROM notifications WHERE write_log('x') IS NULL",
    ),
    "a view instead of a table": (
        "backup_info",
        "ALTER TABLE backup_info RENAME TO b; CREATE VIEW backup_info AS SELECT * FROM b WHERE write_log('x') IS NULL",
    ),
    "a macro that hides the others": (
        "macro duckdb_views",
        "CREATE VIEW look AS SELECT * FROM checkpoint(); CREATE MACRO duckdb_views() AS TABLE SELECT 1 AS internal",
    ),
    "a default": ("table changes", "ALTER TABLE changes ALTER COLUMN actor SET DEFAULT write_log('x')"),
    "a table": ("table more", "CREATE TABLE more (n INTEGER)"),
    "a view that acts": ("view look", "CREATE VIEW look AS SELECT * FROM checkpoint()"),
    "a macro": ("macro helper", "CREATE MACRO helper(x) AS write_log(x::VARCHAR)"),
    "a column": ("table notifications", "ALTER TABLE notifications ADD COLUMN more VARCHAR"),
    "another type": ("table rejected", "ALTER TABLE rejected ALTER COLUMN reason TYPE BLOB"),
    "a missing view": ("view accounts is missing", "DROP VIEW accounts"),
    "an index": ("index", "CREATE INDEX i ON notifications (seq)"),
    "a sequence": ("sequence s", "CREATE SEQUENCE s"),
    "a type": ("type mood", "CREATE TYPE mood AS ENUM ('x')"),
    "another schema": ("schema other", "CREATE SCHEMA other"),
    "another version": ("version", "UPDATE schema_version SET version = 3"),
}


@pytest.fixture(scope="module")
def backup(tmp_path_factory):
    directory = tmp_path_factory.mktemp("origin")
    spool(directory, [accepted(number) for number in range(3)])
    append(directory)
    seal(directory / "clc.duckdb", "key", directory / "none")
    return directory / "clc.duckdb"


@pytest.mark.parametrize(("named", "sql"), take_few(FOREIGN.values(), 3), ids=take_few(FOREIGN, 3))
def test_what_is_foreign_in_a_backup_is_named_and_the_backup_refused(backup, tmp_path, named, sql):
    shutil.copy(backup, tmp_path / "b.duckdb")
    assert inspect(tmp_path / "b.duckdb").notifications == 3
    with duckdb.connect(str(tmp_path / "b.duckdb")) as database:
        for statement in sql.split("; "):
            database.execute(statement)
    with pytest.raises(StoreError, match=named):
        inspect(tmp_path / "b.duckdb")
    with pytest.raises((StoreError, duckdb.Error, sqlite3.Error)):
        unseal(tmp_path / "b.duckdb", tmp_path / "accounts.sqlite")


def test_a_backup_of_a_newer_program_is_refused_with_its_version_and_what_to_do(backup, tmp_path):
    shutil.copy(backup, tmp_path / "b.duckdb")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as database:
        database.execute("INSERT INTO schema_version VALUES (99); UPDATE backup_info SET schema_version = 99")
    for use in (inspect, partial(unseal, accounts=tmp_path / "accounts.sqlite")):
        with pytest.raises(NewerStoreError, match=r"schema version 99, but .* install the newer program"):
            use(tmp_path / "b.duckdb")


def test_restore_names_it_and_changes_nothing(backup, tmp_path):
    shutil.copy(backup, tmp_path / "b.duckdb")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as database:
        database.execute("CREATE OR REPLACE VIEW entities AS SELECT * FROM checkpoint()")
    done = run_command(tmp_path / "d", "restore", "--other-key", str(tmp_path / "b.duckdb"))
    assert done.returncode == 1
    assert "the view entities is altered" in done.stderr
    assert not (tmp_path / "d" / "clc.duckdb").exists()


@pytest.mark.full
def test_a_recovery_passes_a_foreign_backup_over(backup, tmp_path):
    spool(tmp_path, [accepted(number) for number in range(3)])
    append(tmp_path)
    (tmp_path / "backups").mkdir()
    shutil.copy(backup, tmp_path / "backups" / "clc-1.duckdb")
    shutil.copy(backup, tmp_path / "backups" / "clc-2.duckdb")
    with duckdb.connect(str(tmp_path / "backups" / "clc-2.duckdb")) as database:
        database.execute("CREATE VIEW look AS SELECT * FROM checkpoint()")
    overwritten(0, 20_000, b"\x55")(tmp_path / "clc.duckdb")
    stores = Stores()
    stores.start(tmp_path)
    stores.close()
    (incident,) = read_incidents(tmp_path)
    assert "clc-1.duckdb" in incident.what


@pytest.mark.parametrize("version", take_few(sorted(read_migrations()), 1))
def test_a_store_of_each_version_is_as_its_version_says(tmp_path, monkeypatch, version):
    steps = {number: sql for number, sql in read_migrations().items() if number <= version}
    with monkeypatch.context() as older:
        older.setattr("receiver.database.opening.read_migrations", lambda: steps)
        open_database(tmp_path / "clc.duckdb").close()
    with duckdb.connect(str(tmp_path / "clc.duckdb"), read_only=True) as store:
        assert check_catalogue(store, "store") == version
    open_database(tmp_path / "clc.duckdb").close()
    with duckdb.connect(str(tmp_path / "clc.duckdb"), read_only=True) as store:
        assert check_catalogue(store, "store") == max(read_migrations())


def test_a_store_whose_changes_were_derived_again_is_as_its_version_says(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    for old, new in (("changes", "x"), ("changes_rebuilt", "changes"), ("x", "changes_rebuilt")):
        store.execute(f"ALTER TABLE {old} RENAME TO {new}")
    assert check_catalogue(store, "store") == max(read_migrations())
    create_anew(store, {"changes", "changes_rebuilt", "account_states"})
    assert check_catalogue(store, "store") == max(read_migrations())
    store.close()


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')"], ids=["csv", "text"]
)
def test_a_view_in_a_file_that_is_read_from_python_reaches_nothing_outside(tmp_path, sql):
    with duckdb.connect(str(tmp_path / "x.duckdb")) as database:
        database.execute(f"CREATE VIEW events AS {sql}")
    with connect(str(tmp_path / "x.duckdb")) as client, pytest.raises(QueryError, match="disabled"):
        client.sql("SELECT * FROM events")
    assert [path.name for path in tmp_path.iterdir()] == ["x.duckdb"]
