"""A listener that the tests of a module share."""

import pytest

from tests.durability.http.hurried import USER, Hurried
from tests.support.processes import running


@pytest.fixture(scope="module")
def shared_listener(tmp_path_factory):
    with running(Hurried, tmp_path_factory.mktemp("listener")) as process:
        yield process


@pytest.fixture
def listener(shared_listener):
    """A listener that still takes a good notification after whatever a test did, and has logged no trouble."""
    yield shared_listener
    assert shared_listener.sender.post("/webhooks/User.Updated", USER).status == 200
    assert "ERROR" not in shared_listener.log
