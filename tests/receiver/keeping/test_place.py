"""Backups in a place of object storage: which count, which are passed over and named, and which go."""

import json

import pytest

from receiver.errors import NewerStoreError
from receiver.keeping.objects.fetching import fetched_newest
from receiver.keeping.objects.place import Place, make_ending, name_in_storage
from tests.durability.support.commands import run_command
from tests.support.object_storage import MACHINES, Failing, name_backups
from tests.support.sizes import take_few

MADE = ("2026-03-02T08:00:00+00:00", "host", 3, 3)


def nothing(_count):
    pass


def test_each_machine_deletes_its_old_backups_alone_and_never_the_last_whole_one(backup, directory):
    place, (one, two) = Place(str(directory)), MACHINES
    names, other = name_backups(backup, (1, 2, 3)), name_in_storage(backup, "a host", two)
    for name in (*names, other):
        place.put(backup, name, MADE, nothing)
    (directory / "backups" / f"{names[2]}.json").unlink()  # as half an upload
    assert place.prune(make_ending(one), 1) == ([names[2], names[0]], 1)
    assert sorted(manifest.name for manifest in place.list_whole()) == sorted([names[1], other])
    (directory / "backups" / f"{names[1]}.json").write_text("{")
    assert place.prune(make_ending(one), 1) == ([], 0)
    assert (directory / "backups" / names[1]).exists()


def test_what_somebody_has_renamed_stays(backup, directory):
    place, names = Place(str(directory)), name_backups(backup, (1, 2, 3))
    for name in names:
        place.put(backup, name, MADE, nothing)
    for begin, kept in (("keep-", names[0]), ("clc-before-2027-", names[1])):
        for name in (kept, f"{kept}.json"):
            (directory / "backups" / name).rename(directory / "backups" / f"{begin}{name}")
    before = sorted(directory.rglob("*"))
    assert place.prune(make_ending(MACHINES[0]), 1) == ([], 1)
    assert sorted(directory.rglob("*")) == before


def test_a_backup_that_can_not_be_used_stays_until_enough_whole_ones_are_newer(backup, directory):
    place, ending = Place(str(directory)), make_ending(MACHINES[0])
    names = name_backups(backup, (1, 2, 3, 4))
    for name in names[:3]:
        place.put(backup, name, MADE, nothing)
    (directory / "backups" / f"{names[1]}.json").write_bytes(b"")
    assert place.prune(ending, 3) == ([], 2)
    assert place.prune(ending, 2) == ([], 2)
    place.put(backup, names[3], MADE, nothing)
    assert place.prune(ending, 2) == ([names[1], names[0]], 2)


SPOILED = {
    "": "its manifest NAME.json is damaged. ",
    "[]": "its manifest NAME.json is damaged. ",
    '"name": "other.duckdb"': "its manifest NAME.json is damaged. ",
    '"made_at": 5': "its manifest NAME.json is damaged. ",
    '"notifications": "x"': "its manifest NAME.json is damaged. ",
    '"format": "1"': "its manifest NAME.json is damaged. ",
    '"format": 0': "its manifest NAME.json is damaged. ",
    '"bytes": 1': "it has SIZE bytes, and its manifest says 1.",
}


@pytest.mark.parametrize("spoiled", take_few(SPOILED, 2))
def test_a_manifest_that_can_not_be_used_is_named_and_an_older_backup_fetched(backup, tmp_path, directory, spoiled):
    place, passed_over = Place(str(directory)), []
    older, name = name_backups(backup, (1, 2))
    for each in (older, name):
        place.put(backup, each, MADE, nothing)
    manifest = directory / "backups" / f"{name}.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(fields | json.loads(f"{{{spoiled}}}")) if ":" in spoiled else spoiled)
    with fetched_newest(place, tmp_path, lambda _manifest: nothing, passed_over.append) as fetched:
        assert fetched.name == older
    why = SPOILED[spoiled].replace("NAME", name).replace("SIZE", f"{backup.stat().st_size:,}")
    (sentence,) = passed_over
    assert sentence.startswith(f"The backup {name} is passed over: {why}")


def test_the_newest_backup_of_a_newer_program_ends_a_restore_as_a_newer_database_does(backup, tmp_path, directory):
    place = Place(str(directory))
    older, name = name_backups(backup, (1, 2))
    for each in (older, name):
        place.put(backup, each, MADE, nothing)
    manifest = directory / "backups" / f"{name}.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    with (
        pytest.raises(NewerStoreError, match=f"{name} can't be used: a newer program wrote its manifest"),
        fetched_newest(place, tmp_path, lambda _manifest: nothing, print),
    ):
        pass


def test_an_old_backup_that_is_gone_was_deleted_though_its_folder_may_not_be_marked(backup, directory):
    place = Place(str(directory))
    names = name_backups(backup, (1, 2))
    for name in names:
        place.put(backup, name, MADE, nothing)
    place._storage._opened = Failing(place._storage.files, after=["delete_file"])
    assert place.prune(make_ending(MACHINES[0]), 1) == ([names[0]], 1)
    assert [manifest.name for manifest in place.list_whole()] == [names[1]]


def test_a_backup_that_a_wrong_clock_has_named_is_no_newest_and_keeps_back_none(backup, directory):
    place, one = Place(str(directory)), MACHINES[0]
    future, *names = [
        name_in_storage(backup.with_name(f"clc-{day}T000000000000Z.duckdb"), "host", one)
        for day in (20990301, 20260301, 20260302)
    ]
    for name in (future, *names):
        place.put(backup, name, MADE, nothing)
    assert [manifest.name for manifest in place.list_whole()] == [names[1], names[0], future]
    assert place.prune(make_ending(one), 1, names[0]) == ([future, names[1]], 1)


@pytest.mark.parametrize(
    "url", take_few(["s3://key:hidden@bucket/prefix", "s3://bucket?secret_key=hidden", "hidden/directory"], 1)
)
def test_a_place_that_is_none_or_holds_credentials_is_refused_and_not_shown(tmp_path, url):
    done = run_command(tmp_path, "status", CLC_OBJECTS=url)
    assert (done.returncode, "CLC_OBJECTS" in done.stderr, "hidden" in done.stderr) == (2, True, False)
