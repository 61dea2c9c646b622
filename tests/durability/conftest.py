"""A spool beside a store that takes its rows, and a writer of that spool."""

from collections.abc import Iterator

import pytest

from receiver.spool import SpoolWriter
from tests.durability.support.spool_store import SpoolStore


@pytest.fixture
def store(tmp_path) -> Iterator[SpoolStore]:
    (tmp_path / "spool").mkdir()
    store = SpoolStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def writer(store) -> Iterator[SpoolWriter]:
    writer = SpoolWriter(store.spool)
    yield writer
    writer.close()
