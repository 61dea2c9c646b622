"""The ranked lists of the page Activity, drawn without a browser: which names they have, and of how many."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app, table_rows
from tests.support.readable_store import build_store, server

pytestmark = pytest.mark.full
LATELY, A_DAY = timedelta(minutes=5), timedelta(days=1)


def name_of(number):
    return f"WA1ACMEWEB{number:02}"


@pytest.fixture
def open_activity(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    now = datetime.now(UTC)  # when the test begins, because other tests may take longer than the range
    numbers_by_age = {2 * A_DAY: [99], A_DAY + LATELY: range(10, 50), A_DAY / 2: [1, 2], LATELY: [10, 60]}
    rows = [
        server(f"AC{number:02}", name_of(number), received_at=now - age, actor=f"user{number}")
        for age, numbers in numbers_by_age.items()
        for number in numbers
    ]
    store = str(build_store(tmp_path / "store.duckdb", rows))
    return lambda rank: make_app(
        monkeypatch, "activity", store, range="15 min", compare="a day before", rank=rank
    ).run()


def test_a_list_has_no_name_of_the_time_between_those_that_are_compared(open_activity):
    listed = {str(row[0]) for row in table_rows(open_activity("number"))}
    assert {name_of(60), name_of(11), "user60", "AC60"} <= listed
    assert not {name_of(1), "user1", "AC01"} & listed


def test_a_list_by_change_offers_the_names_that_have_nothing_any_more_too(open_activity):
    labels = {button.key: button.label for button in open_activity("change").button}
    assert [labels[f"{name}-list-more"] for name in ("accounts", "entities", "actors")] == ["Show all 41"] * 3
