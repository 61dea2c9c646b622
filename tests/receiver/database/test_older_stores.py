"""A data directory that version 0.1.0 left behind, see store_0_1_0/README.md."""

import shutil
import sqlite3
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from receiver.database.migrations import find_newest_version
from receiver.notification import FIRST_PROOF, FIRST_SENDER
from receiver.spool.layout import from_microseconds
from tests.durability.support.commands import run_command
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

FIXTURE = Path(__file__).with_name("store_0_1_0")
KEY: dict[str, Any] = {"CLC_PUBLIC_KEY": str(FIXTURE / "public.pem")}
STORED, WAITING = 176, 23
TAKEN = """
SELECT
    (SELECT count(*) FROM notifications) AS notifications,
    (SELECT count(*) FROM rejected) AS rejected,
    (SELECT count(*) FROM rebuilding) AS rebuilding
"""


def rows(database, query):
    """Read the rows of a database that nobody uses, by the names of their columns."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(query).to_arrow_table().to_pylist()


def waiting_rows(data_dir, table):
    """Read what waits in the one segment, as SQLite has it."""
    (segment,) = (data_dir / "spool").glob("*.sqlite")
    file = sqlite3.connect(segment)
    file.row_factory = sqlite3.Row
    found = [dict(row) for row in file.execute(f"SELECT * FROM {table} ORDER BY position")]
    file.close()
    return found


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """Return the data directory as it was, and as today's `serve` left it once it had taken in what waited."""
    before, now = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("now")
    with tarfile.open(FIXTURE / "data.tar.gz") as archive:
        archive.extractall(before, filter="data")
    shutil.copytree(before, now, dirs_exist_ok=True)
    taken = {"notifications": STORED + WAITING, "rejected": 5, "rebuilding": 0}
    with running(PreparedReceiver, now, **KEY) as receiver:
        until(lambda: receiver.sql(TAKEN) == [taken], what="what waited, and the changes")
    return SimpleNamespace(before=before, now=now)


def test_a_store_of_0_1_0_is_upgraded_in_place_and_a_copy_of_it_is_kept(upgraded):
    (version,) = rows(upgraded.now / "clc.duckdb", "SELECT max(version) AS version FROM schema_version")
    assert version == {"version": find_newest_version()}
    kept = upgraded.now / f"clc-before-schema-{find_newest_version()}.duckdb"
    for table in ("notifications", "rejected", "changes"):
        query = f"FROM {table} ORDER BY ALL"
        assert rows(kept, query) == rows(upgraded.before / "clc.duckdb", query)


@pytest.mark.parametrize("table", ["notifications", "rejected"])
def test_a_store_of_0_1_0_keeps_its_rows_byte_for_byte_and_they_are_of_the_first_sender(upgraded, table):
    before = rows(upgraded.before / "clc.duckdb", f"FROM {table} ORDER BY id")
    by_id = {row["id"]: row for row in rows(upgraded.now / "clc.duckdb", f"FROM {table}")}
    later = {"sender": FIRST_SENDER, "signature_detail": None}
    if table == "notifications":
        later |= {"key_fingerprint": None, "proof": FIRST_PROOF, "delivery_id": None}
    assert [by_id[row["id"]] for row in before] == [{**row, **later} for row in before]
    assert {row["sender"] for row in by_id.values()} == {FIRST_SENDER}


@pytest.mark.parametrize(
    ("table", "count", "as_bytes"),
    [("notifications", WAITING, "encode(payload::VARCHAR) AS payload"), ("rejected", 1, "body AS body")],
)
def test_what_waited_in_the_spool_of_0_1_0_is_stored_byte_for_byte(upgraded, table, count, as_bytes):
    query = f"SELECT * REPLACE (replace(id::VARCHAR, '-', '') AS id, {as_bytes}) FROM {table}"
    by_id = {row["id"]: row for row in rows(upgraded.now / "clc.duckdb", query)}
    waiting = waiting_rows(upgraded.before, table)
    assert len(waiting) == count
    for spooled in waiting:
        del spooled["position"]
        spooled |= {
            name: from_microseconds(spooled[name]) for name in ("received_at", "occurred_at") if name in spooled
        }
        spooled |= {"id": spooled["id"].hex(), "sender": FIRST_SENDER, "signature_detail": None}
        if table == "notifications":
            spooled |= {"proof": FIRST_PROOF, "delivery_id": None}
        stored = by_id[spooled["id"]]
        assert {name: stored[name] for name in spooled} == spooled


def test_an_upgraded_store_of_0_1_0_verifies(upgraded):
    done = run_command(upgraded.now, "verify", **KEY)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_a_store_of_0_1_0_verifies_before_it_is_upgraded(upgraded):
    done = run_command(upgraded.before, "verify", **KEY)
    assert (done.returncode, f"{STORED} notifications checked" in done.stdout + done.stderr) == (0, True)
