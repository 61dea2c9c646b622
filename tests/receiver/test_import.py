"""`clc-receiver import`: an archive goes through the same decisions as what is posted."""

import gzip
import hmac
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from receiver.data_directory import access
from receiver.errors import ArchiveError
from receiver.importer import ArchiveLineError, import_archive, open_archive, parse_line
from receiver.spool import SpoolReader, SpoolWriter
from tests.durability.support.commands import run_command
from tests.durability.support.faults import mounted
from tests.support.keys import signed
from tests.support.processes import environment
from tests.support.rows import notification
from tests.support.sizes import take_few

BODY = '{"accountAlias":"ACME","userName":"zoë@acme.example","n":0.0}'


def line(**changed):
    fields = {
        "received_at": "2019-05-06T07:08:09.123456Z",
        "event": "User.Updated",
        "source_ip": "198.51.100.7",
        "headers": signed(BODY.encode()),
        "body": BODY,
    }
    return json.dumps(fields | changed)


def run_import(tmp_path, text, *options, **settings):
    (tmp_path / "old.jsonl").write_text(text, encoding="utf-8")
    return run_command(tmp_path, "import", "old.jsonl", *options, **settings)


def spooled(tmp_path, kind="notifications"):
    segments = SpoolReader(tmp_path / "spool").list_segments()
    return [row.row for segment in segments for row in segment.read(kind, 0, 10_000)]


def test_an_import_goes_on_beside_a_serve_that_makes_a_checkpoint(tmp_path):
    with access.take(tmp_path) as lock:
        access.announce(lock, access.Running(os.getpid(), "127.0.0.1:8080", "127.0.0.1:8081"))
        (tmp_path / "clc.duckdb.undo").touch()
        done = run_import(tmp_path, line() + "\n")
    assert (done.returncode, len(spooled(tmp_path))) == (0, 1), done.stderr
    assert (tmp_path / "clc.duckdb.undo").exists()


def test_a_line_keeps_its_time_bytes_and_verdict(tmp_path):
    done = run_import(tmp_path, line() + "\n")
    assert done.returncode == 0, done.stderr
    (row,) = spooled(tmp_path)
    assert row.received_at == datetime(2019, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    assert row.id.int >> 80 == 1557126489123
    assert row.payload == BODY.encode()
    assert (row.event_type, row.entity_id, row.source_ip) == ("User.Updated", "ZOË@ACME.EXAMPLE", "198.51.100.7")
    assert row.signature_status == "valid"
    assert (
        "1 notification imported. `clc-receiver serve` is not running here; it writes imports to the database"
        in done.stderr
    )


@pytest.mark.full
def test_the_signature_header_is_found_in_any_case_and_offsets_are_honoured(tmp_path):
    headers = {"tier3-rsasha1": signed(BODY.encode())["Tier3-RsaSha1"]}
    run_import(tmp_path, line(headers=headers, received_at="2019-05-06T09:08:09+02:00"))
    assert spooled(tmp_path)[0].received_at == datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_malformed_lines_are_named_and_the_others_go_in(tmp_path):
    text = "\n".join([line(), "{", line(event="Server.Rebooted"), "", line(received_at="yesterday"), line()])
    done = run_import(tmp_path, text)
    assert done.returncode == 1
    assert "old.jsonl, line 2: it is not JSON" in done.stderr
    assert "old.jsonl, line 3: event 'Server.Rebooted' is none of the ten." in done.stderr
    assert "old.jsonl, line 5: received_at 'yesterday' is no ISO 8601 time." in done.stderr
    assert "2 notifications imported. 3 left out (malformed)." in done.stderr
    assert len(spooled(tmp_path)) == 2


@pytest.mark.full
def test_of_lines_that_are_left_out_ten_are_named_and_all_are_counted(tmp_path):
    text = "\n".join(["{"] * 5_000 + [line()])
    done = run_import(tmp_path, text)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) < 20
    assert "old.jsonl, line 10: it is not JSON" in done.stderr
    assert "\nmalformed: 4,990 more lines; --all names them.\n" in done.stderr
    assert "1 notification imported. 5,000 left out (malformed)." in done.stderr
    assert "old.jsonl, line 5000: it is not JSON" in run_import(tmp_path, text, "--all").stderr


@pytest.mark.parametrize(
    ("content", "said"),
    take_few(
        [
            (
                gzip.compress(b"{}", mtime=0),
                "old.jsonl is compressed with gzip: unpack it, for example `gzip -dc FILE | clc-rec",
            ),
            (bytes(8) + b"DUCK" + b"\xff\n" * 100, "old.jsonl is a DuckDB database: `clc-receiver restore` puts"),
            (b"PAR1" + b"\xff\n" * 100, "old.jsonl is a Parquet file: `clc-analytics export -o FILE.jsonl` writes"),
        ],
        1,
    ),
)
def test_a_file_that_is_no_archive_is_told_at_once_and_what_to_do_with_it(tmp_path, content, said):
    (tmp_path / "old.jsonl").write_bytes(content)
    done = run_command(tmp_path / "data", "import", str(tmp_path / "old.jsonl"))
    (told,) = done.stderr.splitlines()
    assert (done.returncode, said in told) == (1, True)
    assert not (tmp_path / "data" / "spool").exists()


@pytest.mark.full
def test_a_byte_order_mark_belongs_to_no_line(tmp_path):
    done = run_import(tmp_path, f"\ufeff{line()}\n{line()}\n")
    assert "2 notifications imported." in done.stderr


def test_an_archive_comes_from_standard_input_too(tmp_path):
    command = [sys.executable, "-m", "receiver", "import", "-"]
    text = f"\ufeff{line()}\n{{\n".encode()
    done = subprocess.run(
        command, input=text, env=environment(tmp_path), cwd=tmp_path, capture_output=True, check=False
    )
    said = done.stderr.decode()
    assert "standard input, line 2: it is not JSON" in said
    assert "1 notification imported. 1 left out (malformed)." in said
    assert (done.returncode, len(spooled(tmp_path))) == (1, 1)


def test_a_standard_input_that_is_closed_is_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as Python leaves it after `<&-`
    with (
        pytest.raises(ArchiveError, match=r"^Standard input is closed: name a file, or redirect one to it\.$"),
        open_archive(Path("-")),
    ):
        pass


def test_bodies_larger_than_the_listener_takes_are_named_counted_and_left_out(tmp_path):
    large = '{"k":"' + "x" * 1016 + '"}'
    endless = "x" * 2_000_000
    lines = [line(), line(body=large + " ", headers={}), line(body=endless, headers={}), line(body=large, headers={})]
    done = run_import(tmp_path, "\n".join(lines), CLC_MAX_BODY_BYTES="1024", CLC_SIGNATURES="record")
    assert done.returncode == 1
    for number in (2, 3):
        assert f"old.jsonl, line {number}: its body is larger than 1024 bytes (CLC_MAX_BODY_BYTES)." in done.stderr
    assert "2 notifications imported. 2 left out (too_large)." in done.stderr
    assert [len(row.payload) for row in spooled(tmp_path)] == [len(BODY.encode()), 1024]


@pytest.mark.full
def test_unsigned_lines_follow_the_setting_and_the_option_overrides(tmp_path):
    refused = run_import(tmp_path, line(headers={}))
    assert refused.returncode == 1
    assert "\n1 was refused (signature_missing); `--signatures record` takes unsigned ones. They are" in refused.stderr
    (row,) = spooled(tmp_path, "rejected")
    assert (row.reason, row.path, row.body) == ("signature_missing", "/webhooks/User.Updated", BODY.encode())
    assert row.received_at.year == 2019
    run_import(tmp_path, line(headers={}), "--signatures", "record")
    assert [row.signature_status for row in spooled(tmp_path)] == ["missing"]


@pytest.mark.full
def test_lines_that_are_all_refused_are_a_failure_that_says_what_to_look_at(tmp_path):
    headers = signed(b"{}")
    done = run_import(tmp_path, "\n".join([line(headers=headers)] * 3))
    assert done.returncode == 1
    assert (
        "All 3 were refused (signature_invalid): were they signed with CLC_PUBLIC_KEY, or a secret that is set? "
        "They are kept in `rejected`."
    ) in done.stderr
    assert "imported" not in done.stderr


def test_some_refused_lines_are_counted_by_reason_beside_those_that_went_in(tmp_path):
    wrong = [line(headers=signed(b"{}")), line(headers=signed(b"{}")), line(headers={})]
    done = run_import(tmp_path, "\n".join([line(), *wrong]))
    assert done.returncode == 0
    said = "1 notification imported. 3 were refused (2 signature_invalid, 1 signature_missing): were they signed with"
    assert said in done.stderr


@pytest.mark.full
def test_a_missing_file_and_a_wrong_key_are_one_sentence(tmp_path):
    done = run_command(tmp_path, "import", "none.jsonl")
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr
    done = run_import(tmp_path, line(), CLC_PUBLIC_KEY="/no/such/key.pem")
    assert done.returncode == 1
    assert "/no/such/key.pem" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_a_disk_that_fills_up_is_a_sentence_that_says_how_many_lines_are_in_and_how_to_go_on(tmp_path):
    body = json.dumps({"accountAlias": "ACME", "userName": "kim@acme.example", "filler": "x" * 6_000})
    archive = tmp_path / "old.jsonl"
    archive.write_text(f"{line(body=body, headers={})}\n" * 3_500)
    with mounted(tmp_path / "disk", "size=16m") as disk:
        data_dir = disk / "data"
        done = run_command(data_dir, "import", str(archive), CLC_SIGNATURES="record")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert f"The archive {archive} can't be taken in as a whole (" in done.stderr
        (number,) = re.findall(r"; its first ([0-9,]+) lines are. Put that right .is there room", done.stderr)
        kept = int(number.replace(",", ""))
        assert 0 < kept == len(spooled(data_dir)) < 3_500
        assert f"`tail -n +{kept + 1} FILE`" in done.stderr


@pytest.mark.full
def test_an_archive_of_which_nothing_fits_is_a_sentence(tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        (tmp_path / "old.jsonl").write_text(line(body=json.dumps({"filler": "x" * 1_000_000}), headers={}))
        done = run_command(disk / "data", "import", str(tmp_path / "old.jsonl"), CLC_SIGNATURES="record")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert ", and nothing of it is. Put that right (is there room for the spool?), and import it again." in done.stderr


@pytest.fixture
def default_interrupt():
    """Let Ctrl-C do here what it does in a terminal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_interrupt")
def test_an_import_that_is_stopped_says_how_many_lines_are_in_and_how_to_go_on(tmp_path):
    spool = SpoolWriter(tmp_path / "spool")

    def append_all(rows):
        signal.raise_signal(signal.SIGINT)  # what was handed over then goes in all the same
        spool.append_all(rows)

    archive = BytesIO(f"{line()}\n".encode() * 1_500)
    deciders: Any = SimpleNamespace(decide=lambda _line: notification(1))
    stopped: Any = SimpleNamespace(append_all=append_all)
    with pytest.raises(ArchiveError, match=r"its first 1,000 lines are in\. `tail -n \+1001 FILE` writes the rest"):
        import_archive(archive, "old.jsonl", deciders, stopped, print, print, max_body_bytes=1_024)
    spool.close()
    assert len(spooled(tmp_path)) == 1_000


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"body": None}, "body is missing"),
        ({"body": {}}, "body is not a string"),
        ({"headers": []}, "headers is not an object of strings"),
        ({"headers": {"a": 1}}, "headers is not an object of strings"),
        ({"source_ip": 7}, "source_ip is not a string"),
        ({"received_at": "2019-05-06T07:08:09"}, "has no offset from UTC"),
        ({"received_at": "1969-05-06T07:08:09Z"}, "lies before 1970"),
        ({"received_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "lies more than a day ahead of this"),
        ({"received_at": "9999-12-15T00:00:00Z"}, "lies more than a day ahead of this machine's clock"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "is no ISO 8601 time"),
        ({"event": "user.paused"}, "'user.paused' is none of the ten"),
    ],
)
def test_each_fault_of_a_line_has_its_sentence(changed, reason):
    with pytest.raises(ArchiveLineError, match=reason):
        parse_line(line(**changed).encode())


def test_a_line_of_another_sender_is_taken_as_if_it_was_posted_to_its_route(tmp_path):
    body = (
        '{"action":"edited","repository":{"full_name":"acme/shop","owner":{"login":"acme"}},"sender":{"login":"ann"}}'
    )
    secret = "0123456789abcdef0123456789abcdef"
    signature = hmac.new(secret.encode(), body.encode(), "sha256").hexdigest()
    headers = {"X-GitHub-Event": "repository", "X-Hub-Signature-256": f"sha256={signature}"}
    fields = {"received_at": "2026-03-02T09:15:03Z", "sender": "github", "headers": headers, "body": body}
    forged = fields | {"headers": headers | {"X-Hub-Signature-256": "sha256=" + "0" * 64}}
    lines = [json.dumps(each) + "\n" for each in (fields, forged, fields | {"sender": "nobody"})]
    done = run_import(tmp_path, "".join(lines), CLC_SECRET_GITHUB=secret)
    assert "1 notification imported. 2 were refused" in done.stderr
    (row,) = spooled(tmp_path)
    assert (row.sender, row.event_type, row.entity_id) == ("github", "repository.edited", "acme/shop")
    assert (row.signature_status, row.received_at) == ("valid", datetime(2026, 3, 2, 9, 15, 3, tzinfo=UTC))
    refused = [(row.reason, row.path) for row in spooled(tmp_path, "rejected")]
    assert refused == [("signature_invalid", "/senders/github"), ("unknown_sender", "/senders/nobody")]
