"""Machines that share a spool name the one whose clock is wrong, and by how much, beside the clock of PostgreSQL."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from receiver.keeping.care.sharing import Machine, SharedSpool, add_machines, describe_machine
from receiver.shared_spool import nodes as membership
from tests.receiver.keeping.test_care import figure, shared
from tests.support.sizes import take_few

MACHINE = Machine("aaaaaaaa-1", "one", "1.0", "all", 1.0, 0, 0.0, lacks_rows=False, is_holding=False, is_this=True)
CLOCKS = "clock_off_seconds"


def machines(*ahead, **changed):
    named = zip(("one", "two"), ahead, strict=False)
    some = tuple(MACHINE._replace(name=name, clock_ahead_seconds=each, **changed) for name, each in named)
    return shared(SharedSpool(None, None, 0, machines=some))


@pytest.mark.parametrize("seconds", take_few([180, -400], 1))
def test_every_machine_hears_of_the_one_whose_clock_is_wrong(nodes, monkeypatch, seconds):
    one, two = nodes
    two.beat()
    clock = SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)
    with monkeypatch.context() as patched:
        patched.setattr(membership, "time", clock)
        one.beat()
    known = add_machines(SharedSpool(None, None, 0), two.beat(), two.id)
    assert [round(each.clock_ahead_seconds, -1) for each in known.machines] == [seconds, 0]
    words = "3 min ahead of" if seconds > 0 else "7 min behind"
    assert figure(CLOCKS, **shared(known)).text == f"one is {words} PostgreSQL"
    shown = [describe_machine(each, datetime.now(UTC)) for each in known.machines]
    assert [(each["name"], each["state"]) for each in shown] == [
        ("one", "amber" if seconds > 0 else "red"),
        ("two", "ok"),
    ]
    assert shown[0]["text"].endswith(f"; its clock is {words} PostgreSQL: set it")
    assert "clock" not in shown[1]["text"]


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        (machines(9.9, -9.9), "ok"),
        (machines(0.1, -10), "amber"),
        (machines(300), "red"),
        (machines(None), "ok"),
        (machines(300, unseen_seconds=60), "ok"),  # it may have been set since
    ],
)
def test_a_wrong_clock_is_amber_and_where_signed_times_are_refused_red(condition, state):
    assert figure(CLOCKS, **condition).state == state


def test_while_the_machines_are_not_known_their_clocks_are_not():
    assert figure(CLOCKS, **shared(SharedSpool(None, None, 0))).text == "not known"
