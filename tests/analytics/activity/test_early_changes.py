"""Changes that happened before the first notification came, as bodies of an imported archive may say."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.readable_store import Changed, build_store, server

FIRST = datetime.now(UTC) - timedelta(days=2)
EARLIER = FIRST - timedelta(days=9)


@pytest.fixture
def store(tmp_path):
    rows = [server("ACME", "WA1ACMEWEB01", received_at=at, occurred_at=EARLIER) for at in (FIRST, FIRST)]
    changes = [Changed(2, path, "changed", "1", "2") for path in ("details.cpu", "details.memoryMB")]
    return str(build_store(tmp_path / "store.duckdb", rows, changes=changes))


@pytest.mark.parametrize("count", [{}, {"count": "Changed fields"}])
def test_the_range_all_counts_changes_from_before_the_first_notification(open_activity, count):
    assert [metric.value for metric in open_activity(range="all", **count).metric] == ["2", "2"]


def test_a_shorter_range_counts_none_of_them(open_activity):
    assert [metric.value for metric in open_activity(range="7 d").metric] == ["2", "0"]
