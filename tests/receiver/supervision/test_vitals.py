"""What the supervisor makes of a child's heartbeat."""

import json
import threading

import pytest

from receiver.processes.heartbeat import Pulse, Vitals
from receiver.supervision.children import WakingClock

MINUTE = 60.0


def message(**parts):
    return json.dumps(parts).encode() + b"\n"


def told(**parts):
    vitals = Vitals()
    vitals.take(message(**parts))
    return vitals


def test_a_child_that_beats_is_neither_silent_nor_hanging():
    vitals = told(loop=[1, None, None])
    for beats in range(2, 200):
        vitals.pass_time(1)
        vitals.take(message(loop=[beats, None, None]))
    assert (vitals.is_silent, vitals.describe_hang(MINUTE, is_ready=True)) == (False, None)
    assert vitals.last_beat


def test_a_process_without_a_message_is_silent_first_and_then_hangs():
    vitals = told(loop=[1, None, None])
    vitals.pass_time(3)
    assert (vitals.is_silent, vitals.describe_hang(MINUTE, is_ready=True)) == (True, None)
    vitals.pass_time(57)
    assert vitals.describe_hang(MINUTE, is_ready=True) == "its process has given no sign of life for 60 s"


def test_a_part_that_stands_still_hangs_while_the_process_goes_on():
    vitals = told(loop=[1, None, None], appender=[1, None, None])
    for beats in range(2, 63):
        vitals.pass_time(1)
        vitals.take(message(loop=[beats, None, None], appender=[1, None, None]))
    assert vitals.is_silent
    assert vitals.describe_hang(MINUTE, is_ready=True) == "its appender has stood still for 61 s"


def test_a_busy_part_hangs_only_after_an_hour_and_never_while_it_starts():
    since = "2026-03-01T00:00:00.000+00:00"
    vitals = told(loop=[1, None, None], appender=[1, "a checkpoint", since])
    for beats in range(2, 61):
        vitals.pass_time(MINUTE)
        vitals.take(message(loop=[beats, None, None], appender=[1, "a checkpoint", since]))
    assert (vitals.is_silent, vitals.busy) == (False, ("a checkpoint", since))
    assert vitals.describe_hang(MINUTE, is_ready=True) is None
    vitals.pass_time(MINUTE)
    vitals.take(message(loop=[61, None, None], appender=[1, "a checkpoint", since]))
    assert vitals.describe_hang(MINUTE, is_ready=False) is None
    assert "has been busy with a checkpoint since" in vitals.describe_hang(MINUTE, is_ready=True)


def test_a_part_that_ended_need_not_beat():
    vitals = told(loop=[1, None, None], appender=[1, None, None])
    vitals.pass_time(61)
    vitals.take(message(loop=[2, None, None]))
    assert (vitals.is_silent, vitals.describe_hang(MINUTE, is_ready=True)) == (False, None)


ODD = [b"{}\n", b"[]\n", b"\n", b'{"loop": 1}\n', b'{"loop": ["x", null, null]}\n', b"\xff\n"]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_message_breaks_nothing_and_a_split_one_counts(odd):
    vitals = told(loop=[1, None, None])
    vitals.take(odd)
    whole = message(loop=[2, None, None])
    vitals.pass_time(4)
    vitals.take(whole[:5])
    vitals.take(whole[5:])
    assert not vitals.is_silent


def test_a_part_stays_busy_while_another_thread_ends_what_it_did_in_its_place():
    pulse = Pulse()
    waits, may_end = threading.Event(), threading.Event()

    def wait():
        with pulse.busy("waiting"):
            waits.set()
            may_end.wait(60)

    with pulse.busy("a checkpoint"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        waits.wait(60)
    assert pulse.describe()[1] == "waiting"
    may_end.set()
    waiting.join(60)
    assert pulse.describe()[1] is None


def test_the_sleep_of_the_supervisor_is_no_silence_of_its_children():
    times = iter([0.0, 1.0, 76.0, 77.0])
    clock, vitals = WakingClock(lambda: next(times)), told(loop=[1, None, None])
    for _ in range(3):
        vitals.pass_time(clock.measure_elapsed())
    assert vitals.describe_hang(4, is_ready=True) is None
