"""A store that dies while it drops old months has all of them or none, and reports no loss."""

import random
import shutil
from collections import Counter

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.appended import read_appended
from receiver.database.opening import run
from receiver.keeping.verification import check_whole, find_gaps, read_extent
from receiver.settings import Settings
from receiver.store.recovery import open_store
from tests.durability.support.store_process import StoreProcess
from tests.support.database import open_database
from tests.support.sizes import size
from tests.support.waiting import until

pytestmark = pytest.mark.full

COUNT = 60_000
FILL = f"""
INSERT INTO notifications
SELECT
    range, uuidv7(), make_timestamptz(range * 100000000), 'Server.Updated', 'Server', 'Updated', 'ACME',
    'SERVER' || (range * 7919) % 500, 'kim', make_timestamptz(range * 100000000),
    'valid', md5(range::VARCHAR)::BLOB, '192.0.2.7', NULL, '{{"name": "' || md5((range % 977)::VARCHAR) || '"}}', NULL,
    'centurylink', 'third-party', NULL, NULL
FROM range(1, {COUNT + 1});
INSERT INTO changes
SELECT id, seq, occurred_at, category, entity_id, account_alias, actor, 'name', 'changed', false, '1', payload,
    false, sender
FROM notifications;
INSERT INTO watermarks VALUES ('0-0', 'notifications', {COUNT});
CHECKPOINT;
"""
CONTENTS = "SELECT count(*), count(DISTINCT seq), bit_xor(hash({0})) FROM {0}"
_STORE = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from receiver.senders import load_senders
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.store.dropper import Dropper
from receiver.store.loop import AppendLoop
from receiver.store.recovery import open_store
data_dir = Path(sys.argv[1])
connection = open_store(Settings(data_dir=data_dir))
loop = AppendLoop(connection, SpoolReader(data_dir / "spool"), 10, on_fatal=sys.exit, data_dir=data_dir)
with loop.pause():
    print("begun", flush=True)
dropper = Dropper(connection, loop, load_senders())
assert dropper.drop(datetime(1970, 2, 1, tzinfo=UTC), 10**9)
print("dropped", flush=True)
with loop.pause():
    print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("full")
    (data_dir / "spool").mkdir()
    connection = open_database(data_dir / "clc.duckdb")
    for statement in connection.extract_statements(FILL):
        connection.execute(statement).fetchall()
    found = contents(connection)
    connection.close()
    return data_dir, found


@pytest.fixture(scope="module")
def dropped(full, tmp_path_factory):
    """What a store has that was killed when all was dropped, and how long that takes."""
    data_dir = shutil.copytree(full[0], tmp_path_factory.mktemp("dropped") / "data")
    store = StoreProcess(_STORE, data_dir, "begun")
    store.until_said("held")
    lasts = store.worked()
    store.kill()
    return check(data_dir), lasts


def contents(connection):
    return [connection.execute(CONTENTS.format(table)).fetchall() for table in ("notifications", "changes")]


def check(data_dir):
    """Open a store, check that it has lost nothing, and return what it has."""

    class Reader:
        def read_rows(self, sql, parameters):
            return run(connection, sql, parameters)

    connection = open_store(Settings(data_dir=data_dir))
    assert (read_incidents(data_dir), read_appended(data_dir).notifications) == ([], COUNT)
    assert find_gaps(Reader(), read_extent(Reader())) == []
    assert [str(each) for each in check_whole(Reader(), read_extent(Reader())) if each.what != "view"] == []
    found = contents(connection)
    connection.close()
    return found


def test_a_store_killed_while_it_drops_months_has_all_or_none_of_them(full, dropped, tmp_path, capsys):
    source, before = full
    after, lasts = dropped
    assert after[0][0][0] == COUNT - 26_783 + 500
    drawn, outcomes = random.Random(8), Counter()
    for number in range(size(3, 60)):
        data_dir = shutil.copytree(source, tmp_path / "killed", dirs_exist_ok=True)
        store, moment = StoreProcess(_STORE, data_dir, "begun"), drawn.uniform(0, lasts)
        until(lambda: store.worked() >= moment or "held" in store.said(), what="the moment")  # noqa: B023 - it is over then
        store.kill()
        said = store.said()[-1]
        found = check(data_dir)
        assert found in ([before, after] if said == "begun" else [after]), f"kill {number} after {said}"
        outcomes[said, found == after] += 1
        shutil.rmtree(data_dir)
    with capsys.disabled():
        print(f"\nkilled within {lasts:.1f} s of dropping, after, and whether all was dropped: {dict(outcomes)}")
