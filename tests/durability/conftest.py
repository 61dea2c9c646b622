"""A spool beside a store that takes its rows, a writer of that spool, and the library that makes calls fail."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.spool import SpoolWriter
from tests.durability.shim import control
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


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """The shim, compiled."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    return control.build(tmp_path_factory.mktemp("shim"))
