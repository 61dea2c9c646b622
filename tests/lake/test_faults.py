"""Whatever is killed, damaged or lost, a month of the lake is whole, and no notification leaves the lake."""

import json
import os
import re
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

import analytics
from analytics.errors import LocationError
from receiver.database.reading import ServiceReader
from receiver.errors import DamagedObjectError, ObjectsError
from receiver.keeping.lake import place
from receiver.keeping.lake.writing import LakeWriter
from tests.durability.support.stores import alter, spool
from tests.lake.months import MONTHS, finished_row, finished_rows, start_writing, write
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import rejection
from tests.support.waiting import until

COUNT = "SELECT count(*) AS n FROM notifications"


def count(there):
    with analytics.connect(there) as lake:
        return lake.sql(COUNT).to_pylist()[0]["n"]


def ids(there, table="notifications"):
    with analytics.connect(there) as lake:
        return {row["id"] for row in lake.sql(f"SELECT id::VARCHAR AS id FROM {table}").to_pylist()}


def parquet(there):
    return set(Path(there, "lake").rglob("*.parquet"))


def kill_after(lines, receiver, there):
    """Kill a process that writes, once it has written so many parts."""
    with start_writing(receiver, there, CLC_QUERY_MAX_ROWS="25") as process:
        for _ in range(lines):
            assert "rows" in json.loads(process.stdout.readline())
        process.kill()


def test_a_writer_that_is_killed_leaves_each_month_as_before_or_as_after_and_its_rest_goes_later(receiver, there):
    kill_after(1, receiver, there)
    with pytest.raises(LocationError, match="has no lake"):
        analytics.connect(there)
    write(receiver, there)
    assert count(there) == 200
    late = [
        finished_row(number, received_at=datetime(2026, month, 9, tzinfo=UTC)) for number, month in ((1, 3), (2, 4))
    ]
    spool(receiver.data_dir, late)
    until(lambda: receiver.sql(COUNT) == [{"n": 202}], what="them to be stored")
    kill_after(2, receiver, there)
    assert count(there) == 200
    kill_after(12, receiver, there)
    assert count(there) == 201
    assert write(receiver, there)["written"] == ["2026-04"]
    assert count(there) == 202
    left = parquet(there) - named(there)
    assert left
    for path in left:
        os.utime(path, times=(time.time() - 7200,) * 2)
    write(receiver, there)
    assert parquet(there) == named(there)


def named(there):
    """Return the files that the manifests name."""
    manifests = [json.loads(path.read_text()) for path in Path(there, "lake", "manifests").glob("*.json")]
    tables = [table for manifest in manifests for table in manifest["tables"].values()]
    return {Path(there, "lake", file["path"]) for table in tables for file in table["files"]}


def test_what_somebody_has_moved_or_put_into_the_lake_stays_there(shared, copied):
    lake = Path(copied, "lake")
    (file,) = lake.glob("notifications/month=2026-03/*.parquet")
    kept = [lake / "old" / "notifications" / "month=2026-03" / file.name, lake / "derived" / "sums.parquet"]
    kept += [lake / "manifests" / "old" / "2026-03.json", lake / "manifests" / "2026-03 of old.json"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
    file.rename(kept[0])
    kept[1].write_bytes(b"of Spark")
    for path in kept[2:]:
        path.write_bytes((lake / "manifests" / "2026-03.json").read_bytes())
    (lake / "manifests" / "2026-03.json").unlink()
    for path in kept:
        os.utime(path, times=(time.time() - 7200,) * 2)
    assert write(shared, copied) == {"months": 2, "newest": "2026-04", "written": ["2026-03"], "not_removed": None}
    assert count(copied) == 200
    assert [path for path in kept if not path.exists()] == []


def test_a_file_that_comes_back_changed_is_in_no_manifest(shared, there, monkeypatch):
    write_parquet = place._write_parquet

    def spoil(parts, writing):
        return write_parquet([part._replace(rows=with_other_bodies(part.rows)) for part in parts], writing)

    monkeypatch.setattr(place, "_write_parquet", spoil)
    with pytest.raises(DamagedObjectError, match="has other rows than the store"):
        a_writer(shared, there).write_finished()
    assert not Path(there, "lake", "manifests").exists()


@pytest.mark.full
def test_a_month_whose_new_manifest_can_not_be_written_is_there_as_before(receiver, there, monkeypatch):
    write(receiver, there)
    spool(receiver.data_dir, [finished_row(1, received_at=datetime(2026, 3, 9, tzinfo=UTC))])
    until(lambda: receiver.sql(COUNT) == [{"n": 201}], what="it to be stored")

    def fail(*_):
        raise ObjectsError("The place is full.")

    monkeypatch.setattr(place.LakePlace, "write_manifest", fail)
    with pytest.raises(ObjectsError, match="is full"):
        a_writer(receiver, there).write_finished()
    assert count(there) == 200


def a_writer(receiver, there):
    reader = ServiceReader(receiver.query_url.removeprefix("http://"), receiver.token)
    return LakeWriter(reader, place.LakePlace(there), 1000, lambda: None, lambda _rows: None)


def with_other_bodies(rows):
    import pyarrow as pa

    at = rows.schema.get_field_index("payload")
    return rows.set_column(at, "payload", pa.array(["{}"] * rows.num_rows))


@pytest.mark.full
@pytest.mark.parametrize("rows", [finished_rows, lambda: finished_rows()[:9]], ids=["as many", "fewer"])
def test_a_store_without_the_notifications_of_the_lake_replaces_none_and_writes_other_months(
    receiver, there, tmp_path, rows
):
    write(receiver, there)
    before = ids(there)
    may = finished_row(0, received_at=datetime(2026, 5, 9, tzinfo=UTC))
    other = [*rows(), may]
    spool(tmp_path / "other", other)
    with running(PreparedReceiver, tmp_path / "other") as another:
        stored = len([row for row in other if hasattr(row, "payload")])
        until(lambda: another.sql(COUNT) == [{"n": stored}], what="them to be stored")
        said = write(another, there)["error"]
        assert "notifications of 2026-03 that this store lacks, so the month stays there as it is" in said
        assert ids(there) == {*before, str(may.id)}
        assert parquet(there) == named(there)
        for place, month in product(re.findall(r"lake/\S*2026-03\S*", said), MONTHS):
            for moved in Path(there).glob(place.replace("2026-03", month)):
                moved.rename(tmp_path / f"{moved.parent.name} {moved.name}")
        assert "2026-03" in write(another, there)["written"]
        assert ids(there) == {str(row.id) for row in other if hasattr(row, "payload")}


def test_a_damaged_manifest_is_named_and_its_month_stays_as_it_is(shared, copied):
    manifest, before = Path(copied, "lake", "manifests", "2026-03.json"), parquet(copied)
    manifest.write_bytes(manifest.read_bytes()[:100])
    assert "lake/manifests/2026-03.json is damaged" in write(shared, copied)["error"]
    assert parquet(copied) == before
    with pytest.raises(LocationError, match=r"2026-03\.json is damaged"):
        analytics.connect(copied)
    manifest.unlink()
    assert write(shared, copied)["written"] == ["2026-03"]
    assert count(copied) == 200


def test_a_file_that_is_lost_is_written_again(shared, copied):
    next(Path(copied, "lake", "notifications", "month=2026-04").iterdir()).unlink()
    assert write(shared, copied)["written"] == ["2026-04"]
    assert count(copied) == 200


@pytest.mark.full
def test_refused_notifications_that_the_store_has_deleted_stay_in_the_lake(receiver, there):
    write(receiver, there)
    before = ids(there, "rejected")
    assert len(before) == 3
    receiver.stop()
    alter(receiver.data_dir, "DELETE FROM rejected")
    late = rejection(77)
    spool(receiver.data_dir, [late])
    with running(PreparedReceiver, receiver.data_dir) as again:
        until(lambda: again.sql("SELECT count(*) AS n FROM rejected") == [{"n": 1}], what="it to be stored")
        assert write(again, there)["written"] == ["2026-03"]
        assert ids(there, "rejected") == {*before, str(late.id)}
        assert write(again, there)["written"] == []


def test_a_month_without_rows_of_a_table_has_its_columns(written):
    with analytics.connect(str(written)) as lake:
        april = lake.sql("SELECT * FROM rejected WHERE received_at >= '2026-04-01'")
        assert (april.num_rows, "body" in april.column_names) == (0, True)
