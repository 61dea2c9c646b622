"""`clc-receiver demo`: it comes up with data, and leaves nothing when it goes."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import urllib3
from click.testing import CliRunner

from analytics import connect
from receiver.commands import demo as command
from receiver.data_directory.access import Running
from receiver.senders.profile import load_shipped
from receiver.senders.set_up import load_secrets
from receiver.settings import Settings
from receiver.simulator.demonstrated import describe, make_secrets
from tests.durability.support.stores import append, spool
from tests.support.ports import free_address
from tests.support.processes import Process, environment
from tests.support.rows import notification_of_github
from tests.support.sizes import take_few
from tests.support.waiting import until


def processes_about(text):
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if text in (directory / "cmdline").read_text() or text in (directory / "environ").read_text():
                found.append(int(directory.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


OF_THE_USER = """
CLC_SHARED_SPOOL=postgresql://clc@127.0.0.1:1/clc
CLC_OBJECTS={objects}
CLC_BACKUP_EVERY=1s
CLC_LAKE=on
CLC_KEEP=1mo
CLC_ACCOUNTS=ACME
CLC_SENDERS=missing
CLC_QUERY_TOKEN=a-token-of-the-user
CLC_URL_SECRET=a-secret-of-the-user
CLC_SECRET_GITHUB=another-secret-of-the-user
"""
"""A `.env` of a receiver in production, where the demonstration is started."""


class Demonstration(NamedTuple):
    """A demonstration that tests look at one after the other; the last of them ends it."""

    process: Process
    directory: Path
    data_dir: Path
    query: str
    dashboard: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    data_dir = directory / "shown"
    (directory / "objects").mkdir()
    (directory / ".env").write_text(OF_THE_USER.format(objects=directory / "objects"))
    port = free_address().rpartition(":")[2]
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("CLC_DATA_DIR", str(data_dir))
        settings.setenv("CLC_QUERY_TOKEN", "a-token-of-the-user")
        command = [sys.executable, "-m", "receiver", "demo", "--no-browser", "--days", "1", "--rate", "5"]
        command += ["--port", port, "--data-dir", str(data_dir)]
        with Process(command, environment(directory), cwd=directory) as process:
            query = process.until_logged(r"Query service\s+(http://\S+)/query")[1]
            dashboard = process.until_logged(r"Dashboard\s+(http://\S+)")[1]
            process.until_logged("(?m)^Press Ctrl-C to stop the demo")
            yield Demonstration(process, directory, data_dir, query, dashboard)


@pytest.mark.full
@pytest.mark.slow
def test_the_demonstration_has_history_and_a_live_sender(demo):
    assert urllib3.request("GET", demo.dashboard).status == 200
    with connect(demo.query) as client:
        ask = "SELECT count(*) AS n, count(*) FILTER (signature_status = 'valid') AS valid FROM notifications"
        (first,) = client.sql(ask).to_pylist()
        assert first["n"] > 100
        assert first["valid"] == first["n"]
        until(lambda: client.sql(ask).to_pylist()[0]["n"] > first["n"], what="live notifications")


@pytest.mark.full
def test_the_demonstration_says_what_it_does_and_prints_commands_that_work_where_they_are_pasted(demo):
    log = demo.process.log
    assert demo.process.lines[0].startswith("Starting a demonstration with 1 day of made-up notifications.")
    assert re.search(r"^Writing: ([\d,]+) of \1, ", log, re.MULTILINE)
    with connect(demo.query) as client:
        before = client.sql("SELECT max(seq) AS seq FROM notifications").to_pylist()[0]["seq"]
        (send,) = re.findall(r"^ +(\S*clc-receiver simulate .*--event Account\.Updated.*)$", log, re.MULTILINE)
        subprocess.run(["bash", "-c", send], cwd=demo.directory, env=environment(demo.data_dir), check=True)
        sent = "SELECT count(*) AS n FROM notifications WHERE seq > ? AND entity_id = 'DEMO'"
        until(lambda: client.sql(sent, [before]).to_pylist()[0]["n"] == 1, what="the changed address")
    export, ask = re.findall(r"^ +(export CLC_DATA_DIR.*|\S*clc-analytics sql .*)$", log, re.MULTILINE)
    command = ["bash", "-c", f"{export}; unset CLC_QUERY_TOKEN; {ask}"]
    asked = subprocess.run(command, cwd=demo.directory, check=True, capture_output=True, text=True)
    assert "Account.Updated" in asked.stdout


def test_the_printed_check_has_the_secrets_of_all_senders_in_the_demonstration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data_dir = tmp_path / "shown here"
    settings = Settings(data_dir=data_dir, secrets_dir=data_dir / "secrets")
    make_secrets(settings, ("github",))
    (secret,) = load_secrets(settings, [load_shipped()["github"]])["github"]
    body = {"action": "edited", "repository": {"full_name": "acme/web"}}
    rows = [notification_of_github(number, "repository", body) for number in range(3)]
    signed = [row._replace(signature=secret.sign([row.payload]), key_fingerprint=secret.fingerprint) for row in rows]
    spool(data_dir, signed)
    append(data_dir)
    said = describe(settings, ("github",), 1, "http://d", Running(1, "127.0.0.1:1", "127.0.0.1:2"))
    (check,) = re.findall(r"^ +(\S*clc-receiver verify .*)$", said, re.MULTILINE)

    def paste(line, outcome):
        asked = subprocess.run(["bash", "-c", line], env=environment(tmp_path), check=False, capture_output=True)
        assert asked.returncode == outcome, asked.stderr
        return asked.stderr.decode()

    said = paste(check, 0)
    assert "Checked under secrets: 3 of github." in said
    assert "No problems found." in said
    said = paste(check.partition(" --secrets-dir")[0], 2)
    assert "3 signatures of github; they need the shared secret" in said
    assert "No problems found in the rest." in said


@pytest.mark.full
def test_it_touches_nothing_that_the_settings_of_the_user_lead_to(demo):
    assert not list((demo.directory / "objects").iterdir())
    assert not list(demo.data_dir.glob("backups/*"))
    serve = next(environ(pid) for pid in processes_about(str(demo.data_dir)) if "serve" in cmdline(pid).split("\0"))
    kept = set(serve.split("\0")) & set(OF_THE_USER.split())
    assert kept == {"CLC_QUERY_TOKEN=a-token-of-the-user", "CLC_URL_SECRET=a-secret-of-the-user"}


@pytest.mark.full
def test_it_ends_whole(demo):
    assert demo.process.stop(signal.SIGINT) == 0, demo.process.log
    assert processes_about(str(demo.data_dir)) == []
    assert "nothing of it is running" in demo.process.log


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", "65536"), ("--port", "-1"), ("--days", "nan"), ("--rate", "nan"), ("--rate", "100001")],
)
def test_a_number_that_a_part_of_it_refuses_is_refused_before_anything_starts(option, value, monkeypatch):
    monkeypatch.setattr(command, "run_demo", lambda *_: pytest.fail("it started"))
    done = CliRunner().invoke(command.demo, [option, value])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output


@pytest.mark.parametrize(
    ("directory", "file", "named"),
    take_few(
        [("shown/demo.log", "other", "shown/demo.log"), (".", "shown", "shown"), ("shown", "shown/secrets", "shown")], 1
    ),
    ids=take_few(["a log that can't be written", "a file", "secrets that can't be written"], 1),
)
def test_what_it_can_not_use_is_named_in_a_sentence(tmp_path, directory, file, named):
    data_dir = tmp_path / "shown"
    (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    command = [sys.executable, "-m", "receiver", "demo", "--no-browser", "--data-dir", str(data_dir)]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    (_, line) = done.stderr.strip().splitlines()
    assert (done.returncode, line.partition(" (")[0]) == (1, f"Error: {tmp_path / named} can't be used")
    assert line.endswith("): name another directory with --data-dir.")


@pytest.mark.full
@pytest.mark.slow
def test_a_demonstration_of_two_senders_uses_the_addresses_of_the_settings_and_ends_with_each_part(
    tmp_path,
):
    own, data_dir = free_address(), tmp_path / "shown"
    senders = ("github", "centurylink")
    chosen = [f"--sender={name}" for name in senders]
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-m", "receiver", "demo", "--no-browser", "--days", "1", *chosen]
        command += ["--port", taken[10:]]
        settings = environment(tmp_path, CLC_LISTEN=own, CLC_QUERY_LISTEN=taken)
        demo = Process([*command, "--data-dir", str(data_dir)], settings, cwd=tmp_path)
        try:
            other = demo.until_logged(rf"Port {taken[10:]} is taken; the query service uses (\d+)\.")[1]
            demo.until_logged("(?m)^Press Ctrl-C to stop the demo")
            assert re.search(rf"(?m)^Port {taken[10:]} is taken; the dashboard uses \d+\.$", demo.log)
            assert f"http://{own}/webhooks" in demo.log
            assert f"http://127.0.0.1:{other}/query" in demo.log
            simulators = [pid for pid in processes_about(str(data_dir)) if "simulate" in cmdline(pid)]
            assert len(simulators) == len(senders)
            os.kill(simulators[0], signal.SIGKILL)
            until(lambda: demo.process.poll() is not None, what="the demonstration's end")
        finally:
            assert demo.stop() == 1, demo.log
    assert re.search("The simulator.* ended by itself", demo.log)
    assert processes_about(str(data_dir)) == []


def environ(pid):
    return Path(f"/proc/{pid}/environ").read_text()


def cmdline(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()
