"""A store that crashed, to be copied and damaged, and the processes that start the copies."""

from collections.abc import Iterator

import pytest

from tests.durability.support.damaged import Stores, crashed_store
from tests.durability.support.damaged_backups import make_backup, make_older_backup


@pytest.fixture(scope="session")
def crashed(tmp_path_factory):
    return crashed_store(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    stores = Stores()
    yield stores
    stores.close()


@pytest.fixture(scope="session")
def backup(tmp_path_factory):
    return make_backup(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def older(tmp_path_factory):
    return make_older_backup(tmp_path_factory.mktemp("older"))
