"""Small files count when they are on disk, and a damaged one is named, kept aside and made anew."""

import errno
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from receiver.data_directory.access import control_token, read_query_token
from receiver.data_directory.incidents import read_incidents, report, settle_missing
from receiver.database.faults import read_suspicion
from receiver.errors import StoreError
from receiver.keeping.care import gather, judge
from receiver.settings import read_settings
from receiver.store.recovery import open_store
from receiver.supervision.begin import check_small_files
from tests.durability.support.commands import run_command
from tests.durability.support.stores import USER, accepted, append, spool
from tests.support.keys import signed
from tests.support.processes import PreparedReceiver, Sender, environment, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until

DAMAGES = {"empty": b"", "zeros": bytes(500), "garbage": b'\xff\x00{"half": [1, ' * 40}
NAMES = [
    "query.token",
    "recovery.json",
    "appended.json",
    "accounts.sqlite",
    "serve.json",
    "control.token",
    "backup.json",
    "stumbled.json",
]


def opened(directory):
    """Do to a data directory what a start of `serve` does before it takes notifications."""
    settings = read_settings(env_file=None, data_dir=directory)
    check_small_files(settings)
    open_store(settings).close()
    return settings


@pytest.mark.parametrize("name", take_few(NAMES, 5))
@pytest.mark.parametrize("damage", list(DAMAGES)[: size(1, 3)])
def test_a_damaged_small_file_is_named_and_kept_aside_and_the_store_opens(tmp_path, name, damage):
    opened(tmp_path)
    (tmp_path / name).write_bytes(DAMAGES[damage])
    settings = opened(tmp_path)
    if name == "recovery.json":
        assert [each.missing is not None for each in read_incidents(tmp_path)] == [True]
        report(tmp_path, "Something else.")
        assert [each.what.split()[0] for each in read_incidents(tmp_path)] == ["recovery.json", "Something"]
    else:
        (incident,) = read_incidents(tmp_path)
        assert incident.what.startswith(name)
    (kept,) = (tmp_path / "aside").glob(f"*/{name}")
    assert kept.read_bytes() == DAMAGES[damage]
    assert judge(gather(settings, None)).state == "red"  # nothing serves, but it is told
    before = read_incidents(tmp_path)
    opened(tmp_path)
    assert read_incidents(tmp_path) == before


@pytest.mark.parametrize("name", take_few(["appended.json", "suspect"], 1))
def test_a_small_file_that_can_not_be_used_keeps_the_store_from_opening_in_a_sentence_and_moves_nothing(tmp_path, name):
    settings = opened(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=rf"{name} can't be read or written \(Is a directory\), and the store"):
        open_store(settings)
    assert not (tmp_path / "aside").exists()


def test_a_read_of_the_incidents_that_fails_once_moves_no_file_aside_and_loses_no_incident(tmp_path, monkeypatch):
    report(tmp_path, "Earlier.")
    failures, read_text = [OSError(errno.EIO, os.strerror(errno.EIO))], Path.read_text

    def fail_once(path, *arguments):
        if failures and path.name == "recovery.json":
            raise failures.pop()
        return read_text(path, *arguments)

    monkeypatch.setattr(Path, "read_text", fail_once)
    report(tmp_path, "Later.")
    assert not failures
    assert [each.what for each in read_incidents(tmp_path)] == ["Earlier.", "Later."]
    assert not (tmp_path / "aside").exists()


def test_older_programs_read_the_incidents_that_count_nothing(tmp_path):
    report(tmp_path, "It was damaged.", missing="About 3 notifications with seq 1 to 3.")
    (kept,) = json.loads((tmp_path / "recovery.json").read_text())
    assert kept.keys() == {"at", "what", "moved_to", "missing"}


def test_a_number_in_an_incident_of_an_older_program_is_read_out_of_its_sentence(tmp_path):
    missing = "1,203 of its notifications, received from then to now, are neither in the backup nor in the spool."
    incident = report(tmp_path, "The database was replaced by a backup.", missing=missing)
    assert read_incidents(tmp_path) == [incident._replace(left_out=1203)]


@pytest.mark.parametrize("token", [read_query_token, control_token])
def test_a_token_that_a_power_cut_left_empty_is_made_anew_and_stays(tmp_path, token):
    settings = read_settings(env_file=None, data_dir=tmp_path)
    first = token(settings)
    assert token(settings) == first
    (file,) = tmp_path.glob("*.token")
    file.write_bytes(b"")
    second = token(settings)
    assert len(second) > 30
    assert second != first
    assert token(settings) == second


@pytest.mark.parametrize("content", [*DAMAGES.values(), b"it can't be read"])
def test_a_sign_of_damage_counts_though_its_text_is_lost(tmp_path, content):
    (tmp_path / "suspect").write_bytes(content)
    assert read_suspicion(tmp_path)


@pytest.mark.parametrize("damage", take_few(DAMAGES, 1))
def test_a_missing_database_is_missed_though_the_note_of_it_is_damaged(tmp_path, damage):
    spool(tmp_path, [accepted(number) for number in range(3)])
    append(tmp_path)
    (tmp_path / "clc.duckdb").unlink()
    (tmp_path / "appended.json").write_bytes(DAMAGES[damage])
    opened(tmp_path)
    assert any(each.missing for each in read_incidents(tmp_path))


@pytest.mark.full
def test_serve_starts_and_takes_notifications_where_every_small_file_is_damaged(tmp_path):
    opened(tmp_path)
    for name in NAMES:
        (tmp_path / name).write_bytes(DAMAGES["zeros"])
    with running(PreparedReceiver, tmp_path, CLC_ACCOUNTS="ACME") as receiver:
        body = USER % 1
        assert receiver.sender.post("/webhooks/User.Updated", body).status == 200
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 1)
        status = json.loads(run_command(tmp_path, "status", "--json").stdout)
    told = " ".join(each["what"] for each in status["recoveries"])
    assert [name for name in NAMES if name not in told] == []
    assert status["state"] == "red"


def test_learned_accounts_that_can_be_read_are_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as file:
        file.execute("CREATE TABLE learned_accounts (alias TEXT PRIMARY KEY) STRICT")
        file.execute("INSERT INTO learned_accounts VALUES ('KID1')")
        file.commit()
    before = (tmp_path / "accounts.sqlite").read_bytes()
    opened(tmp_path)
    assert (tmp_path / "accounts.sqlite").read_bytes() == before
    assert read_incidents(tmp_path) == []


def calls_of(trace: str) -> list[str]:
    """Read the calls of a trace in the order in which they ended."""
    begun, calls = {}, []
    for line in trace.splitlines():
        pid, _, text = line.partition(" ")
        if "<unfinished ...>" in text:
            begun[pid] = text.partition("<unfinished")[0]
        elif resumed := re.match(r" *<\.\.\. \w+ resumed>(.*)", text):
            text = begun.pop(pid, "") + resumed[1]
            calls.append(text.strip())
        else:
            calls.append(text.strip())
    return calls


def test_tokens_and_directories_are_synced_before_the_first_answer(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace, data_dir = tmp_path / "trace", tmp_path / "new" / "data"
    wanted = "trace=openat,mkdir,link,rename,fsync,fdatasync,sendto,execve"
    command = ["strace", "-f", "-q", "-y", "-s", "40", "-e", wanted, "-o", str(trace)]
    serve = [sys.executable, "-m", "receiver", "serve"]
    process = subprocess.Popen(
        [*command, *serve], env=environment(data_dir), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = iter(process.stderr.readline, "")
        url = next(found[1] for line in lines if (found := re.search(r"(http://\S+)/webhooks/EVENT", line)))
        next(line for line in lines if "the listener takes notifications" in line)
        body = USER % 1
        assert Sender(url).post("/webhooks/User.Updated", body, signed(body)).status == 200
    finally:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        process.stderr.close()
        process.wait(60)
    calls = calls_of(trace.read_text())
    answer = next(number for number, call in enumerate(calls) if call.startswith("sendto(") and "200 OK" in call)
    before = calls[:answer]
    for name in ("query.token", "control.token"):
        made = next(n for n, call in enumerate(before) if call.startswith("link(") and call.count(name) == 2)
        unfinished = re.search(r'link\("([^"]+)"', before[made])[1]
        assert any(call.startswith("fsync(") and f"<{unfinished}>" in call for call in before[:made]), name
        assert any(call.startswith("fsync(") and f"<{data_dir}>" in call for call in before[made:]), name
    for directory in (data_dir, data_dir / "spool"):
        made = next(n for n, call in enumerate(before) if call.startswith(f'mkdir("{directory}"'))
        assert any(call.startswith("fsync(") and f"<{directory.parent}>" in call for call in before[made:]), directory


def test_incidents_about_the_same_become_one_that_keeps_when_it_was_noticed_and_all_places(tmp_path):
    about = "Segment a.sqlite: "
    other = report(tmp_path, "Segment b.sqlite: it can't be read.", about="Segment b.sqlite: ")
    first = report(tmp_path, f"{about}its WAL is damaged.", moved_to=tmp_path / "aside" / "1", about=about)
    report(tmp_path, f"{about}2 rows are lost.", moved_to=tmp_path / "aside" / "2", missing="2 rows", about=about)
    kept = f"{about}2 rows are lost. The rest of it is kept in {tmp_path / 'aside' / '2'}."
    merged = first._replace(what=kept, missing="2 rows")
    assert read_incidents(tmp_path) == [other, merged]
    settle_missing(tmp_path, [merged], "Nobody needs them.")
    report(tmp_path, f"{about}2 rows are lost.", missing="2 rows", about=about)
    accepted = merged._replace(what=f"{kept} It left out: 2 rows Nobody needs them.", missing=None)
    assert read_incidents(tmp_path) == [other, accepted]
    report(tmp_path, f"{about}3 rows are lost.", missing="3 rows", about=about)
    assert [each.missing for each in read_incidents(tmp_path)] == [None, "3 rows"]
