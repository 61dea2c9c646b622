"""`clc-receiver check` calls nothing usable that `serve` would refuse."""

import os
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from pyarrow.fs import FileSelector

from receiver.commands import check as command
from receiver.data_directory.node import ALL_PARTS
from receiver.errors import DataDirectoryError, ObjectsError
from receiver.keeping.lake.place import LakePlace, list_months
from receiver.keeping.objects.place import Place
from receiver.keeping.objects.storage import Storage
from receiver.settings import read_settings
from receiver.store.recovery import open_store
from receiver.supervision import begin
from tests.durability.support.faults import fill, mounted
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.keys import make_certificate, write_key
from tests.support.object_storage import CREDENTIALS, READER, SECRET, Failing, bucket, credentials, object_storage
from tests.support.ports import free_address
from tests.support.prepared import run_program
from tests.support.processes import environment

__all__ = ["bucket", "credentials", "object_storage"]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    """Set nothing, and leave out what the reading side reports, which takes longest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "subprocess", SimpleNamespace(run=lambda *_, **__: SimpleNamespace(returncode=0)))
    monkeypatch.setattr(command, "_CHECKS", command._CHECKS)


def check(monkeypatch, subject, **settings):
    """Return the state and the text of a subject's line."""
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(command, "_CHECKS", [each for each in command._CHECKS if each[0] == subject])
    lines = CliRunner().invoke(command.check, []).output.splitlines()
    return next((line[:5].strip(), line[23:]) for line in lines if line[7:22].strip() == subject)


@pytest.mark.parametrize("query", ["{}", "0.0.0.0:{port}"])
def test_one_address_for_listener_and_queries_is_not_free_twice(monkeypatch, query):
    address = free_address()
    query = query.format(address, port=address.rpartition(":")[2])
    state, text = check(monkeypatch, "Query service", CLC_LISTEN=address, CLC_QUERY_LISTEN=query)
    assert state == "WRONG"
    assert text.startswith(f"{query} can't be listened on (Address already in use): ")


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.example", ".example"])
@pytest.mark.parametrize(("subject", "variable"), [("Listener", "CLC_LISTEN"), ("Query service", "CLC_QUERY_LISTEN")])
def test_a_name_that_no_host_can_have_is_wrong(monkeypatch, host, subject, variable):
    address = f"{host}:80"
    why = f"no host can have this name): free it or set {variable} to another address."
    assert check(monkeypatch, subject, **{variable: address}) == ("WRONG", f"{address} can't be listened on ({why}")


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [(0, "ok", "valid until"), (2, "WRONG", "renew it"), (-1, "WRONG", "is the clock of this machine right?")],
)
def test_a_certificate_that_no_sender_trusts_today_is_wrong(monkeypatch, tmp_path, days, state, said):
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "cert.pem").write_bytes(make_certificate(key, timedelta(days=days)))
    (tmp_path / "key.pem").write_bytes(write_key(key))
    told, text = check(monkeypatch, "TLS", CLC_TLS_CERT="cert.pem", CLC_TLS_KEY="key.pem")
    assert (told, said in text) == (state, True), text


@pytest.mark.parametrize(
    ("secret", "state", "said"),
    [
        ("a secret for tests alone", "ok", "example is taken at http"),
        ("short", "WRONG", "CLC_SECRET_EXAMPLE can't be used: "),
        (None, "note", "example is not taken: set CLC_SECRET_EXAMPLE"),
    ],
)
def test_a_sender_is_told_as_serve_would_take_it(monkeypatch, tmp_path, secret, state, said):
    (tmp_path / "example.toml").write_text(MINIMAL.replace('"none"', '"token"\nheader = "X"'))
    given = {"CLC_SECRET_EXAMPLE": secret} if secret else {}
    told, text = check(monkeypatch, "Sender", CLC_SENDERS=tmp_path, **given)
    assert (told, text.startswith(said)) == (state, True), text


def test_two_addresses_are_free(monkeypatch):
    state, _ = check(monkeypatch, "Query service", CLC_LISTEN="127.0.0.1:0", CLC_QUERY_LISTEN="127.0.0.1:0")
    assert state == "ok"


@pytest.mark.parametrize("below", ["", "below"])
def test_a_link_to_a_place_that_is_not_there_is_wrong(monkeypatch, tmp_path, below):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "not mounted")
    told = check(monkeypatch, "Data directory", CLC_DATA_DIR=link / below)
    assert told == ("WRONG", f"{link} leads nowhere: mount what it leads to, or set CLC_DATA_DIR to another.")


def test_a_database_of_another_user_is_wrong(monkeypatch, tmp_path):
    database = tmp_path / "clc.duckdb"
    database.touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != database)  # root may read any
    state, text = check(monkeypatch, "Data directory", CLC_DATA_DIR=tmp_path)
    assert (state, f"{database} can't be read and written by this user" in text) == ("WRONG", True), text


def test_a_database_that_is_a_symbolic_link_is_refused_before_anything_is_taken(monkeypatch, tmp_path):
    link, file = tmp_path / "data" / "clc.duckdb", tmp_path / "other" / "clc.duckdb"
    for directory in (link.parent, file.parent):
        directory.mkdir()
    link.symlink_to(file)
    refusal = f"{link} is a symbolic link, which can't be used: put {file} in its place"
    state, text = check(monkeypatch, "Data directory", CLC_DATA_DIR=link.parent)
    assert (state, refusal in text) == ("WRONG", True), text
    settings = read_settings(data_dir=link.parent)
    for refuse in (open_store, partial(begin.check, role=ALL_PARTS)):  # the second is asked before each upgrade, too
        with pytest.raises(DataDirectoryError, match=re.escape(refusal)):
            refuse(settings)
    served = run_program("receiver", "serve", env=environment(link.parent), cwd=tmp_path)
    assert (served.returncode, refusal in served.stderr) == (1, True), served.stderr
    assert not file.exists()


def test_directories_on_a_full_disk_are_wrong(monkeypatch, tmp_path):
    with mounted(tmp_path / "there", "size=1m") as there:
        fill(there)
        for subject, name in (("Spool", "CLC_SPOOL_DIR"), ("Object storage", "CLC_OBJECTS"), ("Lake", "CLC_OBJECTS")):
            with monkeypatch.context() as patch:
                told = check(patch, subject, **{"CLC_LAKE": "on", "CLC_OBJECTS": there, name: there})
            ways = f"make it writable, make room, or set {name} to another."
            assert told == ("WRONG", f"{there} can't be written (No space left on device): {ways}")
    (tmp_path / "other").mkdir()
    state, text = check(monkeypatch, "Object storage", CLC_OBJECTS=tmp_path / "other")
    assert (state, text) == ("ok", f"{tmp_path / 'other'}, 0 whole backups")


@pytest.mark.full
@pytest.mark.parametrize("subject", ["Object storage", "Lake"])
def test_a_bucket_that_may_only_be_read_is_wrong(monkeypatch, bucket, subject):
    for name, value in CREDENTIALS.items():
        monkeypatch.setitem(os.environ, name, value)
    settings = {"CLC_OBJECTS": bucket, "CLC_LAKE": "on"}
    assert check(monkeypatch, subject, **settings)[0] == "ok"  # and the bucket is there from now on
    state, text = check(monkeypatch, subject, **settings, **READER)
    assert (state, text.startswith(f"{bucket.partition('?')[0]} can't be written: ")) == ("WRONG", True), text
    assert SECRET not in text


@pytest.mark.full
@pytest.mark.usefixtures("credentials")
def test_what_proves_that_a_bucket_can_be_written_is_gone_and_is_no_backup_and_no_file_of_the_lake(monkeypatch, bucket):
    for subject in ("Object storage", "Lake"):
        with monkeypatch.context() as patch:
            state, _ = check(patch, subject, CLC_OBJECTS=bucket, CLC_LAKE="on")
        assert state == "ok"
    lake, place, storage = LakePlace(bucket), Place(bucket), Storage(bucket)
    everything = storage.files.get_file_info(FileSelector(storage.make_path("").rstrip("/"), recursive=True))
    assert [each.base_name for each in everything if each.size] == []
    assert (lake.list_objects(), place._list()) == ({}, {})
    for folder in ("backups", "lake"):  # as if it could not be deleted
        storage.write(storage.make_path(f"{folder}/.clc-check-host-12-0a1b2c3d"), b"there")
    assert [*lake.list_objects()] == [".clc-check-host-12-0a1b2c3d"]
    assert lake.find_left(lake.list_objects(), [], datetime.max.replace(tzinfo=UTC)) == []
    assert list_months(lake.list_objects()) == []
    assert [*place.list_whole()] == []
    assert place.prune("host", 1) == ([], 0)


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "backups").mkdir()
    return Storage(str(tmp_path))


def list_names(storage):
    return sorted(file.name for file in Path(storage.make_path("backups")).iterdir())


def test_where_nothing_can_be_deleted_one_object_of_each_check_stays_and_that_is_said(storage):
    storage._opened = Failing(storage.files, before=["delete_file"])
    for _ in range(2):
        kept = storage.prove_writable("backups", "my host")
        assert kept == f"{storage} can't be used: Access Denied (ACCESS_DENIED)."
    names = list_names(storage)
    assert [re.sub("-[0-9a-f]{8}$", "", name) for name in names] == [f".clc-check-my-host-{os.getpid()}"] * 2
    assert len(set(names)) == 2


def test_what_can_not_be_read_back_is_deleted_all_the_same(storage):
    storage._opened = Failing(storage.files, before=["open_input_stream"])
    with pytest.raises(ObjectsError, match="ACCESS_DENIED"):
        storage.prove_writable("backups", "host")
    assert list_names(storage) == []


def test_an_object_that_is_gone_was_deleted_though_its_folder_may_not_be_marked(storage):
    storage._opened = Failing(storage.files, after=["delete_file"])
    assert storage.prove_writable("backups", "host") is None
    assert list_names(storage) == []


def test_where_it_can_not_be_looked_whether_an_object_is_gone_it_counts_as_kept(storage):
    storage._opened = Failing(storage.files, before=["get_file_info"], after=["delete_file"])
    assert storage.prove_writable("backups", "host") == f"{storage} can't be used: Access Denied (ACCESS_DENIED)."


def test_a_shared_spool_on_a_host_with_an_empty_part_in_its_name_is_wrong(monkeypatch):
    state, text = check(monkeypatch, "Shared spool", CLC_SHARED_SPOOL="postgresql://a..b/clc")
    assert state == "WRONG"
    assert text.endswith("a part of its host name is empty or too long: correct CLC_SHARED_SPOOL.")


def test_a_shared_spool_that_can_not_be_reached_is_wrong(monkeypatch):
    url = f"postgresql://clc:hunter2@{free_address()}/clc"
    state, text = check(monkeypatch, "Shared spool", CLC_SHARED_SPOOL=url)
    assert state == "WRONG"
    assert text.startswith("The shared spool can't be used for a check: ")
    assert "refused" in text
    assert "hunter2" not in text


def test_without_a_shared_spool_the_line_says_so():
    assert command._look_at_shared_spool(read_settings(env_file=None)) == "not used: this machine has its own"
