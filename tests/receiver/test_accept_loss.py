"""A loss is accepted as it was shown, in a data directory, and nothing is noted where that can't be written."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import click
import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.data_directory import incidents
from receiver.data_directory.incidents import FILE, make_incident, read_incidents, record

MISSING = "the rows of a segment"


@pytest.fixture
def data_dir(tmp_path):
    """A data directory with an incident."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "serve.lock").touch()
    record(tmp_path / "data", make_incident("A segment was damaged.", missing=MISSING))
    return tmp_path / "data"


def accept(data_dir, *options):
    done = CliRunner().invoke(main, ["accept-loss", "--data-dir", str(data_dir), *options])
    return done.exit_code, done.stderr


def missing(data_dir):
    return [each.missing for each in read_incidents(data_dir)]


def test_a_directory_that_no_serve_has_used_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        code, said = accept(path)
        sentence = f"{path} is no data directory: set CLC_DATA_DIR to the directory that `serve` uses."
        assert (code, said) == (1, f"Error: {sentence}\n")


def test_a_directory_that_can_not_be_written_is_told_in_a_sentence(data_dir, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(incidents, "write_whole", fail)
    code, said = accept(data_dir, "--yes")
    assert code == 1
    assert said.startswith(f"Error: {data_dir / FILE} can't be written (No space left on device), so the loss can't be")
    assert missing(data_dir) == [MISSING]


def test_where_nobody_answers_the_sentence_names_the_option_that_asks_nothing(data_dir):
    code, said = accept(data_dir)
    assert code == 1
    assert said.endswith("Error: Standard input has no answer, so nothing is accepted: give --yes.\n")
    assert missing(data_dir) == [MISSING]


def test_an_incident_with_the_same_text_that_comes_after_the_question_is_not_accepted(data_dir, monkeypatch):
    def answer(*_, **__):
        record(data_dir, make_incident("Another segment was damaged.", missing=MISSING))
        return True

    monkeypatch.setattr(click, "confirm", answer)
    assert "More is missing since you were asked: run this again." in accept(data_dir)[1]
    assert missing(data_dir) == [None, MISSING]
    assert accept(data_dir, "--yes") == (0, "It is accepted. `status` keeps it among the recoveries.\n")
    assert missing(data_dir) == [None, None]


def test_the_loss_of_a_damaged_file_of_incidents_is_accepted_at_once(data_dir):
    (data_dir / FILE).write_text("{")
    assert accept(data_dir, "--yes")[0] == 0
    (incident,) = read_incidents(data_dir)
    assert "This loss was accepted at" in incident.what
    assert incident.moved_to


def test_incidents_of_several_processes_are_all_kept(data_dir):
    new = [make_incident(f"Segment {number} was damaged.") for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(partial(record, data_dir), new))
    assert {each.what for each in new} < {each.what for each in read_incidents(data_dir)}
