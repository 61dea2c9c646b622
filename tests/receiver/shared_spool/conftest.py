"""One PostgreSQL for these tests, a database for each, and two nodes that share it."""

import pytest

from tests.receiver.shared_spool.nodes import Node
from tests.support.postgres import database, postgres

__all__ = ["database", "postgres"]


@pytest.fixture
def nodes(tmp_path, database):
    nodes = [Node(tmp_path / name, database) for name in ("one", "two")]
    yield nodes
    for node in nodes:
        node.close()
