"""A receiver with finished months, object storage, and PostgreSQL."""

import pytest

from tests.durability.support.stores import spool
from tests.lake.months import finished_rows
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


@pytest.fixture
def receiver(tmp_path):
    """A receiver that has two finished months, and writes no lake by itself."""
    rows = finished_rows()
    spool(tmp_path / "data", rows)
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        count = "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM rejected) AS n"
        until(lambda: receiver.sql(count) == [{"n": len(rows)}], what="all to be stored")
        yield receiver
