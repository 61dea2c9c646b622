"""A process that stands still is noticed, told of and replaced; one that only takes long is left alone."""

import json
import os
import signal
from datetime import UTC, datetime

import pytest

from receiver.processes.state import read_state
from tests.durability.support.load import BODIES, check_all_is_kept
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until


def process_of(data_dir, name):
    return read_state(data_dir).processes[name]


def store_told_by(receiver):
    return json.loads(receiver.sender.get("/readyz").data)["store_process"]


@pytest.mark.full
def test_a_stopped_store_is_told_of_and_replaced_and_nothing_is_lost(tmp_path):
    # The silence shows from 3 s on until the store is replaced: also on a slow machine long enough to be asked for.
    with running(PreparedReceiver, tmp_path, CLC_HANG_SECONDS="40") as receiver:
        until(lambda: process_of(tmp_path, "store").last_beat, what="a beat in serve.json")
        stopped, began = receiver.children()["store"], datetime.now(UTC)
        os.kill(stopped, signal.SIGSTOP)
        told = until(lambda: (now := store_told_by(receiver))["state"] == "silent" and now, what="the silence")
        assert abs((datetime.fromisoformat(told["since"]) - began).total_seconds()) < 10
        assert receiver.sender.post("/webhooks/User.Updated", BODIES[1]).status == 200
        again = until(lambda: (now := store_told_by(receiver))["state"] == "ok" and now, what="the next store")
        assert (again["since"], receiver.children()["store"] != stopped) == (None, True)
        assert "store hung: its process has given no sign of life" in again["detail"]
        assert process_of(tmp_path, "store").restarts == 1
        assert len(process_of(tmp_path, "store").restarted_at) == 1
        assert check_all_is_kept(receiver, {}) == 2


def test_a_stopped_listener_and_a_stopped_store_are_replaced_and_nothing_is_lost(tmp_path):
    with running(PreparedReceiver, tmp_path, CLC_HANG_SECONDS="4") as receiver:
        for name in ("listener 1", "store"):
            until(lambda name=name: process_of(tmp_path, name).last_beat, what="a beat in serve.json")
        stopped = receiver.children()
        os.kill(stopped["store"], signal.SIGSTOP)
        assert receiver.sender.post("/webhooks/User.Updated", BODIES[1]).status == 200
        os.kill(stopped["listener"], signal.SIGSTOP)
        until(lambda: process_of(tmp_path, "listener 1").pid not in {stopped["listener"], None}, what="a listener")
        assert receiver.sender.post("/webhooks/User.Updated", BODIES[2]).status == 200
        until(lambda: process_of(tmp_path, "store").pid not in {stopped["store"], None}, what="another store")
        until(lambda: store_told_by(receiver)["state"] == "ok", what="its query service")
        assert check_all_is_kept(receiver, {}) == 3
