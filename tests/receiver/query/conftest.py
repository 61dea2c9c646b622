"""A query service for each module, and a narrow one for each test that asks for it."""

import pytest

from receiver.store.query import QueryLimits
from tests.support.querying import serving


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("store") / "clc.duckdb") as running:
        yield running


@pytest.fixture
def narrow(tmp_path):
    """A service with one slot and room for one to wait."""
    with serving(tmp_path / "clc.duckdb", QueryLimits(20, 100_000, concurrent=1, waiting=1)) as running:
        yield running
