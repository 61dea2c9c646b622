"""A child of `serve` starts with what the supervisor passes, also where that is of an older version."""

from tests.support.processes import ListenerProcess, running


def test_a_child_whose_supervisor_is_of_an_older_version_starts_and_says_what_counts(tmp_path):
    passed = {"CLC_BACKUP_EVERY": "86400.0", "CLC_QUERY_TIMEOUT_SECONDS": "7200.0"}
    with running(ListenerProcess, tmp_path, **passed) as listener:
        assert listener.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim"}').status == 200
        log = listener.log
    assert "CLC_BACKUP_EVERY is no longer allowed as it is: it counts as 86400.0" in log
    assert "CLC_QUERY_TIMEOUT_SECONDS is no longer allowed as it is: it counts as 3600.0" in log
