"""A machine with CLC_KEEP drops months that the lake holds, and nothing else."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import analytics
from analytics.pages.shared.health_figures import GROUPS
from receiver.database.reading import ServiceReader
from receiver.keeping.lake.dropped import DropCheck
from receiver.keeping.lake.manifest import find_first_kept
from receiver.keeping.lake.place import LakePlace
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, fill, spool
from tests.lake.months import finished_row, finished_rows, write
from tests.support.object_storage import CREDENTIALS
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import NOON, notification
from tests.support.waiting import until

COUNT = "SELECT count(*) AS n FROM notifications"
CONTENTS = "SELECT id::VARCHAR AS id, payload::VARCHAR AS payload FROM notifications"
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
KEEP = {"CLC_LAKE": "on", "CLC_KEEP": "1mo"}
NOW = datetime(2026, 5, 20, tzinfo=UTC)
"""With one month kept, March goes."""


def months_of_users():
    """Return signed notifications of 20 users over two months, and one of each today."""
    body = b'{"accountAlias":"ACME","userName":"user%d@acme.example","odd":%d.50}'
    rows = [accepted(6 * 3600 * number, body=body % (number % 20, number)) for number in range(200)]
    today = int((datetime.now(UTC) - NOON).total_seconds())
    return [*rows, *(accepted(today + number, body=body % (number, 7)) for number in range(5))]


def figure(data_dir, name, **settings):
    status = json.loads(run_command(data_dir, "status", "--json", **settings).stdout)
    return next((each for each in status["figures"] if each["name"] == name), None)


@pytest.mark.parametrize("objects", ["directory", pytest.param("s3", marks=pytest.mark.full)], indirect=True)
@pytest.mark.usefixtures("credentials")
def test_months_go_from_the_database_and_stay_in_the_lake_byte_for_byte(tmp_path, objects):
    rows = months_of_users()
    fill(tmp_path / "data", rows)
    settings = {"CLC_OBJECTS": objects, **KEEP, **CREDENTIALS}
    with running(PreparedReceiver, tmp_path / "data", **settings) as receiver:
        receiver.until_logged("are dropped; the lake has them")
        assert receiver.sql(COUNT) == [{"n": 25}]
        compared = "SELECT count(*) AS n FROM changes WHERE path = 'odd' AND changed_at >= '2026-05-01'"
        assert receiver.sql(compared) == [{"n": 5}]
        since = datetime.now(UTC).replace(day=1) - timedelta(days=1)
        told = figure(tmp_path / "data", "complete_since_at", **settings)["text"]
        assert "complete_since_at" in GROUPS["Kept"]  # of the page Health
        assert told == f"{since:%Y-%m}-01; earlier months are in the lake"
        assert figure(tmp_path / "data", "notifications_lost", **settings)["value"] == 0
        assert run_command(tmp_path / "data", "verify", **settings).stdout == ""
    old = {str(row.id): row.payload.decode() for row in rows if row.received_at < datetime(2026, 5, 1, tzinfo=UTC)}
    with analytics.connect(objects) as lake:
        assert {row["id"]: row["payload"] for row in lake.sql(CONTENTS).to_pylist()} == old
        assert lake.sql(COUNT).to_pylist() == [{"n": 200}]
        assert lake.sql("SELECT count(*) AS n FROM changes WHERE path = 'odd'").to_pylist() == [{"n": 180}]


def find(receiver, there, now=NOW):
    reader = ServiceReader(receiver.query_url.removeprefix("http://"), receiver.token)
    return DropCheck(reader, LakePlace(there), 1000, lambda _rows: None).find(now, 1)


def damage(there):
    file = next(Path(there, "lake", "notifications", "month=2026-03").iterdir())
    file.write_bytes(file.read_bytes()[:-2000] + bytes(2000))


def lose(there):
    next(Path(there, "lake", "changes", "month=2026-03").iterdir()).unlink()


def lose_manifest(there):
    Path(there, "lake", "manifests", "2026-03.json").unlink()


def differ(there):
    manifest = Path(there, "lake", "manifests", "2026-03.json")
    fields = json.loads(manifest.read_text())
    fields["tables"]["changes"]["fingerprint"] = "1"
    manifest.write_text(json.dumps(fields))


def go_away(there):
    Path(there).rename(there + "-away")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (damage, "2026-03 can't be read back from the lake"),
        (lose, "2026-03 can't be read back from the lake"),
        (lose_manifest, "The lake has no manifest of 2026-03."),
        (differ, "The lake has other changes of 2026-03 than this store."),
        (go_away, "there is no directory"),
    ],
)
def test_nothing_may_go_that_the_lake_does_not_hold_now(shared, copied, harm, said):
    assert find(shared, copied)[::2] == (APRIL, None)
    harm(copied)
    before, _, obstacle = find(shared, copied)
    assert (before, said in obstacle) == (None, True), obstacle


def test_months_before_the_first_that_the_lake_lacks_may_go(shared, copied):
    Path(copied, "lake", "manifests", "2026-04.json").unlink()
    found = find(shared, copied, datetime(2026, 9, 1, tzinfo=UTC))
    assert found[::2] == (APRIL, "The lake has no manifest of 2026-04.")


@pytest.mark.full
def test_what_can_not_be_dropped_is_told_with_its_reason(receiver, there):
    write(receiver, there)
    data_dir = receiver.data_dir
    receiver.stop()
    damage(there)
    settings = {"CLC_OBJECTS": there, **KEEP}
    with running(PreparedReceiver, data_dir, **settings) as again:
        again.until_logged("old months stay in the database")
        told = until(
            lambda: (now := figure(data_dir, "lake_failing_seconds", **settings))["state"] == "amber" and now,
            what="the figure, which is noted a moment later",
        )
        assert "; old months are NOT dropped: " in told["text"]
        assert again.sql(COUNT) == [{"n": 200}]


def drop(data_dir, there, **settings):
    with running(PreparedReceiver, data_dir, **{"CLC_OBJECTS": there, **KEEP, **settings}) as receiver:
        receiver.until_logged("are dropped; the lake has them")


@pytest.mark.full
def test_late_notifications_go_to_the_lake_and_no_machine_undoes_what_another_wrote(tmp_path, there):
    rows, late = finished_rows(), finished_row(10_000, received_at=datetime(2026, 3, 9, tzinfo=UTC), entity_id="USER1")
    now = notification(77, received_at=datetime.now(UTC), entity_id="USER1")
    for name in ("dropping", "whole"):
        fill(tmp_path / name, [*rows, now])
    drop(tmp_path / "dropping", there)
    spool(tmp_path / "dropping", [late])
    with (
        running(PreparedReceiver, tmp_path / "dropping") as dropping,
        running(PreparedReceiver, tmp_path / "whole") as whole,
    ):
        until(lambda: whole.sql(COUNT) == [{"n": 201}], what="them to be stored")
        found = "SELECT count(*) AS n FROM notifications WHERE id = ?"
        until(lambda: dropping.sql(found, [str(late.id)]) == [{"n": 1}], what="it to be stored")
        assert dropping.sql("SELECT count(*) AS n FROM changes WHERE notification_id = ?", [str(late.id)]) == [{"n": 0}]
        assert write(dropping, there)["written"] == ["2026-03"]
        spool(tmp_path / "whole", [late])
        until(lambda: whole.sql(COUNT) == [{"n": 202}], what="it to be stored")
        assert write(whole, there)["written"] == ["2026-03"]  # with its changes
        assert [write(each, there)["written"] for each in (dropping, whole, dropping)] == [[], [], []]
    drop(tmp_path / "dropping", there)
    with analytics.connect(there) as lake:
        assert lake.sql(COUNT).to_pylist() == [{"n": 201}]
        assert lake.sql(found, [str(late.id)]).to_pylist() == [{"n": 1}]
    with running(PreparedReceiver, tmp_path / "dropping") as dropping:
        assert dropping.sql(found, [str(late.id)]) == [{"n": 0}]


@pytest.mark.full
def test_a_replay_of_what_was_dropped_keeps_no_month_from_being_written_once_and_dropped_later(tmp_path, there):
    since = find_first_kept(datetime.now(UTC), 2).begins
    old = [notification(7, received_at=since - timedelta(days=days)) for days in (40, 20)]
    replay = notification(7, received_at=since + timedelta(days=5), occurred_at=since - timedelta(days=30))
    for name in ("dropping", "whole"):
        fill(tmp_path / name, old)
    drop(tmp_path / "dropping", there, CLC_KEEP="2mo")
    for name in ("dropping", "whole"):
        spool(tmp_path / name, [replay])
    with (
        running(PreparedReceiver, tmp_path / "dropping") as dropping,
        running(PreparedReceiver, tmp_path / "whole") as whole,
    ):
        until(lambda: dropping.sql(COUNT) == [{"n": 2}] and whole.sql(COUNT) == [{"n": 3}], what="all to be stored")
        looks = [write(each, there)["written"] for each in (dropping, whole, dropping, whole)]
        assert looks == [[f"{since:%Y-%m}"], [f"{since:%Y-%m}"], [], []]
        found = find(dropping, there, since + timedelta(days=70))
        assert (found.before > since, found.obstacle) == (True, None)


@pytest.mark.full
@pytest.mark.parametrize("harm", [lose, lose_manifest], ids=["file", "manifest"])
def test_what_is_left_of_a_dropped_month_never_takes_its_place(tmp_path, there, harm):
    fill(tmp_path / "data", finished_rows())
    drop(tmp_path / "data", there)
    harm(there)
    for path in Path(there, "lake").rglob("*.parquet"):
        os.utime(path, times=(0, 0))
    before = {path: path.read_bytes() for path in Path(there, "lake").rglob("month=2026-03/*")}
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        assert "this store has dropped" in write(receiver, there)["error"]
    assert {path: path.read_bytes() for path in Path(there, "lake").rglob("month=2026-03/*")} == before


def lose_all(there):
    shutil.rmtree(Path(there, "lake"))


@pytest.mark.full
@pytest.mark.parametrize(("harm", "stays"), [(lose, 0), (lose_manifest, 0), (lose_all, 0), (lose_all, 1)])
def test_what_the_lake_has_lost_is_told_though_the_store_has_nothing_or_little_of_it(tmp_path, there, harm, stays):
    march = [finished_row(number, entity_id=None) for number in range(20)]
    rest = [finished_row(number, entity_id="USER2") for number in range(20, 20 + stays)]
    fill(tmp_path / "data", [*march, *rest, notification(77, received_at=datetime.now(UTC), entity_id="USER1")])
    drop(tmp_path / "data", there)
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        assert receiver.sql(COUNT) == [{"n": 1 + stays}]
        harm(there)
        before = set(Path(there).rglob("month=2026-03/*"))
        assert "this store has dropped" in write(receiver, there)["error"].lower()
        assert set(Path(there).rglob("month=2026-03/*")) == before


@pytest.mark.full
@pytest.mark.parametrize("harm", [lose, lose_manifest], ids=["file", "manifest"])
def test_of_machines_that_share_a_spool_one_that_dropped_a_month_says_what_is_lost_and_another_writes_it_again(
    tmp_path, there, database, harm
):
    shared = {"CLC_SHARED_SPOOL": database}
    rows = [*finished_rows(), *(notification(number, received_at=datetime.now(UTC)) for number in (7, 8))]
    spool(tmp_path / "dropping", rows)
    with running(PreparedReceiver, tmp_path / "dropping", **shared) as sharing:
        until(lambda: sharing.sql(COUNT) == [{"n": 202}], what="them to be stored")
    settings = {"CLC_OBJECTS": there, **KEEP, **shared}
    with (
        running(PreparedReceiver, tmp_path / "dropping", **settings) as dropping,
        running(PreparedReceiver, tmp_path / "whole", **shared) as whole,
    ):
        dropping.until_logged("are dropped; the lake has them")
        until(lambda: whole.sql(COUNT) == [{"n": 202}], what="them to be shared")
        harm(there)
        assert "this store has dropped" in write(dropping, there, **shared)["error"]
        assert write(whole, there, **shared)["written"] == ["2026-03"]
        assert "error" not in write(dropping, there, **shared)
