"""Of a month with notifications from before a drop, the lake has all changes, and the store compares the others."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import analytics
from receiver.keeping.lake.dropped import DropCheck
from receiver.keeping.lake.place import LakePlace
from receiver.keeping.lake.writing import LakeWriter
from tests.receiver.dropping.stores import Store
from tests.support.rows import notification

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
CHANGES = """
SELECT notification_id::VARCHAR AS id, path, old_value::VARCHAR AS old, new_value::VARCHAR AS new
FROM changes WHERE changed_at >= '2026-03-15' ORDER BY ALL
"""


def update(user, received_at, title, occurred_at=None):
    return notification(
        entity_id=user,
        received_at=received_at,
        occurred_at=occurred_at or received_at,
        payload=json.dumps({"userName": user, "title": title}).encode(),
    )


OUT_OF_ORDER = update("X", APRIL + timedelta(seconds=1), "b", APRIL - timedelta(seconds=2))
ROWS = [
    update("X", APRIL - timedelta(days=20), "a"),
    update("X", APRIL - timedelta(seconds=1), "c"),
    OUT_OF_ORDER,
    update("Y", APRIL + timedelta(days=5), "clerk"),
    update("Y", APRIL + timedelta(days=25), "boss"),
]
LATE = update("Y", APRIL + timedelta(days=20), "manager")
REPLAY = update("X", APRIL + timedelta(days=6), "d", APRIL - timedelta(days=10))


@pytest.fixture
def stores(tmp_path):
    for name in ("dropping", "whole"):
        (tmp_path / name).mkdir()
    with closing(Store(tmp_path / "dropping")) as dropping, closing(Store(tmp_path / "whole")) as whole:
        yield dropping, whole


def write(store, there):
    return LakeWriter(store, LakePlace(there), 1000, lambda: None, lambda _rows: None).write_finished().months


def find(store, there):
    return DropCheck(store, LakePlace(there), 1000, lambda _rows: None).find(datetime(2026, 6, 20, tzinfo=UTC), 1)


def read_changes(there):
    with analytics.connect(there) as lake:
        return [tuple(row.values()) for row in lake.sql(CHANGES).to_pylist()]


@pytest.mark.full
def test_changes_that_are_never_derived_again_stay_in_the_lake_and_the_others_are_written(stores, there):
    dropping, whole = stores
    for store in stores:
        store.append(ROWS)
    assert write(dropping, there) == ["2026-03", "2026-04"]
    dropping.drop(APRIL)
    for store in stores:
        store.append([REPLAY])
    assert write(whole, there) == ["2026-04"]
    assert str(REPLAY.id) in {id_ for id_, *_ in read_changes(there)} - {id_ for id_, *_ in dropping.run(CHANGES)}
    assert write(dropping, there) == []
    for store in stores:
        store.append([LATE])
    assert write(dropping, there) == ["2026-04"]
    assert read_changes(there) == whole.run(CHANGES)
    assert [write(store, there) for store in (whole, dropping)] == [[], []]
    assert find(dropping, there).obstacle is None


@pytest.mark.full
def test_a_month_stays_whose_other_changes_the_lake_does_not_hold(stores, there):
    dropping, _ = stores
    dropping.append(ROWS)
    write(dropping, there)
    dropping.drop(APRIL)
    assert find(dropping, there).obstacle is None
    manifest = Path(there, "lake", "manifests", "2026-04.json")
    fields = json.loads(manifest.read_text())
    fields["tables"]["changes"]["fingerprint"] = "1"
    manifest.write_text(json.dumps(fields))
    assert find(dropping, there)[::2] == (None, "The lake has other changes of 2026-04 than this store.")


def test_changes_that_the_lake_never_had_are_written_though_they_are_never_derived_again(stores, there):
    dropping, _ = stores
    dropping.append([row for row in ROWS if row is not OUT_OF_ORDER])
    write(dropping, there)
    dropping.append([OUT_OF_ORDER])
    dropping.drop(APRIL)
    assert "The lake has other" in find(dropping, there).obstacle
    assert write(dropping, there) == ["2026-04"]
    assert str(OUT_OF_ORDER.id) in {id_ for id_, *_ in read_changes(there)}
    assert find(dropping, there).obstacle is None
