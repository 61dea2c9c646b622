"""How many rows wait in the spool, and since when."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.notification import make_id
from receiver.spool import SpoolWriter
from receiver.spool.looking import count_backlog, list_segment_paths
from tests.support.rows import notification


def test_a_row_waits_since_its_receipt_where_the_clock_was_ahead_when_its_writer_began(tmp_path: Path, monkeypatch):
    now = datetime.now(UTC)
    monkeypatch.setattr("receiver.spool.writer.uuid_utils.uuid7", lambda: make_id(now + timedelta(days=1)))
    writer = SpoolWriter(tmp_path)
    received_at = (now - timedelta(hours=1)).replace(microsecond=0)
    writer.append_all([notification(1, received_at=received_at)])
    assert count_backlog(tmp_path, {}).since == received_at
    writer.close()


@pytest.mark.parametrize("value", [2**62, -(2**62)])
def test_a_row_whose_time_of_receipt_has_changed_by_itself_waits_since_its_writer_began(tmp_path: Path, value):
    began = datetime.now(UTC) - timedelta(seconds=1)
    writer = SpoolWriter(tmp_path)
    writer.append_all([notification(1), notification(2)])
    writer.close()
    (path,) = list_segment_paths(tmp_path)
    with closing(sqlite3.connect(path)) as segment, segment:
        segment.execute("UPDATE spooled_notifications SET received_at = ? WHERE position = 1", [value])
    waiting = count_backlog(tmp_path, {})
    assert (waiting.rows, waiting.unreadable) == (2, ())
    assert began < waiting.since <= datetime.now(UTC)
