"""The newest backup is the one that was made last: all that look for it agree, whatever was copied when."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.errors import UndecidedError
from receiver.keeping import backups
from receiver.keeping.backups import list_backups, list_own_backups, name_backup, order_backups

OLDER, NEWER = "clc-20250101T000000000000Z.duckdb", "clc-20260301T000000000000Z.duckdb"


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def put(directory, name, changed_at=None):
    (directory / name).touch()
    if changed_at:
        os.utime(directory / name, (changed_at, changed_at))


def names(files):
    return [file.name for file in files]


def test_an_old_backup_that_is_copied_back_today_is_still_old(directory):
    put(directory, NEWER, changed_at=1_772_323_200)
    put(directory, OLDER)
    assert names(list_backups(directory.parent)) == [NEWER, OLDER]
    assert names(list_own_backups(directory.parent)) == [NEWER, OLDER]
    assert names(order_backups(directory.iterdir())) == [NEWER, OLDER]


def test_a_file_that_the_store_has_not_named_is_as_old_as_its_last_change_and_is_not_the_stores_own(directory):
    put(directory, OLDER)
    put(directory, NEWER)
    put(directory, "clc-by-hand.duckdb", changed_at=1_750_000_000)
    assert names(list_backups(directory.parent)) == [NEWER, "clc-by-hand.duckdb", OLDER]
    assert names(list_own_backups(directory.parent)) == [NEWER, OLDER]


def test_hidden_files_and_what_is_in_hidden_directories_are_no_backups(directory):
    (directory / ".trial-x").mkdir()
    (directory / "by hand").mkdir()
    put(directory / "by hand", OLDER)
    put(directory / ".trial-x", "new.duckdb")
    put(directory, f".{NEWER}")
    assert names(list_backups(directory.parent)) == [OLDER]


def make_unlistable(directory):
    """Put a link in its place that leads to itself: it stands for whatever keeps a directory from being listed."""
    directory.rename(directory.with_name("elsewhere"))
    directory.symlink_to(directory)


@pytest.mark.parametrize("lists", [list_backups, list_own_backups])
def test_backups_that_can_not_be_listed_are_not_none(directory, lists):
    put(directory, NEWER)
    make_unlistable(directory)
    with pytest.raises(UndecidedError, match=r"backups can't be listed \(Too many levels of symbolic links\)"):
        lists(directory.parent)
    directory.unlink()
    assert lists(directory.parent) == []
    directory.symlink_to("a disk that is not mounted")
    with pytest.raises(UndecidedError):
        lists(directory.parent)


def test_a_directory_among_the_backups_that_can_not_be_listed_may_hold_some_unless_it_is_the_systems(
    directory, monkeypatch
):
    put(directory, NEWER)
    refused, scan = ["lost+found", ".Trash-0"], os.scandir

    def refuse(path):
        if Path(path).name in refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scan(path)

    for name in ("lost+found", ".Trash-0", "by hand"):
        (directory / name).mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    assert names(list_backups(directory.parent)) == [NEWER]
    refused.append("by hand")
    with pytest.raises(UndecidedError, match="by hand can't be listed"):
        list_backups(directory.parent)
    assert names(list_own_backups(directory.parent)) == [NEWER]


def test_backups_that_a_wrong_clock_has_named_come_last_and_those_of_a_clock_that_was_right_do_not(directory):
    soon = name_backup(datetime.now(UTC) + timedelta(hours=1))  # this clock may be late
    for name in (NEWER, "clc-20980101T000000000000Z.duckdb", "clc-20990101T000000000000Z.duckdb", soon):
        put(directory, name)
    ordered = [soon, NEWER, "clc-20990101T000000000000Z.duckdb", "clc-20980101T000000000000Z.duckdb"]
    assert names(list_backups(directory.parent)) == ordered


def test_while_the_clock_is_not_set_names_alone_tell_which_backup_is_the_newest(directory, monkeypatch):
    at_a_boot = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)

    class NotSet(datetime):
        @classmethod
        def now(cls, tz=None):
            return at_a_boot.astimezone(tz) + timedelta(minutes=2)

    for name in (name_backup(at_a_boot), OLDER, NEWER):
        put(directory, name)
    ordered = [NEWER, OLDER, name_backup(at_a_boot)]
    assert names(list_backups(directory.parent)) == ordered
    monkeypatch.setattr(backups, "datetime", NotSet)
    assert names(list_backups(directory.parent)) == ordered
    assert not backups.is_clock_set()
