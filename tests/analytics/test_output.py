"""A command's file is new, its user's alone, and where its user said."""

import errno
import os
import stat
from pathlib import Path

import pytest

from analytics.commands.output import open_output
from analytics.errors import OutputError


def write(path, **options):
    with open_output(path, **options) as out:
        out.write(b"rows")


def test_a_file_is_its_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        write(tmp_path / "a.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_file_that_exists_is_replaced_only_if_that_was_said(tmp_path):
    (tmp_path / "a.csv").write_text("before")
    with pytest.raises(OutputError, match=r"exists: .*--overwrite"):
        write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "before"
    write(tmp_path / "a.csv", overwrite=True)
    assert (tmp_path / "a.csv").read_text() == "rows"


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("target", ["precious", "nothing", "/dev/null"])
def test_a_link_is_refused(tmp_path, target, overwrite):
    (tmp_path / "precious").write_text("before")
    (tmp_path / "a.csv").symlink_to(target)
    with pytest.raises(OutputError, match="symbolic link"):
        write(tmp_path / "a.csv", overwrite=overwrite)
    assert (tmp_path / "precious").read_text() == "before"
    assert not (tmp_path / "nothing").exists()


def test_a_file_that_comes_while_rows_are_written_is_left_alone(tmp_path):
    with pytest.raises(OutputError, match="exists"), open_output(tmp_path / "a.csv") as out:  # noqa: PT012
        out.write(b"rows")
        (tmp_path / "a.csv").write_text("somebody else's")
    assert (tmp_path / "a.csv").read_text() == "somebody else's"
    assert len([*tmp_path.iterdir()]) == 1


def test_where_files_have_one_name_alone_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"rows"
    with pytest.raises(OutputError, match="exists"), open_output(tmp_path / "b.csv"):
        (tmp_path / "b.csv").write_text("meanwhile")
    assert (tmp_path / "b.csv").read_text() == "meanwhile"


def test_where_it_ends_by_an_error_there_is_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), open_output(tmp_path / "a.csv"):
        raise ZeroDivisionError
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_pipe_or_device_is_refused(tmp_path, overwrite):
    os.mkfifo(tmp_path / "a.csv")
    for target in (tmp_path / "a.csv", Path("/dev/null")):
        with pytest.raises(OutputError, match="is a pipe or device: name a file, or send standard output there"):
            write(target, overwrite=overwrite)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(OutputError, match="directory"):
        write(tmp_path, overwrite=True)
