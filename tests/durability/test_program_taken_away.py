"""An upgrade takes the program's files away for a moment: what runs meanwhile has loaded all that it needs."""

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest
import urllib3

import receiver as program
from receiver.files import load_program, read_sql_file
from tests.durability.support.commands import run_command
from tests.support.processes import Receiver, running
from tests.support.waiting import until

# Python runs a module of this name when a process starts. While a file `watch` is there, this one notes each module
# that is looked for and each file of Python's or the program's that is opened.
WATCH = """
import os, sys

here = os.path.dirname(__file__)
noted = os.open(os.path.join(here, "noted"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
ours = (sys.prefix, sys.base_prefix + "/lib", here)


def note(event, arguments):
    if event not in {"import", "open"} or not os.path.exists(os.path.join(here, "watch")):
        return
    if event == "import" and arguments[0] not in sys.modules:
        os.write(noted, f"{os.getpid()} looks for {arguments[0]}\\n".encode())
    elif event == "open" and str(arguments[0]).startswith(ours):
        os.write(noted, f"{os.getpid()} opens {arguments[0]}\\n".encode())


sys.addaudithook(note)
"""
USER = '{"accountAlias":"ACME","userName":"user%d@acme.example","n":%d}'
SERVER = (
    '{"id":"wa1acmeweb01","name":"WA1ACMEWEB01","changeInfo":{"modifiedBy":"kim","modifiedDate":"%s"},'
    '"links":[{"rel":"account","id":"acme"}]}'
)
ACCOUNT = '{"accountAlias":"AC%02d","parentAlias":"ACME","businessName":"Toys %d"}'


@pytest.fixture
def installed(tmp_path) -> Path:
    """A copy of the program that processes run from, and that can be taken away."""
    directory = tmp_path / "program"
    shutil.copytree(Path(program.__file__).parent, directory / "receiver")
    (directory / "sitecustomize.py").write_text(WATCH)
    return directory


def send(receiver, number):
    """Send what makes the store do all that it does: changes, late ones, copies, accounts, refusals."""
    posts = [
        ("/webhooks/User.Updated", USER % (number % 3, number)),
        ("/webhooks/User.Updated", USER % (number % 3, number)),
        ("/webhooks/Server.Updated", SERVER % f"2026-03-04T{12 - number % 12:02}:00:00Z"),
        ("/webhooks/Account.Updated", ACCOUNT % (number % 5, number)),
    ]
    for path, body in posts:
        assert receiver.sender.post(path, body.encode()).status == 200
    assert receiver.sender.post("/webhooks/User.Updated", b"no json").status == 400
    return len(posts)


def stored(receiver):
    return receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"]


def rebuilt(receiver):
    """Let a running store derive all changes again, as `clc-receiver rebuild` does."""
    token = (receiver.data_dir / "control.token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    answer = urllib3.request("POST", f"{receiver.query_url}/rebuild", headers=headers, timeout=60)
    return json.loads(answer.data.splitlines()[-1])


def test_no_sql_file_is_read_once_the_program_is_loaded(monkeypatch):
    load_program()
    monkeypatch.setattr(resources, "files", None)
    top = Path(program.__file__).parent
    for file in top.rglob("*.sql"):
        package = ".".join((top.name, *file.parent.relative_to(top).parts))
        assert read_sql_file(package, file.name) == file.read_text("utf-8")


@pytest.mark.full
def test_a_running_serve_needs_no_file_of_its_program(tmp_path, installed):
    with running(Receiver, tmp_path / "data", PYTHONPATH=str(installed)) as receiver:
        (installed / "watch").touch()
        (installed / "receiver").rename(installed / "taken away")
        sent = sum(send(receiver, number) for number in range(20))
        until(lambda: stored(receiver) == sent, what="all rows")
        assert rebuilt(receiver) == {"done": True}
        for page in ("status", "metrics", "healthz"):
            headers = {"Authorization": f"Bearer {receiver.token}"}
            assert urllib3.request("GET", f"{receiver.query_url}/{page}", headers=headers).status == 200
        assert receiver.sender.get("/metrics").status == receiver.sender.get("/readyz").status == 200
        set_aside = receiver.sql("SELECT count(*) AS n FROM rejected WHERE reason = 'not_storable'")
        missing = receiver.sql("SELECT count(*) AS n FROM underived")
        (installed / "watch").unlink()
        (installed / "taken away").rename(installed / "receiver")
    assert (set_aside, missing) == ([{"n": 0}], [{"n": 0}])
    # The store says by itself that there is no pandas, before any file is looked for.
    assert [line for line in (installed / "noted").read_text().splitlines() if not line.endswith(" pandas")] == []
    verified = run_command(tmp_path / "data", "verify")
    assert (verified.returncode, verified.stdout) == (0, ""), verified.stderr
