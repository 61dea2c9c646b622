"""A store whose row groups are small, and what fills it."""

import pytest

from receiver.database.opening import run
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store import arranging
from receiver.store.appending.appender import Appender
from tests.receiver.store.arranging.rows import NEWEST, ROW_GROUP, row_of
from tests.support.database import open_database


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.5)
    monkeypatch.setattr(arranging, "ROW_GROUP", ROW_GROUP)
    monkeypatch.setattr(arranging, "NEWEST", NEWEST)
    monkeypatch.setattr(arranging, "_LOOK_SECONDS", 0.0)


@pytest.fixture
def connection(tmp_path):
    opened = open_database(tmp_path / "clc.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def fill(connection, tmp_path):
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10)
    filled = 0

    def fill(count):
        nonlocal filled
        writer.append_all([row_of(number) for number in range(filled, filled + count)])
        filled += count
        while appender.append_new():
            pass
        run(connection, "CHECKPOINT")

    yield fill
    writer.close()
    reader.close()
