"""`clc-analytics tail`: each notification once, in order, as it comes, whatever becomes of the receiver."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID

import duckdb
import pytest

import analytics
from analytics import senders
from analytics.cli import run
from analytics.export.following import Follower, TailFilter
from analytics.export.sql_formats import count_columns
from analytics.words.sentences import Change, summarize_changes
from tests.support.dropping import drop_before
from tests.support.processes import PreparedReceiver, Process, environment, running
from tests.support.readable_store import HOSTILE_NAME, MIDDAY, Changed, Row, account, build_store, server
from tests.support.sizes import take_few
from tests.support.waiting import until

ORIGINAL = UUID("01890000-0000-7000-8000-000000000002")
USER = b'{"accountAlias":"ACME","userName":"kim@acme.example","n":%d,"odd":1.50}'


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_LISTEN"):
        monkeypatch.delenv(name, raising=False)
    yield
    senders.learn([])


@pytest.fixture
def store(tmp_path):
    rows = [
        account("ACME", "Acme", None),
        server("ACME", "WA1ACMEWEB01", actor="ann", id=ORIGINAL),
        server("ACME", "WA1ACMEWEB01", actor="ann", duplicate_of=ORIGINAL),
        Row("Server", "BRIX", "WA1BRIXDB01", {"name": "ë"}, MIDDAY + timedelta(microseconds=5), None, "invalid"),
        Row("User.Created", "BRIX", HOSTILE_NAME + "\x1b[31m", {"userName": "x"}, actor="eve\n"),
    ]
    changes = [
        Changed(2, "details.powerState", "changed", '"stopped"', '"started"'),
        Changed(2, "details.ipAddresses[10.1.2.3].public", "added", None, '"203.0.113.9"'),
        Changed(2, "changeInfo.modifiedDate", "changed", '"a"', '"b"', noise=True),
        Changed(5, "", "added"),
    ]
    return str(build_store(tmp_path / "store.duckdb", rows, changes=changes))


@pytest.fixture
def tail(store, capfdbinary):
    def ask(*arguments):
        code = run(["tail", "--location", store, *arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return ask


def test_a_line_says_when_what_whose_who_and_what_was_changed(tail):
    code, out, err = tail()
    assert (code, err) == (0, "")
    words = "added public address 203.0.113.9; powered it on"
    assert [re.sub("  +", "  ", line) for line in out.splitlines()[:4]] == [
        "2026-03-02 12:00:00Z  Account.Created  ACME  ACME  -",
        f"2026-03-02 12:00:00Z  Server.Updated  ACME  WA1ACMEWEB01  ann  {words}",
        "2026-03-02 12:00:00Z  Server.Updated  ACME  WA1ACMEWEB01  ann  copy of one before",
        "2026-03-02 12:00:00Z  Server  BRIX  WA1BRIXDB01  -  SIGNATURE INVALID",
    ]


def test_columns_line_up_whatever_the_sender(tmp_path, capfd):
    names = [
        ("Server.Updated", "ACME", "WA1ACMEWEB01"),
        ("member_joined_channel", "T061EG9R6", "C2147483705:1355517523.000005"),
        ("issue_comment.created", "larkspur-tools", "larkspur-tools/" + "api" * 40),
        ("/天気", "T0001", "U2147483697"),
    ]
    rows = [Row(event, account, entity, {}, actor="eve") for event, account, entity in names]
    assert run(["tail", "--location", str(build_store(tmp_path / "several.duckdb", rows))]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len({count_columns(line.partition("eve")[0]) for line in lines}) == 1
    begins = [line.index(account) for line, (_, account, _) in zip(lines, names, strict=True) if line.isascii()]
    assert len(set(begins)) == 1
    assert max(map(count_columns, lines)) < 140


def test_a_line_says_which_alert_it_is(tmp_path, capfd):
    triggers = [{"metric": "cpu", "state": "triggered"}, {"metric": "memory", "state": "notTriggered"}]
    alerts = [
        Row("Alert.Notification", "ACME", "WA1ACMEWEB01", {"triggers": [trigger]}, signature_status="valid")
        for trigger in triggers
    ]
    store = str(build_store(tmp_path / "alerts.duckdb", [*alerts, Row("Alert.Notification", "ACME", "X", {})]))
    assert run(["tail", "--location", store]) == 0
    ends = [line.partition("-  ")[2].strip() for line in capfd.readouterr().out.splitlines()]
    assert ends == ["alert: cpu above its threshold", "alert: memory below its threshold again", "alert"]


@pytest.mark.parametrize("entity", take_few(["web", "wa1acmeweb01", "WA1ACMEWEB01"], 1))
def test_a_line_says_which_alert_it_is_whatever_part_of_the_name_chooses_it(tmp_path, capfd, entity):
    body = {"triggers": [{"metric": "memory", "state": "triggered"}]}
    rows = [Row("Alert.Notification", "ACME", name, body) for name in ("WA1ACMEWEB01", "WA1ACMEDB01", "WA1ACMEWEB01")]
    store = str(build_store(tmp_path / "alerts.duckdb", rows))
    assert run(["tail", "--location", store, "--entity", entity]) == 0
    ends = [line.partition("WA1ACME")[2].split(maxsplit=2)[2] for line in capfd.readouterr().out.splitlines()]
    assert ends == ["alert: memory above its threshold"] * 2


def test_a_line_says_all_that_an_alert_reports_but_at_most_three_and_how_many_more(tmp_path, capfd):
    told = [
        {"metric": "disk", "state": "triggered"},
        {"metric": "memory", "state": "notTriggered"},
        *({"metric": f"m{number}", "state": "triggered"} for number in range(18)),
    ]
    bodies = [{"triggers": triggers} for triggers in (told[:2], told[:3], told[:5], told, [None, *told[:2]], [], "odd")]
    rows = [Row("Alert.Notification", "ACME", "WA1ACMEWEB01", body, signature_status="valid") for body in bodies]
    store = str(build_store(tmp_path / "alerts.duckdb", rows))
    assert run(["tail", "--location", store]) == 0
    ends = [line.partition("-  ")[2].strip() for line in capfd.readouterr().out.splitlines()]
    two = "alert: disk above its threshold; memory below its threshold again"
    three = f"{two}; m0 above its threshold"
    assert ends == [two, three, f"{three}; and 2 more", f"{three}; and 17 more", two, "alert", "alert"]


def test_as_many_as_one_likes_are_all(tail):
    assert [len(tail("-n", count)[1].splitlines()) for count in ("2", str(2**63 - 1), str(10**30))] == [2, 5, 5]


@pytest.mark.full
def test_newest_ones_from_before_the_store_is_complete_say_what_is_lacking(tmp_path, capfd):
    times = [MIDDAY - timedelta(days=2), MIDDAY - timedelta(days=1), MIDDAY, MIDDAY]
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=at) for number, at in enumerate(times)]
    file = build_store(tmp_path / "store.duckdb", rows)
    drop_before(file, MIDDAY - timedelta(hours=1))
    lacking = {}
    for count in range(6):
        assert run(["tail", "--location", str(file), "-n", str(count)]) == 0
        out, err = capfd.readouterr()
        lacking[len(out.splitlines())] = "Of months before 2026-03-02 11:00:00 UTC, only the last state" in err
    assert lacking == {0: False, 1: False, 2: False, 3: True, 4: True}


def test_the_newest_may_be_of_an_archive_that_was_imported_from_before_the_store_is_complete(tmp_path, capfd):
    times = [MIDDAY, MIDDAY, MIDDAY - timedelta(days=2)]
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=at) for number, at in enumerate(times)]
    file = build_store(tmp_path / "store.duckdb", rows)
    drop_before(file, MIDDAY - timedelta(hours=1))
    assert run(["tail", "--location", str(file), "-n", "2"]) == 0
    assert "Of months before 2026-03-02 11:00:00 UTC, only the last state" in capfd.readouterr().err


def test_one_of_an_imported_archive_that_was_itself_dropped_is_missed(tmp_path, capfd):
    received = [(0, MIDDAY - timedelta(days=2)), (1, MIDDAY), (2, MIDDAY), (0, MIDDAY - timedelta(days=3))]
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=at) for number, at in received]
    file = build_store(tmp_path / "store.duckdb", rows)
    drop_before(file, MIDDAY - timedelta(hours=1))
    assert run(["tail", "--location", str(file), "-n", "1"]) == 0
    out, err = capfd.readouterr()
    assert "WA1ACMEWEB02" in out
    assert "Of months before 2026-03-02 11:00:00 UTC, only the last state" in err


def test_hostile_names_stay_in_their_line_and_move_no_cursor(tail):
    _, out, _ = tail("-n", "1")
    (line,) = out.splitlines()
    assert "<script>" in line
    assert "eve\\n" in line
    assert line.endswith("  created user")
    assert line.isprintable()


def test_json_has_all_columns_and_the_payload_byte_for_byte(tail):
    code, out, _ = tail("--json", "--event", "server")
    assert code == 0
    row = json.loads(out.splitlines()[-1])
    assert base64.b64decode(row.pop("signature")) == b"\x01" * 256
    assert len(row.pop("id")) == 36
    assert row == {
        "seq": 4,
        "received_at": "2026-03-02T12:00:00.000005Z",
        "event_type": None,
        "category": "Server",
        "action": None,
        "account_alias": "BRIX",
        "entity_id": "WA1BRIXDB01",
        "actor": None,
        "occurred_at": "2026-03-02T12:00:00.000005Z",
        "signature_status": "invalid",
        "source_ip": "192.0.2.1",
        "duplicate_of": None,
        "payload": '{"name":"ë"}',
        "key_fingerprint": "5e" * 32,
        "sender": "centurylink",
        "proof": "third-party",
        "signature_detail": None,
        "delivery_id": None,
    }


def test_json_has_the_columns_of_notifications_in_their_order(store, tail):
    with analytics.connect(store) as client:
        described = client.sql("DESCRIBE notifications").column("column_name").to_pylist()
    assert [*json.loads(tail("--json", "-n", "1")[1])] == described


@pytest.mark.parametrize(
    ("arguments", "expected"),
    take_few(
        [
            ([], [1, 2, 3, 4, 5]),
            (["-n", "2"], [4, 5]),
            (["-n", "0"], []),
            (["--account", "acme", "-n", "2"], [2, 3]),
            (["--account", "ACME", "--account", "BRIX", "-n", "4"], [2, 3, 4, 5]),
            (["--event", "Server"], [2, 3, 4]),
            (["--event", "server.updated", "--event", "User.Created"], [2, 3, 5]),
            (["--entity", "brixdb"], [4]),
            (["--entity", "nothing"], []),
        ],
        4,
    ),
)
def test_the_newest_of_what_is_watched_come_first(tail, arguments, expected):
    assert [json.loads(line)["seq"] for line in tail("--json", *arguments)[1].splitlines()] == expected


def test_an_account_that_nothing_stored_names_is_told(tail):
    assert tail("--account", "acne", "--account", "acme", "-n", "0") == (
        0, "", "Nothing that is stored names an account ACNE.\n"
    )  # fmt: skip


def test_more_than_a_page_comes_whole(tail, monkeypatch):
    monkeypatch.setattr("analytics.export.following.PAGE_ROWS", 2)
    assert [json.loads(line)["seq"] for line in tail("--json")[1].splitlines()] == [1, 2, 3, 4, 5]


def test_what_comes_again_under_another_number_is_not_shown_again(store, monkeypatch):
    monkeypatch.setattr("analytics.export.following.PAGE_ROWS", 5)
    with duckdb.connect(store) as connection:
        connection.execute("INSERT INTO notifications SELECT * REPLACE (seq + 10 AS seq) FROM notifications").fetchall()
    with analytics.connect(store) as client:
        follower = Follower(client, TailFilter(), with_payload=True)
        follower.start(10)
        assert [row["seq"] for row in follower.poll().rows] == [1, 2, 3, 4, 5]
        assert follower.poll().rows == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--event", "Server.Rebooted"], 2, "Server.Rebooted"),
        (["-n", "-1"], 2, "-1"),
        (["--location", "http://127.0.0.1:9"], 1, "Error: No receiver answers at http://127.0.0.1:9; start one with"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error_with_its_exit_code(tail, arguments, code, said):
    got, out, err = tail(*arguments)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with running(PreparedReceiver, tmp_path_factory.mktemp("receiver")) as process:
        process.sender.post("/webhooks/User.Updated", USER % 0)
        until(lambda: process.sql("SELECT count(*) AS n FROM notifications")[0]["n"], what="a stored notification")
        yield process


def tail_of(receiver):
    return {
        "args": [sys.executable, "-m", "analytics", "tail"],
        "env": environment(receiver.data_dir, CLC_QUERY_LISTEN=receiver.query_url.removeprefix("http://")),
        "cwd": receiver.data_dir,
    }


def test_ctrl_c_ends_it_quietly(receiver):
    with subprocess.Popen(**tail_of(receiver), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"User.Updated" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.full
def test_a_reader_who_has_enough_ends_it_quietly_though_nothing_comes(receiver):
    with subprocess.Popen(**tail_of(receiver), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"User.Updated" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_none_is_lost_and_none_doubled_though_the_store_is_killed_and_the_receiver_restarted(tmp_path):
    posted = 0

    def post(receiver, number):
        nonlocal posted
        for _ in range(number):
            posted += 1
            assert receiver.sender.post("/webhooks/User.Updated", USER % posted).status == 200

    def shown():
        return [json.loads(line) for line in follower.lines if line.startswith("{")]

    def times_away():
        return follower.log.count("Going on when it is back.")

    with ExitStack() as at_last:
        with running(PreparedReceiver, tmp_path) as receiver:
            address = {"CLC_QUERY_LISTEN": receiver.query_url.removeprefix("http://")}
            command = [sys.executable, "-m", "analytics", "tail", "--json"]
            follower = Process(command, environment(tmp_path, **address), cwd=tmp_path)
            at_last.callback(follower.stop, signal.SIGKILL)
            post(receiver, 5)
            until(lambda: len(shown()) == 5, what="five lines")
            os.kill(receiver.children()["store"], signal.SIGKILL)
            post(receiver, 20)
            until(lambda: len(shown()) >= 25, what="25 lines")
            before = times_away()
            post(receiver, 5)
        until(lambda: times_away() > before, what="word that it is away")
        with running(PreparedReceiver, tmp_path, **address) as receiver:
            post(receiver, 20)
            until(lambda: len(shown()) >= 50, what="50 lines")
            assert follower.stop(signal.SIGINT) == 0
        assert [row["payload"].encode() for row in shown()] == [USER % number for number in range(1, 51)]
        assert [row["seq"] for row in shown()] == list(range(1, 51))
        talk = [line for line in follower.lines if not line.startswith("{")]
        assert [line.endswith("Going on when it is back.") for line in talk] == [True, False] * (before + 1)
        assert set(talk[1::2]) == {"The receiver is back."}


def test_any_event_and_account_that_the_store_has_can_be_chosen(tmp_path, capfdbinary):
    rows = [
        server("ACME", "WA1ACMEWEB01"),
        Row("push", "acme-labs", "acme-labs/shop", sender="github", category="repository"),
        Row("issues.opened", "acme-labs", "acme-labs/shop#1", sender="github", category="issue"),
    ]
    location = str(build_store(tmp_path / "two.duckdb", rows))

    def names(*arguments):
        assert run(["tail", "--location", location, "--json", *arguments]) == 0
        return [json.loads(line)["entity_id"] for line in capfdbinary.readouterr().out.splitlines()]

    assert names("--event", "Push") == ["acme-labs/shop"]
    assert names("--event", "repository", "--event", "issues.opened") == ["acme-labs/shop", "acme-labs/shop#1"]
    assert names("--account", "Acme-Labs") == ["acme-labs/shop", "acme-labs/shop#1"]
    assert run(["tail", "--location", location, "--event", "star"]) == 2
    said = capfdbinary.readouterr().err.decode()
    assert "There is no event 'star'. There is: Server, Server.Updated, issue, issues.opened, push, repository." in said


def describe_till(path):
    """Let a store describe a sender whose alerts are alarms."""
    with duckdb.connect(path) as connection:
        described = "SELECT 'till' AS name, 'Till' AS title, ?::JSON AS description"
        connection.execute(f"INSERT INTO senders BY NAME {described}", [json.dumps({"entities": {"Alert": "alarm"}})])
    return path


def alarms():
    """Return a server, and two alerts of another sender with a field that has a name of the first sender's, too."""
    rows = [
        server("ACME", "WA1ACMEWEB01"),
        Row("Alert.Notification", "acme", "pump-1", sender="till", category="Alert"),
        Row("Alert.Notification", "acme", "pump-1", sender="till", category="Alert"),
    ]
    return rows, [Changed(2, "", "added"), Changed(3, "details.memoryMB", "changed", "1024", "2048")]


OWN_WORDS = ["first notification of this alarm", "changed the memory MB of the details from 1,024 to 2,048"]


def test_an_event_of_another_sender_is_told_in_that_senders_own_words(tmp_path, capfd):
    rows, changes = alarms()
    location = describe_till(str(build_store(tmp_path / "two.duckdb", rows, changes=changes)))
    assert run(["tail", "--location", location, "-n", "2"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition("-  ")[2].strip() for line in lines] == OWN_WORDS


def test_a_sender_that_comes_while_one_follows_is_told_in_its_own_words(tmp_path):
    rows, changes = alarms()
    location = build_store(tmp_path / "now.duckdb", rows[:1])
    with analytics.connect(str(location)) as client:
        follower = Follower(client, TailFilter(), with_payload=False)
        follower.start(10)
        assert len(follower.poll().rows) == 1
        then = build_store(tmp_path / "then.duckdb", rows, changes=changes)
        describe_till(str(then))
        then.replace(location)
        assert [row["words"] for row in follower.poll().rows] == OWN_WORDS


def test_what_a_lake_has_of_another_sender_is_not_told_in_the_first_senders_words():
    change = Change("Alert", "pump-1", None, "details.memoryMB", "changed", "1024", "2048", sender="till")
    assert summarize_changes([change]) == OWN_WORDS[1]
