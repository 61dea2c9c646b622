"""A DuckDB file that another one replaces while it is open here, as a new backup does."""

from contextlib import closing
from pathlib import Path

import pytest

import analytics
from analytics.client.local import DuckDBSource
from tests.support.readable_store import build_store, server


def put(tmp_path, count):
    """Put a store of some notifications in place of the last one; return its path."""
    rows = [server("ACME", f"WA1ACMEWEB{number:02}") for number in range(count)]
    new, path = tmp_path / "new.duckdb", tmp_path / "backup.duckdb"
    build_store(new, rows).replace(path)
    return str(path)


def count(client):
    return client.sql("SELECT count(*) AS n FROM notifications").to_pylist()[0]["n"]


def test_a_file_that_replaces_an_open_one_is_read_by_all_clients(tmp_path):
    path = put(tmp_path, 1)
    with analytics.connect(path) as first:
        assert count(first) == 1
        put(tmp_path, 2)
        with analytics.connect(path) as second:
            assert [count(second), count(first)] == [2, 2]
            put(tmp_path, 3)
            assert [count(first), count(second)] == [3, 3]
        (tmp_path / "backup.duckdb").unlink()
        assert count(first) == 3
    with pytest.raises(analytics.errors.QueryError):
        count(first)


def test_a_file_has_several_paths_and_each_leads_to_the_newest(tmp_path):
    path = put(tmp_path, 1)
    (tmp_path / "sub").mkdir()
    (tmp_path / "latest").symlink_to(path)
    for number, other in enumerate((tmp_path / "sub" / ".." / "backup.duckdb", tmp_path / "latest"), 2):
        with analytics.connect(path) as first, analytics.connect(str(other)) as second:
            put(tmp_path, number)
            assert [count(second), count(first)] == [number, number]


def test_a_link_that_leads_elsewhere_is_followed(tmp_path):
    path = put(tmp_path, 1)
    latest = tmp_path / "latest"
    latest.symlink_to(path)
    with analytics.connect(str(latest)) as client:
        build_store(tmp_path / "next.duckdb", [])
        (tmp_path / "link").symlink_to("next.duckdb")
        (tmp_path / "link").replace(latest)
        assert count(client) == 0


def test_no_error_that_is_kept_keeps_the_older_file_open(tmp_path):
    with analytics.connect(put(tmp_path, 1)) as client:
        with pytest.raises(analytics.errors.TooManyRowsError) as kept:  # as Python keeps the last one of a notebook
            client.sql("SELECT * FROM range(100_000)", max_rows=10)
        put(tmp_path, 2)
        assert count(client) == 2
        assert kept.value


def test_no_query_is_ended_because_its_file_is_replaced_and_none_waits_for_it(tmp_path):
    path = put(tmp_path, 1)
    with closing(DuckDBSource(path)) as reading, analytics.connect(path) as client:
        cursor = reading._open_cursor()
        put(tmp_path, 2)
        assert count(client) == 2
        assert cursor.execute("SELECT count(*) FROM notifications").fetchone() == (1,)
        reading._end_reading(cursor)


def test_a_file_whose_checkpoint_was_interrupted_says_what_undoes_it(tmp_path):
    path = Path(put(tmp_path, 1))
    with path.open("r+b") as file:  # as a kill leaves the block that a checkpoint overwrites
        file.seek(3 * 4096)
        file.write(b"\x55" * 8192)
    with pytest.raises(analytics.errors.LocationError, match="Corrupt database file"):
        analytics.connect(str(path))
    path.with_name(f"{path.name}.undo").touch()
    with pytest.raises(analytics.errors.LocationError, match=r"a start of the receiver, or `clc-receiver status`"):
        analytics.connect(str(path))
