"""A scrub: bytes of the database that changed by themselves are named, with the backup that still has the rows."""

import json
import os
import shutil
from contextlib import closing

import duckdb
import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.data_directory import access
from receiver.database.reading import FileReader
from receiver.keeping import scrub_loop
from receiver.keeping.scrub import find_rows, scrub
from receiver.keeping.scrub_loop import FILE, ScrubLoop, read_scrub_note
from receiver.settings import Settings
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, append, spool
from tests.support.database import open_database
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until

HEADERS, BLOCK = 3 * 4096, 262_144


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of some blocks, whose spool is gone, and a backup of it."""
    data_dir = tmp_path_factory.mktemp("whole")
    fillers = [os.urandom(40_000).hex().encode() for _ in range(size(20, 40))]
    spool(
        data_dir,
        [accepted(n, body=b'{"userName":"kim","filler":"' + filler + b'"}') for n, filler in enumerate(fillers)],
    )
    append(data_dir)
    shutil.rmtree(data_dir / "spool")
    (data_dir / "backups").mkdir()
    shutil.copyfile(data_dir / "clc.duckdb", data_dir / "backups" / "clc-20260101T000000000000Z.duckdb")
    return data_dir


@pytest.fixture
def data_dir(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "data")


def blocks_of_bodies(data_dir):
    """The numbers of the blocks that hold bodies and nothing else."""
    query = "SELECT column_name, list_prepend(block_id, additional_block_ids) FROM pragma_storage_info('notifications')"
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        segments = database.execute(f"{query} WHERE persistent").fetchall()
    of_others = {block for column, blocks in segments if column != "payload" for block in blocks}
    return sorted({block for column, blocks in segments if column == "payload" for block in blocks} - of_others)


def flip(file, block, offset=100_000):
    """Change one bit, as a disk does that grows old."""
    with file.open("r+b") as opened:
        opened.seek(HEADERS + block * BLOCK + offset)
        (byte,) = opened.read(1)
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 1]))


def scrubbed(data_dir):
    reader = FileReader(data_dir / "clc.duckdb")
    try:
        return scrub(reader, data_dir / "clc.duckdb")
    finally:
        reader.close()


def test_a_whole_database_has_no_damage(data_dir):
    assert scrubbed(data_dir) == []


def test_every_block_in_use_is_looked_at(data_dir):
    """Blocks with bodies are damaged in turn, all of them in full size; each time exactly that is found."""
    assert len(blocks_of_bodies(data_dir)) > 3
    for block in take_few(blocks_of_bodies(data_dir), 2):
        flip(data_dir / "clc.duckdb", block)
        (damaged,) = scrubbed(data_dir)
        assert (damaged.blocks, damaged.table, damaged.by_seq) == ([block], "notifications", True)
        assert damaged.columns == ["payload"]
        flip(data_dir / "clc.duckdb", block)


def test_another_user_than_that_of_serve_saves_no_result_that_it_could_not_read(data_dir, monkeypatch):
    (data_dir / "serve.lock").touch()
    monkeypatch.setattr(access, "_read_owner_of_new", lambda _directory: 4_321)
    monkeypatch.setattr(access, "_ROOT", None)  # that the tests may be
    done = CliRunner().invoke(main, ["verify", "--scrub", "--data-dir", str(data_dir)])
    assert f"`status` does not show it. `clc-receiver serve` uses {data_dir} as the user {os.getuid()}" in done.output
    assert not (data_dir / FILE).exists()


def test_what_is_damaged_is_named_with_the_backup_that_holds_it_also_where_that_can_not_be_noted(data_dir):
    block = blocks_of_bodies(data_dir)[0]
    flip(data_dir / "clc.duckdb", block)
    (data_dir / FILE).mkdir()  # as on a full disk, the note can't be written
    done = run_command(data_dir, "verify", "--scrub")
    assert done.returncode == 1
    assert "The result can't be saved (Is a directory), so `status` does not show it." in done.stderr
    assert "Nothing else was checked" in done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("damaged: "))
    assert line.startswith(f"damaged: Block {block} of the database: notifications, seq 1 to ")
    assert line.endswith("The backup clc-20260101T000000000000Z.duckdb holds them.")


@pytest.mark.full
def test_a_backup_that_is_damaged_too_or_older_holds_nothing(data_dir):
    block = blocks_of_bodies(data_dir)[-1]
    flip(data_dir / "clc.duckdb", block)
    flip(data_dir / "backups" / "clc-20260101T000000000000Z.duckdb", block)
    (damaged,) = scrubbed(data_dir)
    assert damaged.backup is None
    assert "No backup holds them all." in str(damaged)


@pytest.mark.full
def test_a_backup_that_is_not_readable_now_is_named_as_such(data_dir):
    flip(data_dir / "clc.duckdb", blocks_of_bodies(data_dir)[-1])
    backup = data_dir / "backups" / "clc-20260101T000000000000Z.duckdb"
    with duckdb.connect(str(backup)):  # somebody works with it
        (damaged,) = scrubbed(data_dir)
    assert str(damaged).endswith(f"No backup that can be read holds them all; {backup.name} could not be read.")
    (damaged,) = scrubbed(data_dir)
    assert str(damaged).endswith(f"The backup {backup.name} holds them.")


def test_where_the_backups_can_not_be_listed_the_damage_is_named_and_that_is_said(data_dir):
    (data_dir / "backups").rename(data_dir / "elsewhere")
    (data_dir / "backups").symlink_to(data_dir / "backups")
    blocks = blocks_of_bodies(data_dir)[-1:]
    with closing(FileReader(data_dir / "clc.duckdb")) as reader:
        (damaged,) = find_rows(reader, blocks, data_dir)
    assert str(damaged).endswith("that can be read holds them all; the directory backups could not be read.")


def test_a_block_that_is_not_in_use_is_no_damage(data_dir):
    """What a checkpoint left behind, or is writing at the moment."""
    file = data_dir / "clc.duckdb"
    with file.open("ab") as opened:
        opened.write(b"\1" * BLOCK)
    assert scrubbed(data_dir) == []


@pytest.fixture
def arranged(tmp_path):
    """A store after rows were put side by side: all rows of its first row group are deleted, as are all changes."""
    database = tmp_path / "clc.duckdb"
    with duckdb.connect(str(database), config={"max_vacuum_tasks": 0, "checkpoint_threshold": "1TB"}) as connection:
        for statement in (
            "CREATE TABLE notifications AS SELECT seq, md5(seq::VARCHAR) AS payload FROM range(250_000) rows(seq)",
            "CREATE TABLE changes AS FROM notifications",
            "CHECKPOINT",
            "BEGIN",
            "INSERT INTO notifications FROM notifications WHERE seq < 122_880",
            "DELETE FROM notifications WHERE rowid < 122_880",
            "DELETE FROM changes WHERE rowid < 122_880",
            "COMMIT",
            "CHECKPOINT",
        ):
            connection.execute(statement).fetchall()
    return database


def blocks_of_row_group(database, table, number):
    query = f"SELECT row_group_id, block_id FROM pragma_storage_info('{table}') WHERE persistent AND block_id >= 0"
    with duckdb.connect(str(database), read_only=True) as connection:
        segments = connection.execute(query).fetchall()
    of_others = {block for row_group, block in segments if row_group != number}
    return sorted({block for row_group, block in segments if row_group == number} - of_others)


@pytest.mark.full
def test_damage_of_deleted_rows_is_none_and_hides_none_of_other_rows(arranged):
    flip(arranged, blocks_of_row_group(arranged, "notifications", 0)[0])
    flip(arranged, blocks_of_row_group(arranged, "changes", 0)[0])
    assert scrubbed(arranged.parent) == []
    block = blocks_of_row_group(arranged, "notifications", 1)[0]
    flip(arranged, block)
    (damaged,) = scrubbed(arranged.parent)
    assert (damaged.blocks, damaged.first) == ([block], 122_880)
    assert str(damaged).startswith(f"Block {block} of the database: notifications, seq 122,880 to ")


@pytest.mark.full
def test_damage_is_red_until_a_scrub_finds_none(data_dir):
    block = blocks_of_bodies(data_dir)[0]
    flip(data_dir / "clc.duckdb", block)
    assert run_command(data_dir, "verify", "--scrub").returncode == 1
    with running(PreparedReceiver, data_dir):
        figure = scrub_figure(data_dir)
        assert figure["state"] == "red"
        assert "DAMAGED" in figure["text"]
        flip(data_dir / "clc.duckdb", block)
        assert run_command(data_dir, "verify", "--scrub").returncode == 0
        assert scrub_figure(data_dir)["state"] == "ok"


def scrub_figure(data_dir):
    figures = json.loads(run_command(data_dir, "status", "--json").stdout)["figures"]
    return next(figure for figure in figures if figure["name"] == "scrubbed_at")


@pytest.mark.full
def test_the_blocks_that_a_truncated_file_lacks_are_damaged(data_dir):
    """A store that has it open goes on with what lies in its memory, until a restart finds no database."""
    lacking = blocks_of_bodies(data_dir)[-1]
    with open_database(data_dir / "clc.duckdb") as connection:
        os.truncate(data_dir / "clc.duckdb", HEADERS + lacking * BLOCK)
        loop = ScrubLoop(Settings(data_dir=data_dir), connection)
        assert loop.scrub_if_due()
    told = [damage for damage in read_scrub_note(data_dir).damages if f" {lacking}" in damage]
    assert any("notifications" in damage and "can't be relied on" in damage for damage in told)


@pytest.mark.full
def test_a_running_store_scrubs_its_own_file_and_keeps_its_lock(data_dir):
    flip(data_dir / "clc.duckdb", blocks_of_bodies(data_dir)[0])
    connection = open_database(data_dir / "clc.duckdb")
    loop = ScrubLoop(Settings(data_dir=data_dir), connection)
    assert loop.scrub_if_due()
    assert len(read_scrub_note(data_dir).damages) == 1
    assert not loop.scrub_if_due()  # once a week
    note = json.loads((data_dir / FILE).read_text())
    (data_dir / FILE).write_text(json.dumps({**note, "at": "2099-01-01T00:00:00+00:00"}))  # by a wrong clock
    assert loop.scrub_if_due()
    assert "Could not set lock" in run_command(data_dir, "verify").stderr
    connection.close()


def test_a_scrub_that_fails_by_an_error_of_the_program_is_told_and_tried_again(data_dir, monkeypatch, caplog):
    def fail(*_, **__):
        raise TypeError("unsupported format string")

    monkeypatch.setattr(scrub_loop, "_LOOK_SECONDS", 0.01)
    with monkeypatch.context() as failing, open_database(data_dir / "clc.duckdb") as connection:
        failing.setattr(scrub_loop, "scrub", fail)
        loop = ScrubLoop(Settings(data_dir=data_dir), connection)
        loop.start()
        until(lambda: (note := read_scrub_note(data_dir)) and note.failure, what="the failure to be noted")
        assert read_scrub_note(data_dir) == (None, [], "TypeError")
        assert scrub_figure(data_dir)["state"] == "amber"
        assert "not yet; FAILED since, tried again: TypeError" in scrub_figure(data_dir)["text"]
        failing.undo()
        until(lambda: read_scrub_note(data_dir).at, what="a scrub")
        loop.stop()
    assert read_scrub_note(data_dir).failure is None
    assert "Traceback" in caplog.text
