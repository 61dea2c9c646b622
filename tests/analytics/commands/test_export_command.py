"""`clc-analytics export`: notifications leave as they came, and an archive of them comes in again as the same."""

import base64
import csv
import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow.parquet as pq
import pytest

import analytics
from analytics.cli import run
from analytics.errors import NotAQueryError, NotRunningError
from analytics.export import archives
from analytics.export.archives import (
    ExportFilter,
    SeqRange,
    find_range,
    group_tables,
    insist,
    read_parts,
    write_archive_line,
)
from tests.support import bodies
from tests.support.dropping import drop_before
from tests.support.keys import key_directory, signed
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.readable_store import MIDDAY, Row, account, build_store, server
from tests.support.sizes import take_few
from tests.support.waiting import until

COMMAND = [sys.executable, "-m", "analytics", "export"]
ORIGINAL = UUID("01890000-0000-7000-8000-000000000002")
SIGNATURE = base64.b64encode(b"\x01" * 256).decode()
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_LISTEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path):
    rows = [
        account("ACME", "Acme", None, received_at=MIDDAY - 2 * HOUR),
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY - HOUR, actor="ann", id=ORIGINAL),
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY - HOUR, actor="ann", duplicate_of=ORIGINAL),
        Row("Server", "BRIX", "WA1BRIXDB01", {"name": "=1+1", "text": 'ë"\n'}, signature_status="missing"),
        Row("User.Updated", "BRIX", "KIM", {"userName": "kim"}, MIDDAY + timedelta(microseconds=5)),
    ]
    return str(build_store(tmp_path / "store.duckdb", rows))


@pytest.fixture
def export(store, capfdbinary):
    def ask(*arguments):
        code = run(["export", "--location", store, *arguments])
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return ask


def test_a_suffix_that_says_no_format_is_an_error_and_writes_nothing(export, tmp_path):
    code, _, err = export("-o", str(tmp_path / "march.jsom"))
    assert code == 2
    assert "Unknown output format .jsom: use one of .jsonl" in err
    assert not (tmp_path / "march.jsom").exists()
    assert export("-o", str(tmp_path / "march.jsom"), "--format", "csv")[0] == 0


def lines(data):
    return [json.loads(line) for line in data.splitlines()]


def test_a_line_is_what_an_archive_says_of_a_notification(export):
    code, out, err = export("--event", "User.Updated")
    assert code == 0
    assert err.endswith("1 notification exported\n")
    assert out == (
        b'{"received_at":"2026-03-02T12:00:00.000005Z","event":"User.Updated","source_ip":"192.0.2.1",'
        b'"headers":{"Tier3-RsaSha1":"' + SIGNATURE.encode() + b'"},"body":"{\\"userName\\":\\"kim\\"}"}\n'
    )


def test_all_are_exported_in_order_copies_and_unsigned_ones_and_those_of_unknown_events_too(export):
    told = [(line["event"], bool(line["headers"])) for line in lines(export()[1])]
    assert told == [
        ("Account.Created", True),
        ("Server.Updated", True),
        ("Server.Updated", True),
        ("Server", False),
        ("User.Updated", True),
    ]


def test_a_signature_that_was_no_base64_stays_an_invalid_one():
    row = {"received_at": MIDDAY, "event_type": None, "category": "User", "source_ip": None, "payload": "{}"}
    line = json.loads(write_archive_line(row | {"signature_status": "invalid", "signature": None}))
    assert line["headers"] == {"Tier3-RsaSha1": "(no base64, and so not kept)"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    take_few(
        [
            (["--account", "brix"], ["Server", "User.Updated"]),
            (["--account", "ACME", "--event", "account"], ["Account.Created"]),
            (["--event", "SERVER"], ["Server.Updated", "Server.Updated", "Server"]),
            (["--event", "server.updated", "--event", "User"], ["Server.Updated", "Server.Updated", "User.Updated"]),
            (["--since", "2026-03-02T11:00Z", "--until", "2026-03-02T12:00"], ["Server.Updated", "Server.Updated"]),
            (["--until", "2026-03-02T11:00Z"], ["Account.Created"]),
            (["--since", "2026-03-02T12:00:00.000005Z"], ["User.Updated"]),
            (["--account", "NONE"], []),
        ],
        3,
    ),
)
def test_only_what_is_asked_for_is_exported(export, arguments, expected):
    code, out, _ = export(*arguments)
    assert (code, [line["event"] for line in lines(out)]) == (0, expected)


def test_only_the_senders_that_are_asked_for_are_exported_and_an_unknown_one_is_said(tmp_path, capfd):
    rows = [
        account("ACME", "Acme", None),
        Row("issues.opened", "acme", "acme/web", {}, sender="github"),
        Row("note.created", "acme", "acme/web", {}, sender="gitlab"),
    ]
    store = str(build_store(tmp_path / "several.duckdb", rows))

    def ask(*names):
        options = [option for name in names for option in ("--sender", name)]
        code = run(["export", "--location", store, *options])
        return code, *capfd.readouterr()

    code, out, _ = ask("GitHub")
    assert (code, [line["event"] for line in lines(out)]) == (0, ["issues.opened"])
    assert [line["event"] for line in lines(ask("gitlab", "github")[1])] == ["issues.opened", "note.created"]
    code, _, err = ask("github", "gitlub")
    assert code == 2
    assert "Nothing is stored of a sender 'gitlub'. Stored are: centurylink, github, gitlab." in err


def test_an_export_from_before_the_store_is_complete_says_what_it_lacks(export, store):
    drop_before(Path(store), MIDDAY - HOUR / 2)
    assert "Of months before 2026-03-02 11:30:00 UTC, only the last state" in export()[2]
    assert "in the lake" not in export("--since", MIDDAY.isoformat())[2]


def test_csv_has_all_columns_exactly(export, tmp_path):
    code, out, err = export("-o", str(tmp_path / "all.csv"))
    assert (code, out) == (0, b"")
    assert err == f"Exporting to all.csv\n5 notifications exported to {tmp_path / 'all.csv'}\n"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_bytes().decode(), newline="")))
    assert [row["seq"] for row in rows] == ["1", "2", "3", "4", "5"]
    copy, unknown = rows[2], rows[3]
    assert (copy["duplicate_of"], copy["signature"]) == (str(ORIGINAL), SIGNATURE)
    assert (unknown["event_type"], unknown["received_at"]) == ("", "2026-03-02T12:00:00.000000+00:00")
    assert unknown["payload"] == '{"name":"=1+1","text":"ë\\"\\n"}'
    assert list(copy)[:4] == ["seq", "id", "received_at", "event_type"]


def test_parquet_has_all_columns_exactly(export, tmp_path, store):
    assert export("-o", str(tmp_path / "all.parquet"))[0] == 0
    rows = pq.read_table(tmp_path / "all.parquet").to_pylist()
    with analytics.connect(store) as client:
        stored = client.sql("SELECT * FROM notifications ORDER BY seq").to_pylist()
    assert [list(row) for row in rows] == [list(row) for row in stored]
    plain = ("seq", "received_at", "event_type", "signature", "payload", "occurred_at", "source_ip")
    assert [[row[name] for name in plain] for row in rows] == [[row[name] for name in plain] for row in stored]
    assert rows[2]["duplicate_of"] == str(ORIGINAL)


@pytest.mark.parametrize(
    ("name", "read"),
    take_few(
        [
            ("jsonl", lambda data: data == b""),
            ("csv", lambda data: data.startswith(b"seq,id,received_at,") and data.count(b"\n") == 1),
            ("parquet", lambda data: pq.read_table(io.BytesIO(data)).num_rows == 0),
        ],
        1,
    ),
)
def test_nothing_to_export_is_a_file_without_rows(export, tmp_path, name, read):
    target = tmp_path / "none"
    assert export("--account", "NONE", "--format", name, "-o", str(target))[0] == 0
    assert read(target.read_bytes())


def seqs(found):
    return [part.table.column("seq").to_pylist() for part in found]


def test_parts_have_no_more_rows_than_they_may(store):
    with analytics.connect(store) as client:
        assert seqs(read_parts(client, ExportFilter(), SeqRange(1, 5), most_rows=2)) == [[1, 2], [3, 4], [5]]


def test_parts_end_where_their_bodies_exceed_their_bytes_and_no_body_is_too_large_for_one(store):
    with analytics.connect(store) as client:
        found = list(read_parts(client, ExportFilter(), SeqRange(1, 5), most_bytes=200))
        assert seqs(found) == [[1, 2], [3], [4, 5]]
        assert [part.reached for part in found] == [2, 3, 5]
        assert seqs(read_parts(client, ExportFilter(), SeqRange(1, 5), most_bytes=1)) == [[1], [2], [3], [4], [5]]


def test_parts_get_wider_where_few_notifications_are_wanted(tmp_path):
    rows = [account("ACME" if place % 100 == 0 else "BRIX", "Some", None) for place in range(1, 1001)]
    with analytics.connect(str(build_store(tmp_path / "many.duckdb", rows))) as client:
        wanted = ExportFilter(accounts=["ACME"])
        extent = find_range(client, wanted)
        assert extent == SeqRange(100, 1000)
        found = list(read_parts(client, wanted, extent, most_rows=4))
    assert [seq for part in seqs(found) for seq in part] == list(range(100, 1001, 100))
    assert len(found) < 15


def test_small_parts_become_large_row_groups(store, monkeypatch):
    monkeypatch.setattr("analytics.export.archives.ROWS_OF_A_GROUP", 3)
    with analytics.connect(store) as client:
        tables = [part.table for part in read_parts(client, ExportFilter(), SeqRange(1, 5), most_rows=1)]
    assert [group.column("seq").to_pylist() for group in group_tables(tables)] == [[1, 2, 3], [4, 5]]


def test_a_receiver_that_is_away_for_a_moment_is_asked_again(monkeypatch):
    monkeypatch.setattr(archives, "PAUSE_SECONDS", 0)
    answers = iter([NotRunningError("away"), NotRunningError("away"), "rows"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert insist(ask) == "rows"


@pytest.mark.parametrize(("error", "patience"), [(NotRunningError, -1), (NotAQueryError, 60)])
def test_a_receiver_that_stays_away_and_a_question_that_is_wrong_are_given_up(error, patience):
    def ask():
        raise error("no")

    with pytest.raises(error):
        insist(ask, patience)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--since", "soon"], 2, "'soon' is not a valid time"),
        (["--since", "1h", "--until", "2h"], 2, "1h is not before --until: give an earlier --since."),
        (["--event", "Server.Rebooted"], 2, "Server.Rebooted"),
        (["--format", "xml"], 2, "xml"),
        (["-o", "no/such/dir.jsonl"], 1, "no/such/dir.jsonl can't be written"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error_with_its_exit_code(export, arguments, code, said):
    got, out, err = export(*arguments)
    assert (got, out) == (code, b"")
    assert said in err
    assert "Traceback" not in err


def test_no_receiver_is_one_sentence_and_no_file(capfd, tmp_path):
    assert run(["export", "--location", "http://127.0.0.1:9", "-o", "x.jsonl"]) == 1
    assert capfd.readouterr().err.startswith("Error: No receiver answers at http://127.0.0.1:9; start one with")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_parquet_is_not_written_to_a_terminal(store):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0) as terminal:
        done = subprocess.run(
            [*COMMAND, "--location", store, "--format", "parquet"],
            stdout=terminal, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert b"parquet is not for terminals; name a file with -o" in done.stderr


LARGE = """
INSERT INTO notifications
SELECT
    range + 1, uuid(), TIMESTAMPTZ '2026-03-02 12:00:00+00', 'User.Updated', 'User', 'Updated', 'ACME', 'KIM', NULL,
    TIMESTAMPTZ '2026-03-02 12:00:00+00', 'missing', NULL, NULL, NULL, '{"userName":"kim","n":' || range || '}', NULL,
    'centurylink', 'third-party', NULL, NULL
FROM range(50000)
"""


@pytest.fixture
def large(tmp_path):
    """A store that is not exported in a moment."""
    with duckdb.connect(str(build_store(tmp_path / "large.duckdb", []))) as connection:
        connection.execute(LARGE).fetchall()
    return str(tmp_path / "large.duckdb")


@pytest.mark.full
def test_a_stopped_export_leaves_no_file_and_is_run_again(large, tmp_path):
    command = [*COMMAND, "--location", large, "-o", str(tmp_path / "out" / "all.jsonl")]
    (tmp_path / "out").mkdir()
    for number, code in ((signal.SIGINT, 1), (signal.SIGTERM, 128 + signal.SIGTERM)):
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            until(lambda: [each for each in (tmp_path / "out").iterdir() if each.stat().st_size], what="a part of it")
            process.send_signal(number)
            assert b"Traceback" not in process.stderr.read()
        assert process.returncode == code
        assert list((tmp_path / "out").iterdir()) == []
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    whole = (tmp_path / "out" / "all.jsonl").read_bytes().splitlines()
    assert [json.loads(json.loads(line)["body"])["n"] for line in whole] == list(range(50_000))


def test_a_full_disk_is_one_sentence_and_no_file(large, tmp_path):
    done = subprocess.run(
        [*COMMAND, "--location", large, "-o", "all.jsonl"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"Error: all.jsonl can't be written: File too large." in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["large.duckdb"]


@pytest.mark.full
def test_a_reader_who_has_enough_ends_it_quietly(large):
    with subprocess.Popen([*COMMAND, "--location", large], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["event"] == "User.Updated"
        process.stdout.close()
        assert b"exported" not in (said := process.stderr.read())
        assert b"rror" not in said
    assert process.returncode == 0


def clc(data_dir, *arguments, **settings):
    done = run_program(*arguments, env=environment(data_dir, CLC_SIGNATURES="record", **settings), cwd=data_dir)
    assert done.returncode == 0, done.stderr


def post_odd_ones(sender):
    """Post what is least like the simulator's: odd bytes, open events, doubtful signatures, copies."""
    odd = b'{ "accountAlias" : "ACME",\n\t"userName":"zo\xc3\xab \\u0000\\/ \xf0\x9f\x99\x82", "n": 2.890, "n": 1e400 }'
    sender.post("/webhooks/User.Updated", odd)
    sender.post("/webhooks/User.Updated", odd)
    sender.post("/webhook/user", bodies.USER)
    sender.post("/webhook/server", bodies.SERVER_DELETED)
    sender.post("/webhook/alert", bodies.ALERT)
    sender.post("/webhooks/User.Created", bodies.USER, {})
    sender.post("/webhooks/User.Created", bodies.USER, signed(b"another"))
    sender.post("/webhooks/User.Created", bodies.USER, {"Tier3-RsaSha1": "no base64!"})
    return 8


STORED = """
SELECT n.* EXCLUDE (id, duplicate_of), o.seq AS copy_of
FROM notifications n LEFT JOIN notifications o ON o.id = n.duplicate_of
ORDER BY n.seq
"""


def stored(receiver, number):
    until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == number, what=f"{number} stored")
    return receiver.sql(STORED)


def test_an_export_that_is_imported_elsewhere_gives_the_same_notifications_byte_for_byte(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    with running(PreparedReceiver, one, CLC_SIGNATURES="record") as receiver:
        key = str(key_directory() / "private.pem")
        arguments = ["--to", receiver.url, "--count", "300", "--rate", "1000", "--quiet", "--key", key]
        clc(one, "receiver", "simulate", *arguments)
        before = stored(receiver, 300 + post_odd_ones(receiver.sender))
        where = receiver.query_url.removeprefix("http://")
        clc(one, "analytics", "export", "-o", "all.jsonl", CLC_QUERY_LISTEN=where)
    other.mkdir()
    clc(other, "receiver", "import", str(one / "all.jsonl"))
    with running(PreparedReceiver, other, CLC_SIGNATURES="record") as receiver:
        after = stored(receiver, len(before))
        where = receiver.query_url.removeprefix("http://")
        clc(other, "analytics", "export", "-o", "all.jsonl", CLC_QUERY_LISTEN=where)
    assert after == before
    assert [row["copy_of"] for row in before[300:303]] == [None, 301, None]
    assert [row["event_type"] for row in before[302:305]] == [None, "Server.Deleted", "Alert.Notification"]
    assert [row["signature_status"] for row in before[305:]] == ["missing", "invalid", "invalid"]
    assert (other / "all.jsonl").read_bytes() == (one / "all.jsonl").read_bytes()


def test_an_account_that_nothing_names_is_said_to_be_unknown(export):
    code, out, err = export("--account", "nope", "--account", "acme")
    assert (code, len(out.splitlines())) == (0, 3)
    assert err.endswith("3 notifications exported\nNothing that is stored names an account NOPE.\n")


def test_an_unknown_event_is_told_the_names_that_the_store_has(export):
    code, _, err = export("--event", "Foo")
    assert code == 2
    assert re.search("There is no event 'Foo'. There is: .*Server.Updated.", err)
