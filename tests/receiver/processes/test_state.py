"""The noted state of `serve` and its processes."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.processes.state import UPGRADED, WENT_ON, ProcessState, ServeState, SilenceLog, recall


def test_a_silence_is_one_until_a_process_works_again_and_short_ones_and_first_starts_are_none():
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    late = at + timedelta(seconds=9)
    log = SilenceLog([])
    down = {"down_since": at.isoformat(), "state": "starting"}
    for state, now in (
        (ProcessState(**down), at),  # its first start
        (ProcessState(state="running"), late),
        (ProcessState(state="running", silent_since=at.isoformat()), late),
        (ProcessState(**down), late),  # it was killed because it hung
        (ProcessState(state="running", failure="It hung.", last_exit_at=late.isoformat()), late),
        (ProcessState(**{**down, "down_since": late.isoformat()}), late),
        (ProcessState(state="running"), late + timedelta(seconds=1)),
    ):
        log.note({"store": state}, now)
    (silence,) = log.list_recent(late)
    assert (silence.since, silence.until, silence.why) == (
        at.isoformat(),
        late.isoformat(),
        "It hung. It was started again.",
    )
    for other in (late + timedelta(days=1), late - timedelta(days=1)):  # by a clock that was set back
        assert SilenceLog([silence]).list_recent(other) == []


@pytest.mark.parametrize(("started_after", "why"), [(-1, WENT_ON), (1, UPGRADED)])
def test_a_silence_says_whether_the_process_went_on_or_an_upgrade_started_another(started_after, why):
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    log = SilenceLog([])
    works = ProcessState(state="running", started_at=(at + timedelta(seconds=started_after)).isoformat())
    for state in (works, ProcessState(state="running", silent_since=at.isoformat()), works):
        log.note({"store": state}, at + timedelta(seconds=5))
    assert [silence.why for silence in log.list_recent(at)] == [why]


def test_a_serve_that_was_not_stopped_was_silent_since_its_last_word():
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    last = ServeState(pid=1, version="1", started_at=at.isoformat(), written_at=at.isoformat())
    now = at + timedelta(minutes=1)
    (silence,) = recall(last, now, upgraded=False).list_recent(now)
    assert (silence.process, silence.since, silence.until) == ("serve", at.isoformat(), now.isoformat())
    assert recall(last, now, upgraded=True).list_recent(now) == []
    assert recall(last.model_copy(update={"state": "stopped"}), now, upgraded=False).list_recent(now) == []
