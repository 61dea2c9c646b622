"""Object storage for these tests, and a backup to put there."""

from datetime import datetime

import pytest

from receiver.keeping.backup_file import seal
from tests.durability.support.stores import accepted, append, spool
from tests.support.object_storage import bucket, credentials, object_storage, objects

__all__ = ["bucket", "credentials", "object_storage", "objects"]


@pytest.fixture
def backup(tmp_path):
    """A backup of three notifications."""
    spool(tmp_path / "made", [accepted(number) for number in range(3)])
    append(tmp_path / "made")
    file = tmp_path / f"clc-{datetime(2026, 3, 2):%Y%m%dT%H%M%S%fZ}.duckdb"  # noqa: DTZ001 - a name
    (tmp_path / "made" / "clc.duckdb").rename(file)
    seal(file, "key", tmp_path / "none")
    return file


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "there").mkdir()
    return tmp_path / "there"
