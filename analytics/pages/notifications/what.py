"""What each listed notification says, in few words: its changes or its alert, and why it may not be what it seems."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from analytics.findings.finding import Finding
from analytics.pages.shared.changes import (
    describe_each,
    find_due,
    read_alerts,
)
from analytics.pages.shared.components import Tone
from analytics.pages.shared.formatting import format_lag
from analytics.pages.shared.known.findings import list_sentences, load_doubts, name_titles
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.words.sayings import Saying

COPY = "a copy, which changes nothing"


class What(NamedTuple):
    """The text of a notification's cell, its tone, its text on a hover where that is another one, and its entity."""

    text: str
    tone: Tone | None = None
    hover: str | None = None
    entity: str = ""


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
    """Return what a row says: a copy is pale, and a notification that tells of trouble or is doubted is marked."""
    is_copy = null_to_none(row.duplicate_of) is not None
    late = format_lag(to_moment(row.occurred_at), to_moment(row.received_at), null_to_none(row.source_ip), due)
    text = "; ".join(filter(None, (name_titles(doubts), COPY if is_copy else said.text, late)))
    hover = "\n".join(filter(None, (text, list_sentences(doubts))))
    tone: Tone | None = "notice" if doubts else "quiet" if is_copy else "trouble" if said.is_trouble else None
    return What(text, tone, hover, said.name_entity(null_to_none(row.entity_id) or ""))
