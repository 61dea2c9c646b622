"""A store that crashed, to be copied and damaged, and the processes that start the copies."""

from collections.abc import Iterator

import pytest

from tests.durability.support.damaged import Stores, crashed_store


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    return crashed_store(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    stores = Stores()
    yield stores
    stores.close()
