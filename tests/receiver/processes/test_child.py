"""A child of `serve` starts with what the supervisor passes, also where that is of an older version."""

import os
import threading

from receiver.processes.heartbeat import Heart
from tests.support.processes import ListenerProcess, running


def test_a_heart_goes_on_in_silence_where_its_supervisor_is_gone(monkeypatch):
    beaten, (reader, writer) = threading.Event(), os.pipe()

    def stand_still(_seconds):
        beaten.set()
        threading.Event().wait()

    monkeypatch.setattr("receiver.processes.heartbeat.time.sleep", stand_still)
    os.close(reader)
    Heart(writer).start()
    assert beaten.wait(60)


def test_a_child_whose_supervisor_is_of_an_older_version_starts_and_says_what_counts(tmp_path):
    passed = {"CLC_BACKUP_EVERY": "86400.0", "CLC_QUERY_TIMEOUT_SECONDS": "7200.0"}
    with running(ListenerProcess, tmp_path, **passed) as listener:
        assert listener.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim"}').status == 200
        log = listener.log
    assert "CLC_BACKUP_EVERY is no longer allowed as it is: it counts as 86400.0" in log
    assert "CLC_QUERY_TIMEOUT_SECONDS is no longer allowed as it is: it counts as 3600.0" in log
