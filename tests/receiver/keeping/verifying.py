"""A store that is right, for tests of `clc-receiver verify`, and what the command names."""

import shutil

import pytest

from receiver.senders.sender import Event
from tests.durability.support.stores import accepted, append, spool
from tests.support import bodies

COPY = b'{"accountAlias":"ACME","userName":"kim@acme.example"}'


def names(done):
    """Return the invariant and the seq that each line of an output names."""
    return [line.partition(":")[0].partition(" id ")[0] for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Twelve notifications, three of them copies, one of a route that leaves the action open; all are still spooled."""
    data_dir = tmp_path_factory.mktemp("right")
    rows = [accepted(number) for number in range(6)]
    rows += [accepted(number, body=COPY) for number in range(6, 10)]
    rows += [accepted(10, event=Event("Server", None), body=bodies.SERVER), accepted(11)]
    spool(data_dir, rows)
    append(data_dir)
    return data_dir


@pytest.fixture
def data_dir(right, tmp_path):
    return shutil.copytree(right, tmp_path / "data")
