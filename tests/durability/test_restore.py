"""A restore is done or not done, wherever it is killed, and says which notifications it leaves out."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from receiver.commands.taking import taking
from receiver.data_directory import access
from receiver.data_directory.accounts import learn_accounts, read_learned_accounts
from receiver.data_directory.incidents import read_incidents
from receiver.database.checkpoints import checkpoint, name_copy
from receiver.database.reading import open_reader
from receiver.database.replacing import FILE
from receiver.errors import DataDirectoryError
from receiver.keeping.backup_file import seal
from receiver.keeping.restoring import count_left_out
from receiver.settings import read_settings
from receiver.spool.owners import claim
from tests.durability.support.commands import command, run_command
from tests.durability.support.damaged import Stores, overwritten
from tests.durability.support.promise import kept_in
from tests.durability.support.stores import accepted, append, spool
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.rows import rejection
from tests.support.sizes import is_full, size, take_few
from tests.support.waiting import until

CALLS = "rename,unlink,fsync,fdatasync,mkdir,link" + size("", ",openat,write,pwrite64,ftruncate,close")
HEADERS = 3 * 4096
ROWS = [accepted(number) for number in range(12)]
OLD, NEW = {row.id for row in ROWS}, {row.id for row in (*ROWS[:6], *ROWS[8:])}


class Case(NamedTuple):
    """A data directory with twelve notifications, of which the spool holds the last four, and a backup of six."""

    data_dir: Path
    backup: Path

    def copy(self, directory: Path) -> Path:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(self.data_dir, directory)
        return directory


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    directory = tmp_path_factory.mktemp("case")
    data_dir, backup = directory / "data", directory / "b.duckdb"
    for first, last in ((0, 6), (6, 8), (8, 12)):
        shutil.rmtree(data_dir / "spool", ignore_errors=True)
        spool(data_dir, ROWS[first:last])
        append(data_dir)
        if last == 6:
            shutil.copy(data_dir / "clc.duckdb", backup)
    learn_accounts(data_dir / "accounts.sqlite", ["OLD1"])
    seal(backup, key_of(data_dir), data_dir / "none")
    return Case(data_dir, backup)


def key_of(data_dir):
    """Read the tests' key's fingerprint where it is shown."""
    status = json.loads(run_command(data_dir, "status", "--json").stdout)
    return next(figure["value"] for figure in status["figures"] if figure["name"] == "key_fingerprint")


def interrupt_checkpoint(database):
    """End a checkpoint in the middle of the write of a block of metadata."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("INSERT INTO account_states (alias, seq) VALUES ('ACME', 1)")
        connection.execute("PRAGMA debug_checkpoint_abort = 'before_header'")
        with pytest.raises(duckdb.FatalException):
            checkpoint(connection)
    copied = name_copy(database).read_bytes()[HEADERS:]
    with database.open("r+b") as file:
        file.seek(int.from_bytes(copied[:8], "little"))
        file.write(b"\x55" * 8192)


def restore_in_strace(case, data_dir, *options):
    return subprocess.run(
        ["strace", "-q", *options, *command("restore", "--force", str(case.backup))],
        env=environment(data_dir, PYTHONDONTWRITEBYTECODE="1"),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def ids_in(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        return {name for (name,) in database.execute("SELECT id FROM notifications").fetchall()}


def choose_calls(calls, begun, data_dir):
    """Choose the calls on the store's files, in full size all, otherwise one before the replacement and one amid it.

    How often a library opens files of the system differs from run to run.
    """
    own = [number for number, call in enumerate(calls) if re.search(rf"(?<!AT_FDCWD)[\"<]{data_dir}", call)]
    before = own.index(begun)
    return own if is_full() else [own[before // 2], own[(before + len(own)) // 2]]


def test_a_restore_that_is_killed_anywhere_is_finished_or_never_began(case, tmp_path, capsys, request):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    options = ("-y", "-e", f"trace={CALLS}", "-o", str(tmp_path / "trace"))
    done = restore_in_strace(case, case.copy(tmp_path / "d"), *options)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "trace").read_text().splitlines()
    calls = [line for line in lines if re.match(r"\w+\(", line)]
    names = [call.partition("(")[0] for call in calls]
    begun = next(number for number, call in enumerate(calls) if names[number] == "rename" and FILE in call)
    ended, missed, stores = [], [], Stores()
    request.addfinalizer(stores.close)
    chosen = choose_calls(calls, begun, tmp_path / "d")
    for number in chosen:
        data_dir = case.copy(tmp_path / "d")
        which = f"inject={names[number]}:signal=KILL:when={names[: number + 1].count(names[number])}"
        killed = restore_in_strace(case, data_dir, "-o", os.devnull, "-e", which)
        if not killed.returncode:
            missed.append(calls[number])
            continue
        if number % 2:
            with open_reader(read_settings(env_file=None, data_dir=data_dir)) as reader:
                assert reader.read_rows("SELECT count(*) FROM notifications", [])[0][0] in {6, 12}
        stores.start(data_dir)
        found, missing = ids_in(data_dir), [each.missing for each in read_incidents(data_dir)]
        assert (found, len(missing)) in [(OLD, 0), (NEW, 1)], (calls[number], missing)
        assert all(text.startswith("2 of its notifications, received") for text in missing)
        assert not (data_dir / FILE).exists()
        assert read_learned_accounts(data_dir / "accounts.sqlite") == ["OLD1"]
        ended.append(found == NEW)
    stores.close()
    assert {*ended} == {True, False}
    assert missed == []
    with capsys.disabled():
        print(f"\n{len(ended)} kills at {len(chosen)} calls: {ended.count(False)} undone, {ended.count(True)} finished")


@pytest.mark.full
def test_what_a_restore_leaves_out_is_counted_before_and_status_and_verify_remember_it(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    refused = run_command(data_dir, "restore", str(case.backup))
    assert refused.returncode == 1
    counted = r"2 of its notifications, received from [-\d]+ [:\d]+ to [-\d]+ [:\d]+ UTC, are neither in the backup nor"
    assert re.search(rf"{counted}.*--force", refused.stderr), refused.stderr
    assert ids_in(data_dir) == OLD
    done = run_command(data_dir, "restore", "--force", str(case.backup))
    assert done.returncode == 0
    assert [len(re.findall(each, done.stderr)) for each in (counted, "is kept in")] == [1, 1]
    with running(PreparedReceiver, data_dir) as receiver:
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == len(NEW))
        told = run_command(data_dir, "status")
        verified = run_command(data_dir, "verify")
    assert told.returncode == 1
    assert re.search(r"red +Recoveries.*MISSING since .*: 2 of its notifications", told.stdout), told.stdout
    assert {row.id for row in ROWS[6:8]} & {*kept_in(data_dir)} == set()
    assert verified.returncode == 1
    assert re.fullmatch(rf"missing: Since [-\dT:]+ UTC: {counted} in the spool\..*\n", verified.stdout), verified.stdout


def test_what_a_database_had_that_is_gone_is_missing_if_neither_the_backup_nor_the_spool_holds_it(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    (data_dir / "clc.duckdb").unlink()
    done = run_command(data_dir, "restore", str(case.backup))
    assert (done.returncode, "`clc-receiver accept-loss` ends that" in done.stderr) == (0, True), done.stderr
    (incident,) = read_incidents(data_dir)
    assert incident.missing.startswith("About 2 notifications with seq 7 to 12, which neither the spool holds nor")


def test_nothing_is_missing_where_no_store_was_or_the_backup_and_the_spool_hold_it(case, tmp_path):
    data_dir, whole = case.copy(tmp_path / "d"), tmp_path / "whole.duckdb"
    (data_dir / "clc.duckdb").rename(whole)
    seal(whole, key_of(data_dir), tmp_path / "none")
    for directory in (data_dir, tmp_path / "new"):
        assert run_command(directory, "restore", str(whole)).returncode == 0
        assert read_incidents(directory) == []


def test_a_restore_replaces_no_link(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    (data_dir / "clc.duckdb").unlink()
    (data_dir / "clc.duckdb").symlink_to(tmp_path / "unmounted" / "clc.duckdb")
    done = run_command(data_dir, "restore", "--force", str(case.backup))
    assert (done.returncode, "is a symbolic link, which can't be used" in done.stderr) == (1, True), done.stderr
    assert (data_dir / "clc.duckdb").is_symlink()


def test_a_restore_counts_what_it_leaves_out_also_after_an_interrupted_checkpoint(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    interrupt_checkpoint(data_dir / "clc.duckdb")
    done = run_command(data_dir, "restore", "--force", str(case.backup))
    assert (done.returncode, "2 of its notifications, received" in done.stderr) == (0, True), done.stderr


def test_what_a_spool_that_was_used_before_holds_is_not_left_out(case, tmp_path):
    settings = read_settings(env_file=None, data_dir=case.data_dir, spool_dir=tmp_path / "another")
    assert count_left_out(settings, case.backup).number == 2


@pytest.mark.full
def test_what_a_former_spool_that_is_not_mounted_may_hold_is_neither_called_lost_nor_left_unsaid(case, tmp_path):
    data_dir, away = case.copy(tmp_path / "d"), tmp_path / "away"
    (data_dir / "spool").rename(away)
    claim(read_settings(env_file=None, data_dir=data_dir, spool_dir=away))
    away.rename(tmp_path / "unmounted")
    done = run_command(data_dir, "restore", "--force", str(case.backup))
    why = f"{away} is not there: mount it, or delete its line in {data_dir / 'spools.json'}"
    (incident,) = read_incidents(data_dir)
    assert incident.missing.startswith("6 of its notifications")
    assert f"spool of this machine, and whether a former spool holds them is not known ({why})." in incident.missing
    assert f"A former spool may hold more: {why}." in done.stderr


@pytest.mark.full
def test_refused_notifications_that_neither_the_backup_nor_the_spool_holds_are_counted(tmp_path):
    data_dir, backup = tmp_path / "data", tmp_path / "b.duckdb"
    for numbers in (range(4), range(4, 7), range(7, 9)):  # in the backup, in none of them, in the spool
        shutil.rmtree(data_dir / "spool", ignore_errors=True)
        spool(data_dir, map(rejection, numbers))
        append(data_dir)
        if not backup.exists():
            shutil.copy(data_dir / "clc.duckdb", backup)
    seal(backup, key_of(data_dir), data_dir / "none")
    done = run_command(data_dir, "restore", "--force", str(backup))
    assert done.returncode == 0
    assert (
        "3 of its refused notifications are neither in the backup nor in the spool: they stay in the database that is "
        "moved aside."
    ) in done.stderr.splitlines()
    assert read_incidents(data_dir) == []


def as_an_older_program_wrote(data_dir):
    """Take the number out of the incidents: it stood in the sentence alone."""
    file = data_dir / "recovery.json"
    incidents = json.loads(file.read_text())
    assert [incident.pop("left_out") for incident in incidents] == [2]
    file.write_text(json.dumps(incidents))


def with_other_words(data_dir):
    """Say in other words what is missing: the number counts, and not the sentence."""
    file = data_dir / "recovery.json"
    (incident,) = json.loads(file.read_text())
    file.write_text(json.dumps([{**incident, "missing": "Some notifications."}]))


def as_it_is(data_dir):
    """Leave the incidents as they are."""


@pytest.mark.full
@pytest.mark.parametrize("write", [as_it_is, with_other_words, as_an_older_program_wrote])
def test_what_is_missing_since_a_restore_is_there_again_after_the_restore_of_a_backup_that_has_it(
    case, tmp_path, write
):
    data_dir, whole = case.copy(tmp_path / "d"), tmp_path / "whole.duckdb"
    shutil.copy(data_dir / "clc.duckdb", whole)
    seal(whole, key_of(data_dir), tmp_path / "none")
    assert run_command(data_dir, "restore", "--force", str(case.backup)).returncode == 0
    write(data_dir)
    assert [incident.left_out for incident in read_incidents(data_dir)] == [2]
    again = run_command(data_dir, "restore", "--force", str(whole))
    assert re.search(r"What was missing since [-\dT:]+ UTC is there again", again.stderr), again.stderr
    (incident,) = read_incidents(data_dir)
    assert incident.what.endswith("The backup whole.duckdb brought that back.")
    assert incident.missing is None
    verified = run_command(data_dir, "verify")
    assert (verified.returncode, verified.stdout) == (0, "")
    assert "MISSING" not in run_command(data_dir, "status").stdout


@pytest.mark.full
def test_a_loss_that_nothing_makes_good_counts_until_it_is_accepted(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    for _ in range(2):
        restored = run_command(data_dir, "restore", "--force", str(case.backup))
        assert "`clc-receiver accept-loss` ends that" in restored.stderr
    assert run_command(data_dir, "accept-loss").returncode == 1  # nobody answers the question
    assert run_command(data_dir, "verify").returncode == 1
    assert "2 of its notifications" in run_command(data_dir, "status").stdout
    accepted_now = run_command(data_dir, "accept-loss", "--yes")
    assert (accepted_now.returncode, accepted_now.stdout.count("2 of its notifications")) == (0, 1)
    verified = run_command(data_dir, "verify")
    assert (verified.returncode, verified.stdout) == (0, "")
    (incident,) = read_incidents(data_dir)
    assert re.search(r"2 of its notifications.* This loss was accepted at ", incident.what)
    assert run_command(data_dir, "accept-loss").stderr == "Nothing is missing.\n"


def test_a_file_that_is_no_database_is_told_to_be_none(tmp_path):
    (tmp_path / "month.jsonl").write_text('{"event": "User.Updated"}\n')
    done = run_command(tmp_path / "d", "restore", str(tmp_path / "month.jsonl"))
    assert (done.returncode, "month.jsonl is no backup: it is no DuckDB database." in done.stderr) == (1, True)


def test_a_backup_whose_name_duckdb_reads_otherwise_is_not_called_damaged(case, tmp_path):
    odd = shutil.copy(case.backup, tmp_path / "copy?.duckdb")
    done = run_command(tmp_path / "d", "restore", str(odd))
    assert (done.returncode, f"{odd} can't be opened, its path" in done.stderr) == (1, True)
    assert done.stderr.endswith(", must be UTF-8 and have no question mark: rename it.\n")


@pytest.mark.full
def test_a_database_that_cant_be_read_is_replaced_only_by_force_and_that_is_said(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    overwritten(0, 20_000, b"\x55")(data_dir / "clc.duckdb")
    refused = run_command(data_dir, "restore", str(case.backup))
    assert "is not known" in refused.stderr
    assert "--force" in refused.stderr
    assert run_command(data_dir, "restore", "--force", str(case.backup)).returncode == 0
    (incident,) = read_incidents(data_dir)
    assert "is not known" in incident.missing
    assert incident.left_out is None


@pytest.mark.parametrize("content", take_few([b'{"format": 1', b"", b'{"format": 2}', b"\0" * 80], 1))
def test_a_damaged_note_of_a_restore_is_named_and_never_ok(case, tmp_path, content):
    data_dir = case.copy(tmp_path / "d")
    (data_dir / FILE).write_bytes(content)
    stores = Stores()
    stores.start(data_dir)
    stores.close()
    (incident,) = read_incidents(data_dir)
    assert incident.what.startswith(FILE)
    assert incident.missing
    assert ids_in(data_dir) == OLD


def test_where_the_new_database_is_gone_the_old_one_comes_back(case, tmp_path):
    data_dir = case.copy(tmp_path / "d")
    aside = data_dir / "aside" / "then"
    aside.mkdir(parents=True)
    (data_dir / "clc.duckdb").rename(aside / "clc.duckdb")
    replacement = {"aside": "then", "moves": ["clc.duckdb"], "puts": {"restoring.duckdb": "clc.duckdb"}, "seq": 12}
    (data_dir / FILE).write_text(json.dumps({"format": 1, **replacement, "incident": None}))
    assert run_command(data_dir, "verify").returncode == 0
    assert ids_in(data_dir) == OLD
    assert "as it was before" in read_incidents(data_dir)[0].what


def test_while_a_restore_has_the_directory_a_serve_that_was_killed_before_is_not_running(tmp_path):
    with access.take(tmp_path) as lock:
        access.announce(lock, access.Running(os.getpid(), "127.0.0.1:8080", "127.0.0.1:8081"))
        assert access.find_running_serve(tmp_path)
    with taking(read_settings(data_dir=tmp_path)):
        assert access.find_running_serve(tmp_path) is None
        assert "No `clc-receiver serve` is using" in run_command(tmp_path, "upgrade").stderr


def test_a_serve_whose_lock_file_was_deleted_keeps_its_database(tmp_path):
    settings = read_settings(data_dir=tmp_path)
    with taking(settings):
        (tmp_path / "serve.lock").unlink()
        with pytest.raises(DataDirectoryError, match="Another `clc-receiver serve` is using the spool"):
            taking(settings).__enter__()
    writes = "import duckdb, sys; store = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", writes, settings.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as store:
        store.stdout.readline()
        with pytest.raises(DataDirectoryError, match=r"Another process still uses .*clc\.duckdb: wait"):
            taking(settings).__enter__()
        store.communicate(b"\n")
    settings.database.unlink()
    settings.database.mkdir()  # can't be opened, as what only another user may read
    with taking(settings):
        pass
