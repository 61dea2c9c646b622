"""`clc-receiver status`: what an operator must know, from a running receiver and from one that is not."""

import json
import os
import re
import signal
import time

import pytest
import urllib3

from receiver.commands.status import _print
from receiver.data_directory.incidents import report
from receiver.senders.keys import compute_fingerprint, load_public_key
from receiver.spool import layout
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, append, spool
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, running, stopped
from tests.support.rows import notification
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'


def status(data_dir, **settings):
    """The figures by name, and the exit code."""
    done = run_command(data_dir, "status", "--json", **settings)
    found = json.loads(done.stdout)
    figures = {figure["name"]: figure for figure in found["figures"]}
    return {**found, "figures": figures}, done.returncode


def metrics(receiver):
    text = urllib3.request("GET", f"{receiver.query_url}/metrics").data.decode()
    return {name: float(value) for name, value in re.findall(r"^(clc_.+) (\S+)$", text, re.MULTILINE)}


def unwell(found):
    """What is not ok, leaving out disks: a test machine's may be small."""
    states = {name: figure["state"] for name, figure in found["figures"].items() if "_free_" not in name}
    return {name: state for name, state in states.items() if state != "ok"}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A `serve` whose figures tests change; each looks at what it changed."""
    with running(PreparedReceiver, tmp_path_factory.mktemp("serving")) as receiver:
        yield receiver


def test_a_running_receiver_tells_how_it_is(serving):
    data_dir = serving.data_dir
    for number in range(60):
        assert serving.sender.post("/webhooks/User.Updated", USER % number).status == 200
    assert serving.sender.post("/webhooks/User.Updated", b"no json").status == 400
    until(lambda: status(data_dir)[0]["figures"]["notifications"]["value"] == 60)
    until(lambda: status(data_dir)[0]["refusals"], what="the refused one, which may come after them")
    found, code = status(data_dir)
    text = run_command(data_dir, "status").stdout
    until(lambda: metrics(serving).get("clc_store_notifications") == 60)
    assert metrics(serving)["clc_store_last_checkpoint_timestamp_seconds"] > time.time() - 60
    assert unwell(found) == {}
    assert (found["serving"], code) == (True, found["state"] == "red")
    assert found["figures"]["rate_last_minute"]["value"] == 1.0
    assert found["figures"]["lag_seconds"]["value"] == 0.0
    assert found["refusals"] == [{"reason": "not_json", "kept": 1, "last_hour": 1}]
    assert {process["name"]: process["state"] for process in found["processes"]} == {
        "listener 1": "running",
        "store": "running",
    }
    assert re.search(r"ok +Notifications, with copies +60\n", text)
    assert re.search(r"refused: not_json +1 in the last hour, 1 kept", text)
    assert text.endswith("\nAll is well.\n")


def test_the_query_token_is_needed_for_it(serving):
    url = f"{serving.query_url}/status"
    assert urllib3.request("GET", url).status == 401
    answer = urllib3.request("GET", url, headers={"Authorization": f"Bearer {serving.token}"})
    found = json.loads(answer.data)
    assert answer.status == 200
    assert set(found) == {
        "at",
        "state",
        "serving",
        "figures",
        "limits",
        "refusals",
        "processes",
        "recoveries",
        "silences",
        "machines",
    }
    assert all(set(figure) == {"name", "label", "value", "text", "state"} for figure in found["figures"])
    assert found["limits"]["lag_seconds"] == {"amber": 10, "red": 60, "falling": False}


def test_without_serve_it_says_so_and_tells_what_the_files_tell(tmp_path):
    spool(tmp_path, [accepted(number) for number in range(5)])
    append(tmp_path)
    spool(tmp_path, [accepted(number) for number in range(5, 8)])
    found, code = status(tmp_path)
    assert (code, found["serving"], found["state"]) == (1, False, "red")
    assert unwell(found) == {
        "serving": "red",
        "key_fingerprint": "amber",
        "append_error": "amber",
        "tasks_failing": "amber",
    }
    assert found["figures"]["notifications"]["value"] == 5
    assert found["figures"]["spool_rows"]["value"] == 3
    # They were received long ago, by their own account, but have waited only since their writer began.
    assert found["figures"]["lag_seconds"]["value"] < 60
    text = run_command(tmp_path, "status").stdout
    assert re.search(r"red +serve +NOT running", text)
    assert text.endswith("\nNot all is well: 1 red, 3 amber.\n")


def test_on_an_empty_directory_it_says_that_there_is_nothing(tmp_path):
    found, code = status(tmp_path)
    assert (code, found["figures"]["store"]["state"]) == (1, "red")
    assert "There is no database" in found["figures"]["store"]["text"]


@pytest.mark.full
def test_a_row_that_duckdb_refuses_stops_no_other_and_is_shown(serving):
    before = status(serving.data_dir)[0]
    rows = [accepted(number) for number in range(40)]
    rows[17] = notification(17, payload=b'{"half": "\\ud800"}')
    spool(serving.data_dir, rows)
    for number in range(10):
        assert serving.sender.post("/webhooks/User.Updated", USER % (100 + number)).status == 200
    wanted = before["figures"]["notifications"]["value"] + 49
    until(lambda: serving.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == wanted)
    found, _ = status(serving.data_dir)
    until(lambda: metrics(serving)["clc_store_kept_aside_rows"] == 1)
    assert metrics(serving)['clc_status{figure="rows_set_aside"}'] == 1
    (aside,) = serving.sql("SELECT id, body FROM rejected WHERE reason = 'not_storable'")
    assert (str(aside["id"]), aside["body"]) == (str(rows[17].id), rows[17].payload)
    assert newly_unwell(before, found) == {"rows_set_aside": "amber"}
    assert found["figures"]["rows_set_aside"]["value"] == 1
    assert found["figures"]["lag_seconds"]["state"] == "ok"
    verified = run_command(serving.data_dir, "verify")
    assert verified.returncode == 1, verified.stderr
    (line,) = verified.stdout.splitlines()
    assert line.startswith("set_aside")
    assert str(rows[17].id) in line


def newly_unwell(before, found):
    return dict(unwell(found).items() - unwell(before).items())


@pytest.mark.full
def test_a_process_that_died_and_was_started_again_is_shown(serving):
    before = status(serving.data_dir)[0]
    os.kill(serving.children()["listener"], signal.SIGKILL)
    until(lambda: serving.log.count("the listener takes notifications") == 2)
    all_at_work = "processes_not_running"
    found = until(lambda: (now := status(serving.data_dir)[0])["figures"][all_at_work]["value"] == 0 and now)
    assert until(lambda: metrics(serving)['clc_restarts_total{process="listener 1"}']) == 1
    assert newly_unwell(before, found) == {"restarts_last_hour": "amber"}
    (listener,) = [process for process in found["processes"] if process["name"] == "listener 1"]
    assert (listener["restarts"], listener["last_exit"]) == (1, -9)


@pytest.mark.full
def test_a_recovery_is_shown_and_is_red_when_something_is_missing(serving):
    data_dir = serving.data_dir
    before = status(data_dir)[0]
    report(data_dir, "The WAL was damaged.", moved_to=data_dir / "aside")
    assert newly_unwell(before, status(data_dir)[0]) == {"recoveries_last_week": "amber"}
    report(data_dir, "The database was damaged.", missing="seq 7 to 9")
    found, code = status(data_dir)
    text = run_command(data_dir, "status").stdout
    assert (newly_unwell(before, found), code) == ({"recoveries_last_week": "red"}, 1)
    assert re.search(r"MISSING since [-\d]+: seq 7 to 9", text)
    assert "The WAL was damaged." in text


def find_key(data_dir):
    """Ask with another key in the shell's settings."""
    return status(data_dir, CLC_PUBLIC_KEY="")[0]["figures"]["key_fingerprint"]["text"]


@pytest.mark.full
@pytest.mark.slow
def test_of_a_store_that_hangs_that_is_shown_its_file_left_alone_and_the_key_is_that_of_serve(tmp_path):
    assert "by this shell's settings" in find_key(tmp_path)
    key = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    with running(PreparedReceiver, tmp_path) as receiver:
        with stopped(receiver.children()["store"]):
            for number in range(5):
                assert receiver.sender.post("/webhooks/User.Updated", USER % number).status == 200
            found, code = status(tmp_path, CLC_PUBLIC_KEY="")
        assert (code, found["figures"]["store"]["state"]) == (1, "red")
        assert found["figures"]["spool_rows"]["text"] == "at most 5"
        assert found["figures"]["key_fingerprint"]["text"] == key
        until(lambda: status(tmp_path)[0]["figures"]["notifications"]["value"] == 5)
    assert find_key(tmp_path) == f"{key} (of the serve that ran last)"


@pytest.mark.full
def test_looking_changes_nothing_in_a_spool_whose_listener_was_killed(tmp_path):
    receiver = PreparedReceiver(tmp_path)
    os.kill(receiver.children()["store"], signal.SIGSTOP)
    for number in range(20):
        assert receiver.sender.post("/webhooks/User.Updated", USER % number).status == 200
    children = receiver.children().values()
    receiver.process.kill()
    for child in children:
        os.kill(child, signal.SIGKILL)
    receiver.stop(signal.SIGKILL)
    before = {path.name: path.read_bytes() for path in (tmp_path / "spool").iterdir()}
    assert any(name.endswith("-wal") and content for name, content in before.items())
    found, _ = status(tmp_path)
    assert found["figures"]["spool_rows"]["value"] == 20
    assert [(each["state"], each["pid"]) for each in found["processes"]] == [("stopped", None)] * 2
    assert "  stopped, 0 restarts\n" in run_command(tmp_path, "status").stdout
    run_command(tmp_path, "verify")
    assert {path.name: path.read_bytes() for path in (tmp_path / "spool").iterdir()} == before
    assert {layout.is_segment(path) for path in (tmp_path / "spool").glob("*.sqlite")} == {True}


def test_machines_of_the_same_name_are_told_apart(capsys):
    told = {"name": "vm", "version": "1.0", "this": False, "does": "stores", "state": "ok", "text": "has all rows"}
    others = [{"id": f"{start}2345678-9", "seen_at": "2026-03-02T08:00:00.000+00:00"} for start in "abc"]
    machines = [{**told, **other, "name": name} for name, other in zip(("vm", "vm", "db"), others, strict=True)]
    nothing = dict.fromkeys(("figures", "refusals", "processes", "recoveries", "silences"), ())
    _print({**nothing, "machines": machines})
    names = [line.partition(", ")[0].partition(" version")[0].split() for line in capsys.readouterr().out.splitlines()]
    assert names[:3] == [["ok", "vm", "(a2345678)"], ["ok", "vm", "(b2345678)"], ["ok", "db", "c2345678"]]


@pytest.mark.full
def test_a_running_receiver_tells_whether_its_paths_hold_a_secret_and_not_which(tmp_path, serving):
    assert "url_secret" not in status(serving.data_dir)[0]["figures"]
    with running(PreparedReceiver, tmp_path, CLC_URL_SECRET="correct-horse-battery") as receiver:
        found, _ = status(receiver.data_dir)
        assert found["figures"]["url_secret"]["value"] == 1
        assert "correct-horse" not in json.dumps(found)


def test_a_process_that_stands_still_is_not_called_running(capsys):
    process = {"name": "listener 1", "state": "running", "pid": 7, "restarts": 0, "last_exit": None}
    nothing = dict.fromkeys(("figures", "refusals", "recoveries", "silences"), ())
    _print({**nothing, "processes": [{**process, "silent_since": "2026-03-04T12:00:00+00:00"}]})
    assert "no sign of life since 2026-03-04T12:00:00+00:00, process 7, 0 restarts" in capsys.readouterr().out
