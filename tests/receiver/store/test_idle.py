"""While nothing comes, nothing waits for a checkpoint for long, whatever a start wrote."""

from contextlib import contextmanager

import pytest

from receiver.database.opening import connect, has_wal, run
from receiver.senders import load_senders
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.store.described_senders import write_senders
from receiver.store.loop import AppendLoop
from tests.receiver.store.appenders import make_appender
from tests.support.keys import key_directory
from tests.support.rows import notification
from tests.support.waiting import until


@contextmanager
def idle(store, tmp_path, monkeypatch):
    """Run a loop to whose store nothing comes."""
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.05)
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    loop.start()
    yield
    loop.stop()


def test_what_a_first_start_wrote_is_checkpointed_though_nothing_comes(store, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path, public_key=key_directory() / "public.pem")
    write_senders(store, load_senders(), settings)
    assert has_wal(store)
    with idle(store, tmp_path, monkeypatch):
        until(lambda: not has_wal(store), what="a checkpoint")
    assert not (tmp_path / "clc.duckdb.wal").exists()


def test_rows_that_a_start_replayed_are_checkpointed_though_nothing_comes(store, spool, tmp_path, monkeypatch):
    spool.append_all([notification(number) for number in range(3)])
    make_appender(store, tmp_path).append_new()
    store.close()
    with connect(tmp_path / "clc.duckdb", "1GB") as again:
        assert has_wal(again)
        with idle(again, tmp_path, monkeypatch):
            until(lambda: not has_wal(again), what="a checkpoint")
        assert run(again, "SELECT count(*) FROM notifications") == [(3,)]
