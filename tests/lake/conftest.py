"""A receiver with finished months, object storage, and PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.durability.support.stores import spool
from tests.lake.months import finished_rows, write
from tests.support.object_storage import bucket, credentials, object_storage, objects
from tests.support.postgres import database, postgres
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

__all__ = ["bucket", "credentials", "database", "object_storage", "objects", "postgres"]


@pytest.fixture
def there(tmp_path) -> str:
    """An empty directory for a lake."""
    (tmp_path / "there").mkdir()
    return str(tmp_path / "there")


@contextmanager
def serving_two_months(data_dir: Path) -> Iterator[PreparedReceiver]:
    rows = finished_rows()
    spool(data_dir, rows)
    with running(PreparedReceiver, data_dir) as receiver:
        count = "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM rejected) AS n"
        until(lambda: receiver.sql(count) == [{"n": len(rows)}], what="all to be stored")
        yield receiver


@pytest.fixture
def receiver(tmp_path):
    """A receiver that has two finished months, and writes no lake by itself."""
    with serving_two_months(tmp_path / "data") as receiver:
        yield receiver


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Such a receiver that the tests of a module share: they leave its rows as they are."""
    with serving_two_months(tmp_path_factory.mktemp("shared")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def written(shared, tmp_path_factory) -> Path:
    """The lake of that receiver, which stays as it is."""
    directory = tmp_path_factory.mktemp("written")
    write(shared, str(directory))
    return directory


@pytest.fixture
def copied(written, there) -> str:
    """A copy of it."""
    shutil.copytree(written, there, dirs_exist_ok=True)
    return there
