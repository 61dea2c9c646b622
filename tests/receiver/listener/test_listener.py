"""The listener: its routes, answers and refusals, over real sockets, with the spool behind it."""

import json
import os
import platform
import re
import socket
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import receiver.listener
from receiver.data_directory.accounts import learn_accounts
from receiver.keeping.care import gather
from receiver.settings import Settings
from tests.support import bodies
from tests.support.keys import signed
from tests.support.processes import ListenerProcess, running
from tests.support.waiting import until

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "senders.md"
KERNEL = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
USER = b'{"accountAlias":"ACME","userName":"kim@acme.example","status":"Active","weird":1.50}'


@pytest.fixture(scope="module")
def shared_listener(tmp_path_factory):
    with running(ListenerProcess, tmp_path_factory.mktemp("listener")) as process:
        yield process


@pytest.fixture
def listener(shared_listener):
    """The same process for all tests of the module; each looks at what is new since its own start."""
    seen = len(shared_listener.spooled()), len(shared_listener.spooled("rejected"))
    shared_listener.accepted = lambda: shared_listener.spooled()[seen[0] :]
    shared_listener.rejected = lambda: shared_listener.spooled("rejected")[seen[1] :]
    return shared_listener


def refusal_of(response):
    assert response.headers["Content-Type"] == "application/json"
    answer = json.loads(response.data)
    assert answer["detail"].endswith(".")
    return response.status, answer["error"]


def test_an_accepted_notification_is_in_the_spool_byte_for_byte_when_it_is_answered(listener):
    response = listener.sender.post("/webhooks/User.Updated", USER)
    (row,) = listener.accepted()
    assert (response.status, response.data) == (200, b"ok")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert uuid.UUID(response.headers["Notification-Id"]) == row.id
    assert row.id.version == 7
    assert row.payload == USER
    assert (row.event_type, row.account_alias, row.entity_id) == ("User.Updated", "ACME", "KIM@ACME.EXAMPLE")
    assert (row.signature_status, len(row.signature), row.source_ip) == ("valid", 256, "127.0.0.1")


@pytest.mark.parametrize("path", ["/webhooks/user.updated", "/WEBHOOKS/USER.UPDATED/", "/webhook/User?action=UPDATED"])
def test_event_names_and_routes_are_taken_in_any_case(listener, path):
    assert listener.sender.post(path, USER).status == 200
    assert listener.accepted()[0].event_type == "User.Updated"


def test_the_sample_routes_leave_the_action_open_where_the_body_does(listener):
    listener.sender.post("/webhook/user", USER)
    listener.sender.post("/webhook/server", b'{"accountAlias":"ACME","name":"WA1ACMEWEB01"}')
    assert [row.event_type for row in listener.accepted()] == [None, "Server.Deleted"]


def test_expect_100_continue_is_answered_before_the_body(listener):
    head = "POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    head += f"Content-Length: {len(USER)}\r\nTier3-RsaSha1: {signed(USER)['Tier3-RsaSha1']}\r\n\r\n"
    with socket.create_connection(listener.url.removeprefix("http://").split(":"), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(USER)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_chunked_body_is_taken(listener):
    response = listener.sender.request("POST", "/webhooks/User.Updated", iter([USER[:10], USER[10:]]), signed(USER))
    assert response.status == 200
    assert listener.accepted()[0].payload == USER


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":"\xff"}', "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a":"\\ud800"}', "not_json"),
        (b"{}{}", "not_json"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not_json"),
        (b"[1]", "not_an_object"),
        (b'"text"', "not_an_object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_and_kept(listener, body, error):
    assert refusal_of(listener.sender.post("/webhooks/User.Updated", body)) == (400, error)
    (row,) = listener.rejected()
    assert (row.reason, row.path, row.body, row.source_ip) == (error, "/webhooks/User.Updated", body, "127.0.0.1")
    assert "Tier3-Rsasha1" in json.loads(row.headers)
    assert listener.accepted() == []


@pytest.mark.parametrize("body", [b'{"a":' + b"9" * 5000 + b"}", b'{"a":1e400}', b'{"a":1,"a":2}', b' {"a":0.0} \n'])
def test_odd_but_lawful_json_is_kept_as_it_came(listener, body):
    assert listener.sender.post("/webhooks/User.Updated", body).status == 200
    assert listener.accepted()[0].payload == body


def test_unsigned_and_badly_signed_notifications_are_refused_and_kept(listener):
    assert refusal_of(listener.sender.post("/webhooks/User.Updated", USER, {})) == (401, "signature_missing")
    other = signed(USER + b" ")
    assert refusal_of(listener.sender.post("/webhooks/User.Updated", USER, other)) == (401, "signature_invalid")
    assert [(row.reason, row.body) for row in listener.rejected()] == [
        ("signature_missing", USER),
        ("signature_invalid", USER),
    ]


def test_an_unknown_event_is_refused_and_kept(listener):
    assert refusal_of(listener.sender.post("/webhooks/Server.Rebooted?x=1", USER)) == (404, "unknown_event")
    assert refusal_of(listener.sender.post("/webhook/firewall", USER)) == (404, "unknown_event")
    assert [row.path for row in listener.rejected()] == ["/webhooks/Server.Rebooted?x=1", "/webhook/firewall"]


def test_other_methods_and_paths_are_refused_and_not_kept(listener):
    response = listener.sender.get("/webhooks/User.Updated")
    assert (refusal_of(response), response.headers["Allow"]) == ((405, "method_not_allowed"), "POST")
    assert refusal_of(listener.sender.post("/healthz", b"{}"))[0] == 405
    assert refusal_of(listener.sender.get("/"))[0] == 404
    assert refusal_of(listener.sender.post("/", b"{}"))[0] == 404
    assert listener.rejected() == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_before_it_is_read_whole_and_kept_without_it(listener, chunked):
    body = b'{"a":"' + b"x" * 1_100_000 + b'"}'
    sent = iter([body[:600_000], body[600_000:]]) if chunked else body
    response = listener.sender.request("POST", "/webhooks/User.Updated", sent, signed(body))
    assert refusal_of(response) == (413, "too_large")
    assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
    assert len(listener.accepted()) == 1
    (row,) = until(listener.rejected, what="the row")
    assert (row.reason, row.path, row.body) == ("too_large", "/webhooks/User.Updated", b"")
    assert (row.sender, row.source_ip) == ("centurylink", "127.0.0.1")


@pytest.mark.parametrize("length", ["1000000000000000", "9" * 5000])
def test_a_length_beyond_all_limits_is_answered_once(listener, length):
    head = f"POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{"
    with socket.create_connection(listener.url.removeprefix("http://").split(":"), timeout=30) as connection:
        connection.sendall(head.encode())
        answers = connection.recv(1000)
        connection.shutdown(socket.SHUT_WR)
        answers += b"".join(iter(lambda: connection.recv(1000), b""))
    assert (answers[:12], answers.count(b"HTTP/1.1")) == (b"HTTP/1.1 413", 1)
    (row,) = until(listener.rejected, what="the row, which is written after the answer")
    assert json.loads(row.headers)["Content-Length"] == length


@pytest.mark.parametrize("path", ["/healthz", "/"])
def test_a_body_over_the_limit_that_is_no_notification_is_refused_and_not_kept(listener, path):
    assert refusal_of(listener.sender.post(path, b"x" * 1_100_000)) == (413, "too_large")
    assert refusal_of(listener.sender.request("PUT", "/webhooks/User.Updated", b"x" * 1_100_000)) == (413, "too_large")
    assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
    assert listener.rejected() == []


def test_health_readiness_and_metrics_are_there(listener):
    assert listener.sender.get("/healthz").data == b"ok"
    ready = listener.sender.get("/readyz")
    told = json.loads(ready.data)
    assert (ready.status, told["spool"], told["store"]) == (200, "ok", "unavailable")
    assert told["store_process"]["state"] == "stopped"
    assert b'clc_listener_notifications_total{result="accepted"}' in listener.sender.get("/metrics").data


def test_the_genuine_negative_example_is_refused_under_the_published_key_and_kept(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_PUBLIC_KEY="") as listener:
        headers = {"Tier3-RsaSha1": bodies.CAPTURED_SIGNATURE}
        response = listener.sender.post("/webhooks/User.Updated", bodies.USER_MASKED, headers)
        assert refusal_of(response) == (401, "signature_invalid")
        assert [row.body for row in listener.spooled("rejected")] == [bodies.USER_MASKED]


def test_with_signatures_recorded_all_are_accepted_and_marked(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_SIGNATURES="record") as listener:
        for headers in ({}, {"Tier3-RsaSha1": "?"}, signed(b"{}"), signed(USER)):
            assert listener.sender.post("/webhooks/User.Updated", USER, headers).status == 200
        rows = listener.spooled()
        assert [row.signature_status for row in rows] == ["missing", "invalid", "invalid", "valid"]
        assert [row.signature and len(row.signature) for row in rows] == [None, None, 256, 256]


def account(alias, parent):
    return b'{"accountAlias":"%s","businessName":"B","parentAlias":"%s"}' % (alias, parent)


def test_only_listed_accounts_are_accepted_and_their_new_sub_accounts_are_learned(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_ACCOUNTS="root, Acme") as listener:
        post = listener.sender.post
        assert post("/webhooks/User.Updated", USER).status == 200
        stranger = b'{"accountAlias":"EVIL","userName":"x"}'
        assert refusal_of(post("/webhooks/User.Created", stranger)) == (403, "account_not_allowed")
        assert refusal_of(post("/webhooks/User.Created", b'{"userName":"x"}')) == (403, "account_not_allowed")
        assert refusal_of(post("/webhooks/Account.Created", account(b"EVL2", b"EVIL"))) == (403, "account_not_allowed")
        child = b'{"accountAlias":"new1","userName":"x"}'
        assert post("/webhooks/User.Created", child).status == 403
        assert post("/webhooks/Account.Created", account(b"NEW1", b"root")).status == 200
        assert post("/webhooks/User.Created", child).status == 200
        assert [row.reason for row in listener.spooled("rejected")] == ["account_not_allowed"] * 4
        with running(ListenerProcess, tmp_path, CLC_ACCOUNTS="ROOT") as other:
            assert other.sender.post("/webhooks/User.Created", child).status == 200


def test_while_learned_accounts_can_not_be_read_nobody_is_told_that_the_account_is_not_allowed(tmp_path):
    settings = Settings(data_dir=tmp_path, accounts={"ACME"})
    learn_accounts(settings.learned_accounts, ["KID1"])
    whole = settings.learned_accounts.read_bytes()
    settings.learned_accounts.write_bytes(b"no database" * 1000)
    with running(ListenerProcess, tmp_path, CLC_ACCOUNTS="ACME") as listener:
        child = b'{"accountAlias":"KID1","userName":"x"}'
        response = listener.sender.post("/webhooks/User.Created", child)
        assert (refusal_of(response), response.headers["Retry-After"]) == ((503, "accounts_unreadable"), "5")
        assert [row.body for row in listener.spooled("rejected")] == [child]
        assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
        assert gather(settings, None).files.accounts_unread == "file is not a database"
        assert gather(Settings(data_dir=tmp_path), None).files.accounts_unread is None  # all are accepted
        settings.learned_accounts.write_bytes(whole)
        assert listener.sender.post("/webhooks/User.Created", child).status == 200
        assert gather(settings, None).files.accounts_unread is None


def test_an_unsigned_account_teaches_no_sub_account(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_ACCOUNTS="ROOT", CLC_SIGNATURES="record") as listener:
        assert listener.sender.post("/webhooks/Account.Created", account(b"NEW1", b"ROOT"), {}).status == 403


def test_the_sender_behind_a_trusted_proxy_is_the_one_it_names(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8") as listener:
        chain = {"X-Forwarded-For": "6.6.6.6, 198.51.100.9, 10.1.2.3"}
        listener.sender.post("/webhooks/User.Updated", USER, signed(USER) | chain)
        assert listener.spooled()[0].source_ip == "198.51.100.9"


def test_the_documented_nginx_sets_each_header_that_is_believed_of_a_proxy():
    listener = Path(receiver.listener.__file__).parent
    believed = {name for path in listener.glob("*.py") for name in re.findall(r'"(x-forwarded-\w+)"', path.read_text())}
    example = re.search(r"```nginx\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)[1]
    assert "x-forwarded-proto" in believed
    assert believed | {"host"} <= {name.lower() for name in re.findall(r"proxy_set_header (\S+)", example)}


def test_no_stranger_is_believed_about_who_they_are(listener):
    listener.sender.post("/webhooks/User.Updated", USER, signed(USER) | {"X-Forwarded-For": "198.51.100.9"})
    assert listener.accepted()[0].source_ip == "127.0.0.1"


SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def guarded_listener(tmp_path_factory):
    settings = {"CLC_URL_SECRET": SECRET, "CLC_SECRET_GITHUB": "a secret for tests"}
    with running(ListenerProcess, tmp_path_factory.mktemp("guarded"), **settings) as process:
        yield process


def test_with_a_url_secret_the_right_one_is_taken_on_all_routes_and_shown_nowhere(guarded_listener):
    post, seen = guarded_listener.sender.post, len(guarded_listener.spooled("rejected"))
    assert post(f"/webhooks/{SECRET}/User.Updated", USER).status == 200
    assert post(f"/webhook/{SECRET}/user?action=deleted", USER).status == 200
    assert [row.event_type for row in guarded_listener.spooled()] == ["User.Updated", "User.Deleted"]
    headers = {"X-Original-URI": f"/webhooks/{SECRET}/User.Updated"}
    assert refusal_of(post(f"/webhooks/{SECRET}/User.Updated", USER, headers)) == (401, "signature_missing")
    assert refusal_of(post(f"/webhooks/{SECRET}/Server.Rebooted", USER)) == (404, "unknown_event")
    rejected = guarded_listener.spooled("rejected")[seen:]
    assert [row.path for row in rejected] == ["/webhooks/SECRET/User.Updated", "/webhooks/SECRET/Server.Rebooted"]
    assert SECRET not in str(rejected) + guarded_listener.log


@pytest.mark.parametrize(
    "spelled",
    ["correct%2Dhorse%2dbattery", "%63orrect-horse-batter%79", "".join(f"%{byte:x}" for byte in SECRET.encode())],
)
def test_a_percent_encoded_url_secret_is_taken_and_shown_nowhere(guarded_listener, spelled):
    post, seen = guarded_listener.sender.post, len(guarded_listener.spooled("rejected"))
    assert post(f"/webhooks/{spelled}/User.Updated", USER).status == 200
    headers = {"Referer": f"https://receiver.example/webhooks/{spelled}/User.Updated"}
    assert refusal_of(post(f"/webhooks/{spelled}/Server.Rebooted", USER, headers)) == (404, "unknown_event")
    (row,) = guarded_listener.spooled("rejected")[seen:]
    assert row.path == "/webhooks/SECRET/Server.Rebooted"
    assert json.loads(row.headers)["Referer"] == "https://receiver.example/webhooks/SECRET/User.Updated"


def test_the_documentation_has_each_kind_of_route_with_the_url_secret_and_the_receiver_takes_it(guarded_listener):
    paths = set(re.findall(r"/\w+/SECRET/[\w.-]+", DOCUMENTATION.read_text("utf-8")))
    assert {path.split("/")[1] for path in paths} == {"webhooks", "webhook", "senders"}
    for path in paths:
        assert guarded_listener.sender.post(path.replace("SECRET", SECRET), b"{}", {}).status == 401, path
        assert guarded_listener.sender.post(path.replace("SECRET/", ""), b"{}", {}).status == 404, path


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/User.Updated",
        "/webhook/user",
        "/webhooks/wrong-horse-battery/User.Updated",
        f"/webhooks/{SECRET.upper()}/User.Updated",
        f"/webhooks/{SECRET}x/User.Updated",
        f"/webhooks/{SECRET}%2FUser.Updated",
        "/webhooks//User.Updated",
        "/webhooks/",
        f"/webhooks/User.Updated/{SECRET}",
        f"/webhooks/User.Updated?secret={SECRET}",
        "/webhooks/\xe9/User.Updated",
        "/senders/github",
        "/Senders/wrong-horse-battery/github",
    ],
)
def test_without_the_url_secret_a_signed_notification_is_refused_and_kept(guarded_listener, path):
    seen = len(guarded_listener.spooled("rejected"))
    assert refusal_of(guarded_listener.sender.post(path, USER)) == (404, "unknown_event")
    (row,) = guarded_listener.spooled("rejected")[seen:]
    sender = None if path.lower().startswith("/senders/") else "centurylink"
    assert (row.reason, row.body, row.sender) == ("unknown_event", USER, sender)
    assert SECRET not in row.path


def test_what_can_not_be_written_is_not_acknowledged_and_comes_back_with_room(tmp_path):
    with running(ListenerProcess, tmp_path) as listener:
        spool = tmp_path / "spool"
        assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
        segment = sqlite3.connect(next(spool.glob("*.sqlite")), isolation_level=None)
        segment.execute("DROP TABLE spooled_notifications")
        segment.close()
        response = listener.sender.post("/webhooks/User.Updated", USER)
        assert refusal_of(response) == (503, "spool_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
        assert json.loads(listener.sender.get("/readyz").data)["spool"] == "ok"


def test_the_listener_ends_when_its_supervisor_does_with_everything_answered(tmp_path):
    listener = ListenerProcess(tmp_path)
    assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
    listener.lose_supervisor()
    until(lambda: listener.process.poll() is not None, what="the listener's end")
    assert listener.process.returncode == 0
    assert len(listener.spooled()) == 1
    listener.stop()


def threads_of(listener):
    return [int(thread.name) for thread in Path(f"/proc/{listener.process.pid}/task").iterdir()]


def may_be_in_real_time():
    tried = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", tried], check=False, capture_output=True).returncode == 0


def test_the_threads_that_answer_and_write_run_in_real_time_where_they_may(listener):
    leaves_a_processor = len(os.sched_getaffinity(0)) > 1
    wanted = os.SCHED_RR if leaves_a_processor and may_be_in_real_time() else os.SCHED_OTHER
    policies = [os.sched_getscheduler(thread) for thread in threads_of(listener)]
    assert policies.count(wanted) >= 2


@pytest.mark.skipif(KERNEL < (6, 12), reason="Linux heeds it from 6.12 on")
def test_listeners_that_could_take_all_processors_take_short_turns_instead(tmp_path):
    with running(ListenerProcess, tmp_path, CLC_LISTENERS=str(os.cpu_count())) as listener:
        turns = [Path(f"/proc/{thread}/sched").read_text() for thread in threads_of(listener)]
        short = [said for said in turns if re.search(r"^se.slice *: *100000$", said, re.MULTILINE)]
        assert len(short) >= 2
        assert {os.sched_getscheduler(thread) for thread in threads_of(listener)} == {os.SCHED_OTHER}


def test_it_loads_nothing_of_the_store(tmp_path):
    """DuckDB and Arrow would be 100 MB more, and the collector of garbage would stop the loop for 40 ms at a time."""
    with running(ListenerProcess, tmp_path) as listener:
        assert listener.sender.get("/healthz").status == 200
        mapped = Path(f"/proc/{listener.process.pid}/maps").read_text()
    assert "duckdb" not in mapped
    assert "arrow" not in mapped
