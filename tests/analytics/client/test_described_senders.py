"""Notebooks learn the senders that a store describes, unless it has no table of them or is busy."""

import duckdb
import pytest

import analytics
from analytics import senders
from analytics.client.described_senders import learn_senders
from analytics.errors import BusyError
from analytics.senders.described import as_sender
from tests.analytics.senders.test_described import DESCRIPTION
from tests.support.readable_store import build_store


@pytest.fixture(autouse=True)
def _learned_before():
    senders.learn([as_sender("github", "GitHub", DESCRIPTION, [])])
    yield
    senders.learn([])


@pytest.fixture
def without_senders(tmp_path):
    """A client of a file that has no table of senders."""
    duckdb.connect(tmp_path / "events.duckdb").close()
    with analytics.connect(str(tmp_path / "events.duckdb")) as client:
        yield client


def test_a_store_without_a_table_of_senders_describes_none(without_senders):
    learn_senders(without_senders)
    assert "github" not in [sender.name for sender in senders.list_senders()]


def test_the_senders_of_a_store_are_learned(tmp_path):
    path = build_store(tmp_path / "events.duckdb", [])
    with duckdb.connect(path) as connection:
        described = "SELECT 'acme' AS name, 'Acme' AS title, ?::JSON AS description"
        connection.execute(f"INSERT INTO senders BY NAME {described}", [DESCRIPTION])
    with analytics.connect(str(path)) as client:
        learn_senders(client)
    assert "acme" in [sender.name for sender in senders.list_senders()]


def test_a_store_that_is_busy_is_told(without_senders, monkeypatch):
    def refuse(*_, **__):
        raise BusyError("The query service already runs 8 queries.")

    monkeypatch.setattr(without_senders, "sql", refuse)
    with pytest.raises(BusyError):
        learn_senders(without_senders)
