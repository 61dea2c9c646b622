"""The loss of a whole month is noticed, however many of its rows a store kept."""

import pytest

from receiver.database.extent import NOTHING, Dropped
from receiver.keeping.lake.lost import find_lost_whole
from receiver.keeping.lake.manifest import Manifest, Month, TableFiles
from receiver.keeping.lake.parts import TABLES

MONTHS = [Month(2026, number) for number in (1, 2, 3)]
DROPPED = Dropped(Month(2026, 4).begins, notifications=1_800, last_seq=3_000, kept=1_200)
"""Of three months of 1,000 notifications each, 400 of each month are last states, and stay."""


def manifests(rows: int, months: list[Month]) -> dict[Month, Manifest]:
    tables = {table.name: TableFiles(rows, "0", ()) for table in TABLES}
    return {month: Manifest(month, "", "", 15, tables) for month in months}


@pytest.mark.parametrize("lost", MONTHS, ids=str)
def test_a_lost_month_is_noticed_though_the_store_kept_more_rows_than_it_had(lost):
    left = [month for month in MONTHS if month != lost]
    said = find_lost_whole(DROPPED, manifests(1_000, left))
    assert said is not None
    assert "has 2,000 now: it has lost whole months" in said


@pytest.mark.parametrize(
    ("dropped", "rows"),
    [(DROPPED, 1_000), (DROPPED, 1_001), (DROPPED._replace(notifications=3_000, kept=0), 1_000), (NOTHING, 0)],
    ids=["whole", "with late ones", "nothing kept", "nothing dropped"],
)
def test_a_lake_that_holds_all_has_lost_nothing(dropped, rows):
    later = manifests(5, [Month(2026, 4)])
    assert find_lost_whole(dropped, {**manifests(rows, MONTHS), **later}) is None
