"""Drops old months from a store's file, as the receiver does."""

from datetime import datetime
from pathlib import Path

from receiver.database.opening import run
from receiver.senders import load_senders
from receiver.spool import SpoolReader
from receiver.store.dropper import Dropper
from receiver.store.loop import AppendLoop
from tests.support.database import open_database


def drop_before(file: Path, before: datetime) -> None:
    """Drop what was received before a moment from a file that no process has open."""
    spool = file.parent / "spool"
    spool.mkdir(exist_ok=True)
    store = open_database(file)
    try:
        ((last_seq,),) = run(store, "SELECT max(seq) FROM notifications")
        loop = AppendLoop(store, SpoolReader(spool), 10, on_fatal=lambda: None, data_dir=file.parent)
        assert Dropper(store, loop, load_senders()).drop(before, last_seq)
        run(store, "CHECKPOINT")
    finally:
        store.close()
