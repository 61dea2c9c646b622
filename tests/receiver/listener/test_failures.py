"""What becomes of a notification when the program itself fails at it: it is answered, kept, counted and logged."""

import json
import re
import threading
from pathlib import Path

import pytest

from receiver.spool import SpoolWriter
from tests.support.processes import ListenerProcess, running
from tests.support.rows import notification

USER = b'{"accountAlias":"ACME","userName":"kim@acme.example"}'


class FailingListener(ListenerProcess):
    module = "tests.support.failing_listener"

    def __init__(self, data_dir):
        super().__init__(data_dir, PYTHONPATH=str(Path(__file__).parents[3]))


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    with running(FailingListener, tmp_path_factory.mktemp("listener")) as process:
        yield process


def counted(listener):
    text = listener.sender.get("/metrics").data.decode()
    found = re.search(r'notifications_total{result="internal_error"} (\S+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("part", ["DECIDE", "INSERT"])
def test_what_the_program_fails_at_is_answered_500_kept_counted_and_logged_under_its_id(listener, part):
    before, seen = counted(listener), len(listener.spooled("rejected"))
    body = b'{"accountAlias":"ACME","userName":"FAIL-%s"}' % part.encode()
    response = listener.sender.post("/webhooks/User.Updated", body)
    answer = json.loads(response.data)
    assert (response.status, answer["error"]) == (500, "internal_error")
    (row,) = listener.spooled("rejected")[seen:]
    assert (row.reason, row.path, row.body, row.source_ip) == (
        "internal_error",
        "/webhooks/User.Updated",
        body,
        "127.0.0.1",
    )
    assert "Tier3-Rsasha1" in json.loads(row.headers)
    assert str(row.id) in answer["detail"]
    assert counted(listener) == before + 1
    line = listener.until_logged(f".*{row.id}.*")[0]
    assert "UnexpectedError" in line
    assert "FAIL-" not in listener.log
    assert listener.sender.post("/webhooks/User.Updated", USER).status == 200


@pytest.mark.parametrize("way", ["append_here", "append"])
def test_who_can_not_be_told_of_a_commit_keeps_nobody_else_from_hearing_of_it(tmp_path, way):
    spool = SpoolWriter(tmp_path / "spool")
    heard, all_heard = [], threading.Event()

    def fail(_):
        raise RuntimeError("told in vain")

    def hear(error):
        heard.append(error)
        all_heard.set()

    group = [(notification(1), fail), (notification(2), hear)]
    if way == "append_here":
        spool.append_here(group)
    else:
        for row, done in group:
            spool.append(row, done)
    assert all_heard.wait(60)
    spool.append_all([notification(3)])
    spool.close()
    assert heard == [None]
