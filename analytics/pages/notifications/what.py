"""What each listed notification says, in few words: its changes or its alert, and why it may not be what it seems."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from analytics.findings.finding import Finding
from analytics.pages.shared.changes import (
    What,
    describe_each,
    describe_what,
    find_due,
    read_alerts,
)
from analytics.pages.shared.known.findings import load_doubts
from analytics.pages.shared.store import ask, list_rows, null_to_none
from analytics.words.sayings import Saying

COPY = "a copy, which changes nothing"


def describe_rows(rows: pd.DataFrame) -> dict[int, What]:
    """Return what the rows of a page say, by number; only these rows are looked up."""
    seqs = [int(seq) for seq in rows["seq"]]
    reports = read_alerts(rows)
    said = describe_each(rows, ask("changes_of_listed", seqs=seqs), reports)
    doubts = load_doubts(rows["id"])
    return {
        row.seq: describe_row(row, said[row.seq], doubts.get(str(row.id), ()), find_due(reports, row.seq))
        for row in list_rows(rows)
    }


def describe_row(row: Any, said: Saying, doubts: Sequence[Finding], due: datetime | None) -> What:
    """Return what a row says: a copy is pale."""
    if null_to_none(row.duplicate_of) is not None:
        return describe_what(row, said._replace(text=COPY), doubts, due, tone="quiet")
    return describe_what(row, said, doubts, due)
