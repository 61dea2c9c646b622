"""A store that dies in the middle of a checkpoint: it starts again, and the table is complete."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database import checkpoints
from receiver.spool import SpoolWriter
from tests.durability.shim import control
from tests.durability.support.damaged import Crashed, Stores
from tests.support.rows import notification
from tests.support.sizes import size, take_few

_STORE = """
import os, sys, time
from pathlib import Path
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.database import opening as database
from receiver.store.appending.appender import Appender
from receiver.store.recovery import open_store
data_dir, abort = Path(sys.argv[1]), sys.argv[2]
if abort != "none":
    database._LOCK_DOWN = (f"PRAGMA debug_checkpoint_abort = '{abort}'", *database._LOCK_DOWN)
connection = open_store(Settings(data_dir=data_dir))
reader = SpoolReader(data_dir / "spool")
appender = Appender(connection.cursor(), reader, data_dir, duplicate_window_seconds=10)
while appender.append_new():
    pass
print("checkpoint", flush=True)
began = time.monotonic()
try:
    appender.checkpoint()
    print("done", time.monotonic() - began, flush=True)
except Exception as error:
    print(type(error).__name__, error, flush=True)
sys.stdin.readline()
os._exit(1)
"""


@pytest.fixture
def stores():
    stores = Stores()
    yield stores
    stores.close()


def start(data_dir, abort="none", **variables):
    command = [sys.executable, "-c", _STORE, str(data_dir), abort]
    environment = os.environ | variables
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)


def end(process):
    process.kill()
    process.stdin.close()
    process.stdout.close()
    assert process.wait(60) == -signal.SIGKILL


class Growing:
    """A spool that is written to, and what was acknowledged."""

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.writer = SpoolWriter(data_dir / "spool", rows_per_segment=400)
        self.rows = []

    def grow(self, number):
        fresh = [notification(len(self.rows) + count) for count in range(number)]
        self.writer.append_all(fresh)
        self.rows += fresh

    def crashed(self):
        promised = {row.id: sha256(row.payload).hexdigest() for row in self.rows}
        return Crashed(self.data_dir, promised, len(self.rows))


@pytest.fixture
def growing(tmp_path, stores):
    growing = Growing(tmp_path / "data")
    stores.start(growing.data_dir)
    yield growing
    growing.writer.close()


@pytest.mark.parametrize(
    "abort",
    take_few(["before_header", "before_truncate", "after_free_list_write", "before_wal_finish"], 1),
)
def test_a_checkpoint_that_fails_there_leaves_the_table_complete_even_if_its_wal_is_lost(
    growing, stores, abort, tmp_path
):
    for _ in range(size(1, 2)):
        growing.grow(450)
        growing.grow(50)  # into the next segment, so that the first is done with
        store = start(growing.data_dir, abort)
        assert store.stdout.readline() == "checkpoint\n"
        said = store.stdout.readline()
        end(store)
        unlucky = growing.crashed().copy(tmp_path / "unlucky")
        for wal in unlucky.data_dir.glob("clc.duckdb.wal*"):
            wal.unlink()
        stores.start(unlucky.data_dir)
        assert unlucky.broken() == []
        found = stores.start(growing.data_dir)
        assert growing.crashed().broken() == []
        assert read_incidents(growing.data_dir) == []
        assert found["seq"] == len(growing.rows)
    assert "FatalException" in said


@pytest.mark.full
@pytest.mark.slow
def test_a_checkpoint_that_dies_in_the_middle_of_a_write_is_undone(library, growing, stores, tmp_path, capsys):
    growing.grow(1_200)
    stores.start(growing.data_dir)  # from now on these are in the database alone, but for what lies in the last segment
    growing.grow(700)
    call, tried = 0, 0
    while True:
        crashed = growing.crashed().copy(tmp_path / "crashed")
        fault = control.Fault(call + 1, "torn kill", classes=control.WRITE)
        figures = control.arm(tmp_path / "control", crashed.database, Path("/none"), fault, None)
        store = start(crashed.data_dir, LD_PRELOAD=str(library), FAULT_CONTROL=str(tmp_path / "control"))
        store.stdout.readline()
        said = store.stdout.readline()
        end(store)
        if not figures.hits:
            break
        call, tried = figures.calls, tried + 1
        stores.start(crashed.data_dir)
        assert crashed.broken() == [], f"write {tried}: {figures.hit}"
        assert read_incidents(crashed.data_dir) == []
        assert not checkpoints.name_copy(crashed.database).exists()
    assert said.startswith("done ")
    assert tried > 4  # rows, metadata, the list of free blocks, the header
    with capsys.disabled():
        print(f"\nkilled in the middle of each of {tried} writes of a checkpoint; 0 lost, 0 doubled")


@pytest.mark.full
@pytest.mark.slow
def test_a_store_killed_in_a_checkpoint_leaves_the_table_complete(growing, stores, tmp_path, capsys):
    drawn = random.Random(6)
    outcomes = Counter()
    lasts = 0.05
    for number in count():
        if number >= size(5, 60) and outcomes["within it"] >= size(1, 30):
            break
        growing.grow(2_000)
        store = start(growing.data_dir)
        assert store.stdout.readline() == "checkpoint\n"
        if number % 10 == 0:
            lasts = float(store.stdout.readline().removeprefix("done "))
        else:
            time.sleep(drawn.uniform(0, lasts))  # the fault's own time: a moment within the checkpoint
        store.send_signal(signal.SIGKILL)
        if number % 10:
            outcomes["after it" if "done" in store.stdout.read() else "within it"] += 1
        end(store)
        copy = growing.crashed().copy(tmp_path / "copy")
        stores.start(copy.data_dir)
        assert copy.broken() == [], f"kill {number}"
        assert read_incidents(copy.data_dir) == []
    with capsys.disabled():
        print(f"\nkilled in a checkpoint of {lasts * 1000:.0f} ms: {dict(outcomes)}; 0 lost, 0 doubled")
