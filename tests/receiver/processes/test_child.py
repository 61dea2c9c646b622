"""A child of `serve` starts with what the supervisor passes, also where that is of an older version."""

import os
from types import SimpleNamespace

import pytest

from receiver.processes.heartbeat import Heart
from tests.support.processes import ListenerProcess, running


class BeatenError(Exception):
    """The heart has beaten once."""


def test_a_heart_goes_on_in_silence_where_its_supervisor_is_gone(monkeypatch):
    def end(_seconds):
        raise BeatenError

    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr("receiver.processes.heartbeat.time", SimpleNamespace(sleep=end))
    try:
        with pytest.raises(BeatenError):
            Heart(writer)._tell()
    finally:
        os.close(writer)


def test_a_child_whose_supervisor_is_of_an_older_version_starts_and_says_what_counts(tmp_path):
    passed = {"CLC_BACKUP_EVERY": "86400.0", "CLC_QUERY_TIMEOUT_SECONDS": "7200.0"}
    with running(ListenerProcess, tmp_path, **passed) as listener:
        assert listener.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim"}').status == 200
        log = listener.log
    assert "CLC_BACKUP_EVERY is no longer allowed as it is: it counts as 86400.0" in log
    assert "CLC_QUERY_TIMEOUT_SECONDS is no longer allowed as it is: it counts as 3600.0" in log
