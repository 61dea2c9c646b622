"""Finished months come into the lake whole, and everyone reads the same rows and bytes there."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from pyarrow import fs
from pyarrow import parquet as plain

import analytics
from receiver.configuration import split_objects_url
from receiver.database.reading import ServiceReader
from receiver.keeping.lake import store, writing
from receiver.keeping.lake.place import LakePlace
from receiver.keeping.lake.writing import LakeWriter
from tests.durability.support.commands import run_command
from tests.durability.support.stores import fill, spool
from tests.lake.months import MONTHS, finished_row, finished_rows, write
from tests.support.object_storage import CREDENTIALS, KEY, SECRET
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import notification
from tests.support.waiting import until

COLUMNS = (
    "id::VARCHAR AS id, received_at, entity_id, signature, payload::VARCHAR AS payload, duplicate_of::VARCHAR AS d"
)


def figure(data_dir, **settings):
    status = json.loads(run_command(data_dir, "status", "--json", **settings).stdout)
    return next(figure for figure in status["figures"] if figure["name"] == "lake_failing_seconds")


def open_files(url):
    """Return the file system of a lake and its folder, without our client."""
    place = split_objects_url(url)
    if place.scheme == "file":
        return fs.LocalFileSystem(), f"{place.path}/lake"
    endpoint = place.options["endpoint_override"]
    return fs.S3FileSystem(access_key=KEY, secret_key=SECRET, scheme="http", endpoint_override=endpoint), (
        f"{place.path}/lake"
    )


def in_order(rows):
    return sorted(({**row, "signature": bytes(row["signature"])} for row in rows), key=lambda row: row["id"])


@pytest.mark.parametrize("objects", ["directory", pytest.param("s3", marks=pytest.mark.full)], indirect=True)
@pytest.mark.usefixtures("credentials")
def test_months_read_by_the_client_by_pandas_and_by_a_plain_reader_have_the_rows_and_bytes_of_the_store(
    tmp_path, objects
):
    fill(tmp_path / "data", [*finished_rows(), notification(received_at=datetime.now(UTC))])
    settings = {"CLC_OBJECTS": objects, "CLC_LAKE": "on", **CREDENTIALS}
    with running(PreparedReceiver, tmp_path / "data", **settings) as receiver:
        receiver.until_logged("2026-04 is in the lake")
        until(lambda: "2 months up to 2026-04" in figure(tmp_path / "data", **settings)["text"], what="the figure")
        assert figure(tmp_path / "data", **settings)["state"] == "ok"
        query = f"SELECT {COLUMNS} FROM notifications WHERE received_at < '2026-05-01' ORDER BY id"
        stored = in_order(receiver.sql(query))
        changes = receiver.sql("SELECT count(*) AS n FROM changes WHERE changed_at < '2026-05-01'")
    assert len(stored) == 200
    with analytics.connect(objects) as lake:
        assert in_order(lake.sql(f"SELECT {COLUMNS} FROM notifications").to_pylist()) == stored
        assert lake.sql("SELECT count(*) AS n FROM changes").to_pylist() == changes
        assert lake.sql("SELECT count(*) AS n FROM rejected").to_pylist() == [{"n": 3}]
    system, folder = open_files(objects)
    frame = pd.read_parquet(f"{folder}/notifications", filesystem=system)
    assert dict(zip(frame["id"], frame["payload"], strict=True)) == {row["id"]: row["payload"] for row in stored}
    assert sorted(frame["month"].unique()) == MONTHS
    for row in plain_rows(system, f"{folder}/notifications"):
        assert row in stored


def plain_rows(system, folder):
    """Read each file by itself, as a program that knows Parquet alone; an entity's rows lie side by side, by time."""
    for info in system.get_file_info(fs.FileSelector(folder, recursive=True)):
        if info.is_file:
            rows = plain.ParquetFile(system.open_input_file(info.path)).read().to_pylist()
            keys = [(row["entity_id"] or "", row["received_at"]) for row in rows]
            assert keys == sorted(keys)
            for row in rows:
                yield {name.split(" AS ")[-1].strip(): value for name, value in wanted(row).items()}


def wanted(row):
    names = ("id", "received_at", "entity_id", "signature", "payload")
    return {**{name: row[name] for name in names}, "d": row["duplicate_of"]}


@pytest.mark.full
def test_a_month_is_read_in_parts_and_cut_into_files_that_follow_each_other_in_order(shared, there, monkeypatch):
    monkeypatch.setattr(store, "MOST_BYTES", 4_000)
    monkeypatch.setattr(writing, "MOST_BYTES_PER_FILE", 12_000)
    parts = []
    reader = ServiceReader(shared.query_url.removeprefix("http://"), shared.token)
    LakeWriter(reader, LakePlace(there), 25, lambda: None, parts.append).write_finished()
    assert max(parts) < 25
    for month in MONTHS:
        folder = Path(there, "lake", "notifications", f"month={month}")
        tables = [plain.ParquetFile(file).read(["entity_id", "received_at", "id"]) for file in sorted(folder.iterdir())]
        assert len(tables) > 1
        rows = [row for table in tables for row in table.to_pylist()]
        keys = [(row["entity_id"] or "", row["received_at"]) for row in rows]
        assert keys == sorted(keys)
        assert len({row["id"] for row in rows}) == len(rows)


def test_a_second_look_writes_nothing_and_rows_that_came_late_make_a_new_version(receiver, there):
    write(receiver, there)
    before = files_of(there)
    assert write(receiver, there)["written"] == []
    assert files_of(there) == before
    with analytics.connect(there) as lake:
        late = finished_row(10_000, received_at=datetime(2026, 3, 9, tzinfo=UTC))
        ahead = finished_row(10_001, received_at=datetime(9999, 12, 15, tzinfo=UTC))
        spool(receiver.data_dir, [late, ahead])
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications") == [{"n": 202}], what="them to be stored")
        assert write(receiver, there) == {"months": 2, "newest": "2026-04", "written": ["2026-03"], "not_removed": None}
        assert lake.sql("SELECT count(*) AS n FROM notifications WHERE id = ?", [str(late.id)]).to_pylist() == [
            {"n": 1}
        ]
        assert lake.sql("SELECT count(*) AS n FROM notifications").to_pylist() == [{"n": 201}]
    gone = {name for name in before - files_of(there) if name.startswith("notifications")}
    assert gone == {name for name in before if name.startswith("notifications/month=2026-03")}


def files_of(there):
    lake = Path(there, "lake")
    return {str(path.relative_to(lake)) for path in lake.rglob("*.parquet")}


@pytest.mark.full
def test_a_check_says_which_months_are_in_the_lake(shared, there):
    def check(**settings):
        done = run_command(shared.data_dir, "check", CLC_OBJECTS=there, **settings)
        return next(line.split("Lake")[1].strip() for line in done.stdout.splitlines() if "Lake" in line)

    assert check() == "not written: CLC_LAKE is off"
    assert check(CLC_LAKE="on") == "no month yet"
    write(shared, there)
    assert check(CLC_LAKE="on") == "2 months up to 2026-04"


def test_any_duckdb_reads_a_directory_of_the_lake(shared, written):
    query = "SELECT month, count(*) FROM read_parquet(?, hive_partitioning = true) GROUP BY month ORDER BY month"
    counts = duckdb.execute(query, [f"{written}/lake/notifications/*/*.parquet"]).fetchall()
    months = shared.sql("SELECT strftime(received_at, '%Y-%m') AS m, count(*) AS n FROM notifications GROUP BY 1")
    assert dict(counts) == {row["m"]: row["n"] for row in months}


@pytest.mark.full
def test_a_lake_that_can_not_be_written_is_told_with_its_reason_and_written_later(tmp_path):
    fill(tmp_path / "data", finished_rows())
    there = tmp_path / "there"
    settings = {"CLC_OBJECTS": str(there), "CLC_LAKE": "on"}
    with running(PreparedReceiver, tmp_path / "data", **settings) as receiver:
        receiver.until_logged("the lake can't be written, which is tried again")
        until(lambda: figure(tmp_path / "data", **settings)["state"] == "amber", what="the figure")
        told = figure(tmp_path / "data", **settings)
        assert "not written yet; FAILING for" in told["text"]
        assert f"tried again: {there} is no directory" in told["text"]
        there.mkdir()
        receiver.until_logged("2026-04 is in the lake")
        until(lambda: figure(tmp_path / "data", **settings)["state"] == "ok", what="the figure")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CLC_LAKE": "on"}, "CLC_LAKE is 'on', which needs a place for its files: set CLC_OBJECTS."),
        pytest.param(
            {"CLC_LAKE": "yes", "CLC_OBJECTS": "/there"},
            "CLC_LAKE is 'yes': input should be 'off' or 'on'.",
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_lake_without_a_place_and_an_unknown_value_are_refused(tmp_path, settings, said):
    done = run_command(tmp_path, "status", **settings)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
