"""A spool, a store, and what appends from one to the other."""

import pytest

from receiver.spool import SpoolWriter
from tests.support.database import open_database


@pytest.fixture
def spool(tmp_path):
    writer = SpoolWriter(tmp_path / "spool", rows_per_segment=100)
    yield writer
    writer.close()


@pytest.fixture
def store(tmp_path):
    connection = open_database(tmp_path / "clc.duckdb")
    yield connection
    connection.close()
