"""What holds personal data is readable by its owner alone, and goes nowhere that its owner did not name."""

import json
import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.commands.taking import taking
from receiver.data_directory import access
from receiver.data_directory.private import keep_private
from receiver.database.replacing import FILE, finish_offline
from receiver.errors import DataDirectoryError, ReceiverError
from receiver.settings import read_settings
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, append, spool
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'


def open_to_others(directory):
    """List what other users could read or enter."""
    paths = [directory, *directory.glob("**/*")]
    return sorted(str(path.relative_to(directory)) for path in paths if path.lstat().st_mode & 0o077)


@pytest.fixture
def loose_umask():
    """Run what a test starts as a login shell would."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_nobody_else_can_read_what_serve_backups_and_exports_write_nor_what_an_older_version_wrote(tmp_path):
    data_dir = tmp_path / "data"
    spool(data_dir, [accepted(1)])
    append(data_dir)
    (data_dir / "backups" / "older").mkdir(parents=True)
    (data_dir / "backups" / "older" / "clc-1.duckdb").write_bytes(b"")
    assert "clc.duckdb" in open_to_others(data_dir)
    with running(PreparedReceiver, data_dir, CLC_ACCOUNTS="ACME") as receiver:
        assert receiver.log.count("other users of this machine could read") == 1
        assert receiver.sender.post("/webhooks/User.Updated", USER % 2).status == 200
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 2)
        assert run_command(data_dir, "backup", str(tmp_path / "b.duckdb")).returncode == 0
        where = {"CLC_QUERY_LISTEN": receiver.query_url.removeprefix("http://"), "CLC_QUERY_TOKEN": receiver.token}
        for arguments in (("export", "-o", "e.jsonl"), ("sql", "SELECT 1", "-o", "s.csv")):
            run_program("analytics", *arguments, env={**os.environ, **where}, cwd=tmp_path).check_returncode()
        assert open_to_others(data_dir) == []
    assert run_command(tmp_path / "restored", "restore", str(tmp_path / "b.duckdb")).returncode == 0
    with running(PreparedReceiver, tmp_path / "restored") as receiver:
        assert "could read" not in receiver.log
        assert "holds other things" not in receiver.log
    for name in ("data", "restored"):
        assert open_to_others(tmp_path / name) == []
    for name in ("b.duckdb", "e.jsonl", "s.csv"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


@pytest.mark.usefixtures("loose_umask")
def test_a_directory_that_holds_other_things_keeps_its_mode_and_they_keep_theirs(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "somebody's").mkdir()
    (tmp_path / "somebody's" / "file").write_text("theirs")
    archive = tmp_path / "empty.txt"
    archive.write_text("")
    done = run_command(tmp_path, "import", str(archive))
    assert done.returncode == 0, done.stderr
    assert "holds other things" in done.stderr
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert open_to_others(tmp_path) == [".", "empty.txt", "somebody's", "somebody's/file"]


@pytest.mark.usefixtures("loose_umask")
def test_in_a_directory_with_other_things_files_with_endings_like_ours_keep_their_modes(tmp_path):
    theirs = ["package.json", "poetry.lock", "my.token", "shop.sqlite", "page.new"]
    for name in (*theirs, "scrub.json", "empty.txt"):
        (tmp_path / name).write_text("")
    assert run_command(tmp_path, "import", "empty.txt").returncode == 0
    assert open_to_others(tmp_path) == sorted(["empty.txt", *theirs])


def test_each_file_that_a_module_names_is_kept_to_its_owner(tmp_path):
    spellings = re.compile(r'"([a-z_]+\.(?:json|lock|sqlite|token))"')
    modules = (Path(__file__).parents[2] / "receiver").rglob("*.py")
    names = {name for module in modules for name in spellings.findall(module.read_text("utf-8"))}
    for name in names:
        (tmp_path / name).touch(0o644)
    keep_private(read_settings(env_file=None, data_dir=tmp_path))
    assert "serve.json" in names
    assert open_to_others(tmp_path) == []


def test_root_leaves_no_files_that_the_user_of_serve_could_not_read(tmp_path, monkeypatch):
    archive, data_dir = tmp_path / "a.jsonl", tmp_path / "data"
    archive.touch()
    settings = read_settings(env_file=None, data_dir=data_dir)
    with taking(settings):  # before a first `serve` anybody may
        pass
    (data_dir / FILE).touch()
    before = sorted(data_dir.rglob("*"))
    monkeypatch.setattr(access, "_read_owner_of_new", lambda _directory: 4_321)
    monkeypatch.setattr(access, "_ROOT", None)  # that the tests may be
    own = os.getuid()
    said = f"uses {data_dir} as the user {own}, who can't read what this user writes there: run this as that one, for"
    said += f" example by `sudo -E -u '#{own}' clc-receiver …`; docs/operate.md says how to do so beside the systemd"
    for act in (lambda: taking(settings).__enter__(), lambda: finish_offline(settings)):
        with pytest.raises(ReceiverError, match=re.escape(said)):
            act()
    for arguments in (["import", str(archive)], ["accept-loss", "--yes"]):
        done = CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)])
        assert (done.exit_code, said in done.output) == (1, True), done.output
    assert sorted(data_dir.rglob("*")) == before


def test_nothing_is_imported_beside_a_lock_file_that_can_not_be_read(tmp_path, monkeypatch):
    archive, data_dir = tmp_path / "a.jsonl", tmp_path / "data"
    archive.write_text(json.dumps({"received_at": "2026-03-01T00:00:00Z", "event": "User.Updated", "body": "{}"}))

    def refuse(_data_dir):
        raise DataDirectoryError("serve.lock can't be read: permission denied.")

    monkeypatch.setattr(access, "find_running_serve", refuse)
    done = CliRunner().invoke(main, ["import", str(archive), "--data-dir", str(data_dir)])
    assert (done.exit_code, "serve.lock can't be read: permission denied" in done.output) == (1, True), done.output
    assert not data_dir.exists()


@pytest.mark.parametrize("argument", take_few([["status"], ["serve"], ["demo"]], 1))
def test_an_empty_name_of_the_data_directory_is_refused_and_not_the_current_one(tmp_path, argument):
    done = run_command(tmp_path / "data", *argument, "--data-dir", "", CLC_DATA_DIR="unused")
    assert done.returncode == 2
    assert "'--data-dir': it is empty: name a path, or leave the option out." in done.stderr


@pytest.mark.parametrize("kind", take_few(["a link to a file", "a link to nothing", "a file"], 1))
def test_a_backup_follows_no_link_and_replaces_nothing(tmp_path, kind):
    target, file = tmp_path / "target", tmp_path / "b.duckdb"
    if kind != "a link to nothing":
        target.write_text("precious")
    if kind == "a file":
        target.rename(file)
    else:
        file.symlink_to(target)
    done = run_command(tmp_path, "backup", str(file))
    assert done.returncode == 1
    assert "exists" in done.stderr
    assert [path.read_text() for path in (target, file) if path.exists()] in ([], ["precious"], ["precious"] * 2)
