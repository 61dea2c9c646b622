"""Changes are derived again in steps, of notifications that are read ahead, while others come or are away."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.database.opening import run
from receiver.deriving import tables
from receiver.deriving.tables import Rebuild
from receiver.senders.profile import load_shipped
from receiver.spool import SpoolReader
from receiver.store.loop import AppendLoop
from tests.receiver.store.appenders import make_appender
from tests.support.rows import notification
from tests.support.sizes import take_few
from tests.support.waiting import until

REST = "SELECT * EXCLUDE (occurred_at) FROM notifications ORDER BY seq"
RELEASED, EPOCH = datetime(2026, 3, 2, 9, 15, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)
CHANGES = "SELECT * EXCLUDE (seq), seq FROM changes ORDER BY seq, path"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(tables, "_ROWS_PER_STEP", 3)
    monkeypatch.setattr(tables, "_ROWS_READ", 10)


@pytest.fixture
def fill(store, spool, tmp_path):
    appender = make_appender(store, tmp_path)

    def fill(numbers):
        spool.append_all([row_of(number) for number in numbers])
        while appender.append_new():
            pass

    return fill


def row_of(number):
    name = f"user{number % 4}@acme.example"
    body = f'{{"accountAlias": "ACME", "userName": "{name}", "number": {number}}}'.encode()
    return notification(number, entity_id=name.upper(), payload=body)


def forge(store):
    """Let all changes be wrong, so that those that stay are seen."""
    run(store, "UPDATE changes SET new_value = '\"forged\"'")


@pytest.mark.parametrize("away", take_few([range(0), range(15, 60)], 1), ids=take_few(["all there", "many away"], 1))
def test_every_change_is_derived_again_though_notifications_come_and_others_are_away(store, fill, away):
    fill(range(80))
    run(store, "CREATE TEMP TABLE gone AS SELECT unnest(?) AS seq", [list(away)])
    for table in ("notifications", "changes"):
        run(store, f"DELETE FROM {table} WHERE seq IN (FROM gone)")
    forge(store)
    rebuild = Rebuild(store.cursor())
    rebuild.begin()
    steps = 0
    while rebuild.done is not None:
        rebuild.step()
        steps += 1
        if steps == 5:
            fill(range(80, 90))
    there = 90 - len(away)
    assert rebuild.derived == there
    assert run(store, "SELECT count(DISTINCT seq) FROM changes WHERE path = 'number'") == [(there - 4,)]
    wrong = "SELECT count(*) FROM changes JOIN notifications n USING (seq) WHERE new_value != n.payload ->> '$.number'"
    assert run(store, f"{wrong} AND path = 'number'") == [(0,)]


def test_after_an_error_it_goes_on_with_what_is_not_written_yet(store, fill, monkeypatch):
    fill(range(40))
    before = run(store, CHANGES)
    forge(store)
    rebuild = Rebuild(store.cursor())
    rebuild.begin()
    written = tables.write_changes

    def fail_once(*_):
        monkeypatch.setattr(tables, "write_changes", written)
        raise OSError("the disk fails once")

    for _ in range(4):
        rebuild.step()
    monkeypatch.setattr(tables, "write_changes", fail_once)
    with pytest.raises(OSError, match="fails once"):
        rebuild.step()
    while rebuild.done is not None:
        rebuild.step()
    assert run(store, CHANGES) == before


def test_a_time_that_the_profile_derives_otherwise_now_is_corrected_and_nothing_else(store, spool, tmp_path):
    """An update of a release had the time at which the release was made, and so came before it."""
    gitlab = load_shipped()["gitlab"].path.parent / "examples"
    release = {"sender": "gitlab", "category": "release", "entity_id": "gitlab-org/release-webhook-example@v1.1"}
    release |= {"account_alias": "Gitlab", "proof": "token"}
    made, updated = ((gitlab / f"release.{each}.json").read_bytes() for each in ("create", "update"))
    rows = [
        notification(20, **release, event_type="release.create", action="Created", payload=made, occurred_at=RELEASED),
        notification(21, **release, event_type="release.update", payload=updated, occurred_at=RELEASED - timedelta(1)),
    ]
    spool.append_all([*map(row_of, range(20)), *rows])
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    loop.start()

    def wait_for(count):
        until(lambda: run(store.cursor(), "SELECT count(*) FROM notifications") == [(count,)], what=f"{count} rows")

    wait_for(22)
    before = run(store.cursor(), REST)
    loop.begin_rebuild()
    until(lambda: loop.get_rebuild_progress() is None, what="the end of the rebuild")
    assert run(store.cursor(), REST) == before
    times = run(store.cursor(), "SELECT epoch_us(occurred_at) FROM notifications WHERE sender = 'gitlab' ORDER BY seq")
    assert [EPOCH + timedelta(microseconds=us) for (us,) in times] == [RELEASED, rows[1].received_at]
    spool.append_all([notification(40, **release, event_type="release.update", payload=updated + b" ")])
    wait_for(23)
    loop.stop()
    shown = "SELECT seq, path FROM changes WHERE seq > 20 AND NOT noise ORDER BY seq, path"
    assert run(store, shown) == [(21, ""), (22, "assets.links[Changelog].link_type"), (22, "description"), (23, "")]
