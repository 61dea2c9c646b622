"""Changes that happened before the first notification came, as bodies of an imported archive may say."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app
from tests.support.readable_store import Changed, build_store, server

FIRST = datetime.now(UTC) - timedelta(days=2)
EARLIER = FIRST - timedelta(days=9)


@pytest.fixture
def open_page(tmp_path, monkeypatch):
    rows = [server("ACME", "WA1ACMEWEB01", received_at=at, occurred_at=EARLIER) for at in (FIRST, FIRST)]
    changes = [Changed(2, path, "changed", "1", "2") for path in ("details.cpu", "details.memoryMB")]
    store = str(build_store(tmp_path / "store.duckdb", rows, changes=changes))
    monkeypatch.chdir(tmp_path)

    def run(**parameters):
        app = make_app(monkeypatch, "activity", store, **parameters).run()
        assert not app.exception
        return app

    return run


@pytest.mark.parametrize("count", [{}, {"count": "Changed fields"}])
def test_the_range_all_counts_changes_from_before_the_first_notification(open_page, count):
    assert [metric.value for metric in open_page(range="all", **count).metric] == ["2", "2"]


def test_a_shorter_range_counts_none_of_them(open_page):
    assert [metric.value for metric in open_page(range="7 d").metric] == ["2", "0"]
