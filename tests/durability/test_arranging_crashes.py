"""A store that dies while rows are put side by side by entity: each is there once, as it was."""

import random
import shutil
from collections import Counter
from contextlib import nullcontext

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.opening import run
from receiver.settings import Settings
from receiver.store.arranging import Arranger
from tests.durability.support.damaged import block_overwritten, open_and_tell
from tests.durability.support.store_process import StoreProcess
from tests.support.database import do_next, open_database
from tests.support.sizes import is_full, size
from tests.support.waiting import until

COUNT = size(160_000, 530_000)  # of which one row group is arranged, or four, and these together
FILL = f"""
INSERT INTO notifications
SELECT
    range, uuidv7(), make_timestamptz(range * 1000000), 'Server.Updated', 'Server', 'Updated', 'ACME',
    'SERVER' || (range * 7919) % 5000, 'kim', make_timestamptz(range * 1000000),
    'valid', md5(range::VARCHAR)::BLOB, '192.0.2.7', NULL, '{{"name": "' || md5((range % 977)::VARCHAR) || '"}}', NULL,
    'centurylink', 'third-party', NULL, NULL
FROM range(1, {COUNT + 1});
INSERT INTO changes
SELECT id, seq, occurred_at, category, entity_id, account_alias, actor, 'name', 'changed', false, '1', payload,
    false, sender
FROM notifications
WHERE seq % 2 = 0;
CHECKPOINT;
"""
CONTENTS = "SELECT count(*), count(DISTINCT seq), bit_xor(hash({0})) FROM {0}"
PAYLOAD_BLOCK = """
SELECT min(block_id) FROM pragma_storage_info('notifications') WHERE column_name = 'payload' AND block_id >= 0
"""
ONE_MORE = "INSERT INTO notifications SELECT * REPLACE (seq + 1 AS seq) FROM notifications WHERE seq = ?"
PLACES = "SELECT count(DISTINCT rowid // 2048) FROM notifications WHERE entity_id = 'SERVER7' AND seq <= ?"
_STORE = """
import sys
from contextlib import nullcontext
from pathlib import Path
from receiver.settings import Settings
from receiver.store.arranging import Arranger
from receiver.database.opening import run
from receiver.store.recovery import open_store
connection = open_store(Settings(data_dir=Path(sys.argv[1])))
arranger = Arranger(connection, nullcontext)
print("arranging", flush=True)
while work := arranger.find_work():
    work()
    print("arranged", flush=True)
    run(connection, "SET GLOBAL max_vacuum_tasks = 0")
    run(connection, "CHECKPOINT")
    print("held", flush=True)
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("full")
    connection = open_database(data_dir / "clc.duckdb")
    for statement in connection.extract_statements(FILL):
        connection.execute(statement).fetchall()
    found = contents(connection)
    connection.close()
    return data_dir, found


@pytest.fixture(scope="module")
def arranged(full, tmp_path_factory):
    """A store that was killed when all was arranged, and how long that takes."""
    data_dir = shutil.copytree(full[0], tmp_path_factory.mktemp("arranged") / "data")
    store = StoreProcess(_STORE, data_dir, "arranging")
    store.until_said("done")
    lasts = store.worked()
    assert store.said() == ["arranging", *["arranged", "held"] * size(1, 5), "done"]
    store.kill()
    return data_dir, lasts


def contents(connection):
    return [connection.execute(CONTENTS.format(table)).fetchall() for table in ("notifications", "changes")]


def found_in(data_dir):
    connection, happened = open_and_tell(Settings(data_dir=data_dir))
    found = contents(connection)
    connection.close()
    return found, happened


@pytest.mark.full
@pytest.mark.slow
def test_a_store_killed_while_it_arranges_rows_has_each_once(full, arranged, tmp_path, capsys):
    source, expected = full
    drawn, lasts = random.Random(8), arranged[1]
    outcomes = Counter()
    for number in range(size(1, 60)):
        data_dir = shutil.copytree(source, tmp_path / "killed", dirs_exist_ok=True)
        store, moment = StoreProcess(_STORE, data_dir, "arranging"), drawn.uniform(0, lasts)
        until(lambda: store.worked() >= moment or "done" in store.said(), what="the moment")  # noqa: B023 - it is over then
        store.kill()
        outcomes[store.said()[-1]] += 1
        without_wal = shutil.copytree(data_dir, tmp_path / "without-wal")
        for wal in without_wal.glob("clc.duckdb.wal*"):
            wal.unlink()
        for place in (data_dir, without_wal):
            assert found_in(place) == (expected, []), f"kill {number}, {place.name}"
            assert read_incidents(place) == []
            shutil.rmtree(place)
    with capsys.disabled():
        print(f"\nkilled within {lasts:.1f} s of arranging, after: {dict(outcomes)}; 0 lost, 0 doubled")


def test_a_block_that_can_not_be_read_ends_this_and_nothing_else(full, tmp_path):
    source, _ = full
    data_dir = shutil.copytree(source, tmp_path / "damaged")
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        (block,) = database.execute(PAYLOAD_BLOCK).fetchone()
    block_overwritten(block)(data_dir / "clc.duckdb")
    connection = open_database(data_dir / "clc.duckdb")
    with pytest.raises(duckdb.Error, match="Corrupt database file") as raised:
        do_next(Arranger(connection, nullcontext))
    assert not isinstance(raised.value, duckdb.FatalException)
    run(
        connection,
        "INSERT INTO notifications SELECT * REPLACE (seq + 1 AS seq) FROM notifications WHERE seq = ?",
        [COUNT],
    )
    run(connection, "CHECKPOINT")
    assert run(connection, "SELECT count(*), max(seq) FROM notifications") == [(COUNT + 1, COUNT + 1)]
    assert run(connection, "FROM arranged") == []
    connection.close()


@pytest.mark.full
@pytest.mark.skipif(not is_full(), reason="there are four row groups in full size alone")
def test_a_server_lies_in_one_or_two_places_of_four_row_groups(full, arranged):
    data_dir, _ = arranged
    assert found_in(data_dir) == (full[1], [])
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        (last,) = database.execute("FROM arranged_widely").fetchone()
        (places,) = database.execute(PLACES, [last]).fetchone()
    assert last == 4 * 122_880
    assert places <= 2
