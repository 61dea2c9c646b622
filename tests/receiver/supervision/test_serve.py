"""`clc-receiver serve`, whole: what is posted is in the table, whatever becomes of the processes."""

import hashlib
import json
import os
import signal
import socket
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import urllib3

from receiver.database.migrations import find_newest_version
from receiver.errors import StoreError
from tests.durability.support.commands import run_command
from tests.support import bodies
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.processes import Receiver, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until

COUNT = size(1_000, 5_000)

USER = b'{"accountAlias":"ACME","userName":"kim@acme.example","n":%d,"odd":1.50}'


def count(receiver, table="notifications"):
    return receiver.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"]


def simulate(receiver, number, rate, report):
    arguments = ["--to", receiver.url, "--count", str(number), "--rate", str(rate), "--quiet"]
    key = str(key_directory() / "private.pem")
    return run_command(receiver.data_dir, "simulate", *arguments, "--key", key, "--report", str(report))


def sent(report):
    return [json.loads(line) for line in report.read_text().splitlines()]


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A `serve` for tests that stop and kill nothing; each may post more."""
    with running(
        Receiver, tmp_path_factory.mktemp("serving"), CLC_QUERY_LISTEN="0.0.0.0:0", CLC_STORE_MEMORY="800MB"
    ) as receiver:
        yield receiver


def test_a_posted_notification_is_seen_by_sql_with_every_column(serving):
    response = serving.sender.post("/webhooks/Server.Updated", bodies.SERVER)
    until(lambda: count(serving), what="the notification in the table")
    (row,) = serving.sql("SELECT * FROM notifications")
    assert row["payload"].encode() == bodies.SERVER
    assert str(row["id"]) == response.headers["Notification-Id"]
    assert (row["seq"], row["category"], row["action"], row["signature_status"]) == (1, "Server", "Updated", "valid")
    assert (row["account_alias"], row["entity_id"]) == ("KELP", "GB3KELPWEB01")


def test_the_store_gives_way_to_the_listener(serving):
    children = serving.children()
    listener, store = (os.getpriority(os.PRIO_PROCESS, children[name]) for name in ("listener", "store"))
    assert store > listener


def test_duckdb_leaves_a_part_of_the_stores_memory_to_the_rest(serving):
    (row,) = serving.sql("SELECT current_setting('memory_limit') AS value")
    assert row["value"] == "381.4 MiB"  # 400 MB


def test_the_store_does_without_pandas_in_its_memory(serving):
    stored = count(serving)
    serving.sender.post("/webhooks/Server.Updated", bodies.SERVER)
    until(lambda: count(serving) > stored, what="the notification in the table")
    loaded = Path(f"/proc/{serving.children()['store']}/maps").read_text()
    assert "pyarrow" in loaded
    assert "pandas" not in loaded


@pytest.mark.slow
def test_a_thousand_at_500_a_second_are_all_there_once_byte_for_byte_and_in_order(serving, tmp_path, capsys):
    report, before = tmp_path / "report.jsonl", count(serving)
    visible: dict[str, float] = {}
    done = threading.Event()

    def watch():
        seq = before
        while not done.is_set():
            rows = serving.sql("SELECT seq, id::VARCHAR AS id FROM notifications WHERE seq > ?", [seq])
            now = time.time()
            visible.update((row["id"], now) for row in rows)
            seq = max([seq, *(row["seq"] for row in rows)])
            done.wait(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = simulate(serving, COUNT, 500, report)
    assert result.returncode == 0, result.stderr
    until(lambda: len(visible) == COUNT, what="visible notifications")
    done.set()
    watcher.join()
    query = "SELECT seq, id::VARCHAR AS id, signature_status, payload FROM notifications WHERE seq > ? ORDER BY seq"
    rows = serving.sql(query, [before])
    answered = {line["id"]: line for line in sent(report)}
    assert len(answered) == COUNT
    assert [row["seq"] for row in rows] == list(range(before + 1, before + COUNT + 1))
    assert {row["signature_status"] for row in rows} == {"valid"}
    stored = {row["id"]: hashlib.sha256(row["payload"].encode()).hexdigest() for row in rows}
    assert stored == {name: line["sha256"] for name, line in answered.items()}
    lags = sorted(visible[name] - _timestamp(line["answered_at"]) for name, line in answered.items())
    p99 = lags[int(len(lags) * 0.99)]
    with capsys.disabled():
        print(f"\n{COUNT:,} at 500/s: from the answer to visible in SQL, p50 {lags[COUNT // 2]:.3f} s, p99 {p99:.3f} s")


def _timestamp(value):
    return value if isinstance(value, float) else datetime.fromisoformat(value).timestamp()


def test_what_was_refused_is_kept_with_reason_and_headers(serving):
    serving.sender.post("/webhooks/User.Updated", b"no json")
    until(lambda: count(serving, "rejected"), what="the refused notification")
    (row,) = serving.sql("SELECT reason, path, source_ip, headers ->> 'Content-Type' AS type, body FROM rejected")
    assert row == {
        "reason": "not_json",
        "path": "/webhooks/User.Updated",
        "source_ip": "127.0.0.1",
        "type": "application/json; charset=utf-8",
        "body": b"no json",
    }


@pytest.mark.parametrize("number", take_few([signal.SIGINT, signal.SIGTERM], 1))
def test_it_stops_cleanly_and_leaves_all_in_the_database(tmp_path, number):
    receiver = Receiver(tmp_path, CLC_LISTENERS="2")
    for n in range(20):
        receiver.sender.post("/webhooks/User.Updated", USER % n)
    children = receiver.children()
    assert receiver.stop(number) == 0
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["owner"]
    with duckdb.connect(str(tmp_path / "clc.duckdb"), read_only=True) as database:
        assert database.execute("SELECT count(*), count(DISTINCT id) FROM notifications").fetchall() == [(20, 20)]


def test_a_second_serve_on_the_same_directory_refuses_in_one_sentence(serving):
    second = run_command(serving.data_dir, "serve")
    assert second.returncode == 1
    (line,) = second.stderr.strip().splitlines()
    assert f"process {serving.process.pid}" in line
    assert "CLC_DATA_DIR" in line
    assert serving.sender.get("/healthz").status == 200


@pytest.mark.parametrize("variable", take_few(["CLC_LISTEN", "CLC_QUERY_LISTEN"], 1))
def test_a_taken_port_is_named_and_nothing_is_started(tmp_path, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings: Any = {variable: address}
        done = run_command(tmp_path, "serve", **settings)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert address in line
    assert variable in line


@pytest.mark.full
def test_two_serves_never_share_a_port_by_accident(serving, tmp_path):
    done = run_command(tmp_path, "serve", CLC_LISTEN=serving.url.removeprefix("http://"))
    assert done.returncode == 1
    assert "CLC_LISTEN" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    take_few(
        [
            ({"CLC_LISTENERS": "none"}, ["CLC_LISTENERS", "'none'"]),
            ({"CLC_PUBLIC_KEY": "/no/such.pem"}, ["/no/such.pem"]),
            ({"CLC_DATA_DIR": "/proc/nowhere"}, ["/proc/nowhere", "CLC_DATA_DIR"]),
            ({"CLC_TRUSTED_PROXIES": "my-proxy"}, ["CLC_TRUSTED_PROXIES", "my-proxy"]),
            ({"CLC_TLS_CERT": "/no/c.pem", "CLC_TLS_KEY": "/no/k.pem"}, ["CLC_TLS_CERT", "/no/c.pem"]),
        ],
        1,
    ),
)
def test_what_can_not_work_is_said_in_one_sentence_before_anything_starts(tmp_path, settings, words):
    done = run_command(tmp_path, "serve", **settings)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode in {1, 2}
    assert all(word in line for word in words)


def test_a_query_service_that_other_machines_reach_is_warned_of(serving):
    serving.until_logged("takes connections from other machines and does not encrypt")


def test_readiness_tells_the_store_too(serving):
    told = json.loads(serving.sender.get("/readyz").data)
    assert (told["spool"], told["store"]) == ("ok", "ok")
    assert (told["store_process"]["state"], told["store_process"]["since"]) == ("ok", None)


def test_an_archive_imported_while_serving_appears_with_its_own_times(serving, tmp_path):
    fields = {"received_at": "2019-05-06T07:08:09Z", "event": "User.Updated", "body": "{}", "headers": {}}
    (tmp_path / "old.jsonl").write_text(json.dumps(fields))
    before = count(serving)
    done = run_command(serving.data_dir, "import", str(tmp_path / "old.jsonl"), "--signatures", "record")
    assert done.returncode == 0, done.stderr
    until(lambda: count(serving) > before, what="the imported notification")
    query = "SELECT year(received_at) AS y, signature_status AS s FROM notifications WHERE seq > ?"
    assert serving.sql(query, [before]) == [{"y": 2019, "s": "missing"}]


def test_a_backup_while_running_opens_elsewhere_and_accepting_goes_on(serving, tmp_path):
    wanted = count(serving) + 50
    for number in range(50):
        serving.sender.post("/webhooks/User.Updated", USER % number)
    until(lambda: count(serving) == wanted, what="them in the table")
    done = run_command(serving.data_dir, "backup", str(tmp_path / "copy.duckdb"))
    assert done.returncode == 0, done.stderr
    assert f"{wanted:,} notifications" in done.stderr
    assert serving.sender.post("/webhooks/User.Updated", USER % 50).status == 200
    until(lambda: count(serving) == wanted + 1, what="the one after the backup")
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
        copied = copy.execute("SELECT count(*), max(seq) FROM notifications").fetchall()
    assert copied == [(wanted, wanted)]
    again = run_command(serving.data_dir, "backup", str(tmp_path / "copy.duckdb"))
    assert (again.returncode, "exists" in again.stderr) == (1, True)
    odd = run_command(serving.data_dir, "backup", str(tmp_path / "copy?.duckdb"))
    assert (odd.returncode, "have no question mark." in odd.stderr) == (2, True)


def test_a_backup_without_a_running_serve_says_so(tmp_path):
    done = run_command(tmp_path, "backup", str(tmp_path / "copy.duckdb"))
    assert done.returncode == 1
    assert "No `clc-receiver serve` is using" in done.stderr


def test_readers_token_makes_no_backup(serving):
    headers = {"Authorization": f"Bearer {serving.token}", "Content-Type": "application/json"}
    response = urllib3.request("POST", f"{serving.query_url}/backup", headers=headers, body=b"{}", retries=False)
    assert response.status == 401


def test_a_newer_store_is_refused_with_both_versions(tmp_path):
    with open_database(tmp_path / "clc.duckdb") as database:
        database.execute("INSERT INTO schema_version VALUES (99)").fetchall()
    with pytest.raises(StoreError, match=rf"version 99.*up to {find_newest_version()}"):
        open_database(tmp_path / "clc.duckdb")
