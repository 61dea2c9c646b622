"""Backups by CLC_BACKUP_EVERY are made in time; the oldest go, and a bad copy is none."""

import json
import re
import time

import pytest

from receiver.keeping.backup_file import inspect
from tests.durability.support.backups import USER, count, one_sentence, post, put_first_in_path
from tests.durability.support.commands import run_command
from tests.durability.support.promise import stored_in
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until


def backups(data_dir):
    return sorted((data_dir / "backups").glob("clc-*.duckdb"))


def state_of_last_backup(data_dir):
    status = json.loads(run_command(data_dir, "status", "--json").stdout)
    (figure,) = [figure for figure in status["figures"] if figure["name"] == "backup_at"]
    assert "ago" in figure["text"]
    return figure["state"]


def test_scheduled_backups_are_made_and_the_oldest_go(tmp_path):
    with running(PreparedReceiver, tmp_path, CLC_BACKUP_EVERY="1s", CLC_BACKUP_KEEP="2") as receiver:
        post(receiver, range(5))
        until(lambda: len(re.findall(r"backup .* holds", receiver.log)) >= 3, seconds=60)
        until(lambda: receiver.log.count(" goes, 2 newer ones are kept") >= 1)
        assert receiver.sender.post("/webhooks/User.Updated", USER % 5).status == 200
        until(lambda: state_of_last_backup(tmp_path) == "ok", what="the backup of a moment ago to show")
    assert len(backups(tmp_path)) <= 3
    assert inspect(backups(tmp_path)[-1]).last_seq >= 5


@pytest.mark.full
def test_a_backup_that_a_wrong_clock_has_named_holds_up_no_schedule_and_goes_first(tmp_path):
    (tmp_path / "backups").mkdir(parents=True)
    future = tmp_path / "backups" / "clc-20990101T000000000000Z.duckdb"
    future.touch()
    with running(PreparedReceiver, tmp_path, CLC_BACKUP_EVERY="1d", CLC_BACKUP_KEEP="1"):
        until(lambda: backups(tmp_path) and not future.exists(), what="a backup in place of that one")
    assert len(backups(tmp_path)) == 1


@pytest.mark.full
def test_a_schedule_is_kept_over_a_restart(tmp_path):
    with running(PreparedReceiver, tmp_path, CLC_BACKUP_EVERY="1d"):
        until(lambda: len(backups(tmp_path)) == 1)
    with running(PreparedReceiver, tmp_path, CLC_BACKUP_EVERY="1d") as receiver:
        post(receiver, range(3))
        until(lambda: count(receiver) == 3)
    assert len(backups(tmp_path)) == 1


BAD_COPIES = {
    "short": '/bin/cp "$1" "$2"; truncate -s -200000 "$2"',
    "damaged": '/bin/cp "$1" "$2"; dd if=/dev/zero of="$2" bs=1000 count=100 seek=12 conv=notrunc 2>/dev/null',
    "failed": 'echo "no room" >&2; exit 1',
}


@pytest.fixture(scope="module")
def copying(tmp_path_factory):
    """A `serve` with a backup each second, of twenty notifications; a script `bad` copies in place of `cp`."""
    directory = tmp_path_factory.mktemp("copying")
    path = put_first_in_path(directory / "bin", f'[ ! -e {directory}/bad ] || . {directory}/bad; exec /bin/cp "$@"')
    settings = {"PATH": path, "CLC_BACKUP_EVERY": "1s", "CLC_BACKUP_KEEP": "1"}
    with running(PreparedReceiver, directory / "data", **settings) as receiver:
        post(receiver, range(20))
        yield receiver, directory / "bad"


@pytest.mark.full
@pytest.mark.parametrize("kind", BAD_COPIES)
def test_a_copy_that_does_not_check_out_is_no_backup_and_the_old_ones_stay(copying, tmp_path, kind):
    receiver, bad = copying
    data_dir = receiver.data_dir
    until(lambda: len(backups(data_dir)) == 1 and state_of_last_backup(data_dir) == "ok", what="a backup")
    failed, before = receiver.log.count("the scheduled backup failed"), count(receiver)
    bad.with_suffix(".new").write_text(f"{BAD_COPIES[kind]}\nexit\n")
    bad.with_suffix(".new").rename(bad)
    until(lambda: receiver.log.count("the scheduled backup failed") > failed, what="a failed backup")
    kept = backups(data_dir)
    assert kept
    assert "There is no backup" in one_sentence(run_command(data_dir, "backup", str(tmp_path / "b.duckdb")))
    assert not (tmp_path / "b.duckdb").exists()
    done = run_command(data_dir, "status")
    assert re.search(r"red +Last backup .*FAILED", done.stdout)
    assert done.returncode == 1
    assert backups(data_dir) == kept
    until(lambda: not list((data_dir / "backups").glob("*.unfinished*")))
    assert receiver.sender.post("/webhooks/User.Updated", USER % 99).status == 200
    until(lambda: count(receiver) == before + 1)
    bad.unlink()


def test_serve_stops_in_time_while_a_backup_is_copied(tmp_path):
    path = put_first_in_path(tmp_path / "bin", f"touch {tmp_path}/copying; exec sleep 100")
    receiver = PreparedReceiver(tmp_path / "data", PATH=path, CLC_BACKUP_EVERY="1d")
    post(receiver, range(3))
    until((tmp_path / "copying").exists)
    began = time.monotonic()
    assert receiver.stop() == 0
    assert time.monotonic() - began < 10
    assert len(stored_in(tmp_path / "data" / "clc.duckdb")) == 3


@pytest.mark.full
@pytest.mark.parametrize("value", ["daily", "0s", "-1d", "1w"])
def test_a_schedule_that_is_no_duration_is_refused_by_name(tmp_path, value):
    done = run_command(tmp_path, "status", CLC_BACKUP_EVERY=value)
    assert done.returncode == 2
    assert "CLC_BACKUP_EVERY" in done.stderr
