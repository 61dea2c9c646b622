"""A store, and a directory for rules of one's own."""

import json

import pytest

from analytics import connect
from tests.findings.history import DAY, DELETED, HOUR, NOON, user
from tests.support.readable_store import HOSTILE_NAME
from tests.support.stored import Received, store_of


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "QUERY_LISTEN", "QUERY_TOKEN", "LISTEN", "RULES", "TIME_ZONE", "WORKING_HOURS"):
        monkeypatch.delenv(f"CLC_{name}", raising=False)


@pytest.fixture
def own(tmp_path):
    directory = tmp_path / "own rules"
    directory.mkdir()

    def write(name, text):
        (directory / name).write_text(text, encoding="utf-8")
        return directory

    return write


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    received = [
        Received("User.Created", NOON - DAY, user("kim")),
        Received("User.Created", NOON - HOUR, user(HOSTILE_NAME, accountAlias="BRIX")),
        Received("User.Updated", NOON - HOUR / 2, user("kim")),
        *(Received("Server.Deleted", NOON - HOUR + n * HOUR / 60, json.dumps(body)) for n, body in enumerate(DELETED)),
    ]
    return str(store_of(tmp_path_factory.mktemp("store"), sorted(received, key=lambda each: each.received_at)))


@pytest.fixture
def client(store):
    with connect(store) as client:
        yield client
