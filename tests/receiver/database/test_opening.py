"""How the database is opened."""

import shutil
from contextlib import closing

import pytest

from receiver.database.opening import connect, run

GB = 1000**3


@pytest.mark.parametrize(("free", "most"), [(100 * GB, 10 * GB), (8 * GB, 4 * GB), (0, GB)])
def test_a_query_may_spill_half_of_what_is_free_on_the_disk(tmp_path, monkeypatch, free, most):
    room = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: room}.__getitem__)
    with closing(connect(tmp_path / "clc.duckdb", "200MB")) as connection:
        query = "SELECT current_setting('max_temp_directory_size') = format_bytes(?)"
        assert run(connection, query, [most]) == [(True,)]
