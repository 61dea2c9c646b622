"""What each listed notification says, in few words: its changes or its alert, and why it may not be what it seems."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from analytics.findings.finding import Finding
from analytics.pages.shared.changes import (
    NOTHING_NEW,
    describe_alerts,
    find_due,
    list_actions,
    read_alerts,
    summarize_each,
)
from analytics.pages.shared.components import Tone
from analytics.pages.shared.formatting import format_lag
from analytics.pages.shared.known.findings import list_sentences, load_doubts, name_titles
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.senders import has_state

COPY = "a copy, which changes nothing"


class What(NamedTuple):
    """The text of a notification's cell, its tone, and its text on a hover where that is another one."""

    text: str
    tone: Tone | None = None
    hover: str | None = None


def describe_rows(rows: pd.DataFrame) -> dict[int, What]:
    """Return what the rows of a page say, by number; only these rows are looked up."""
    seqs = [int(seq) for seq in rows["seq"]]
    reports = read_alerts(rows)
    texts = summarize_each(ask("changes_of_listed", seqs=seqs), list_actions(rows)) | describe_alerts(reports)
    doubts = load_doubts(rows["id"])
    return {
        row.seq: describe_row(row, texts, doubts.get(str(row.id), ()), find_due(reports, row.seq))
        for row in list_rows(rows)
    }


def describe_row(row: Any, texts: Mapping[int, str], doubts: Sequence[Finding], due: datetime | None) -> What:
    """Return what a row says: a copy is pale, and a notification that a finding doubts is marked."""
    is_copy = null_to_none(row.duplicate_of) is not None
    compared = has_state(row.category) and null_to_none(row.entity_id) is not None
    said = COPY if is_copy else texts.get(row.seq, NOTHING_NEW if compared else "")
    late = format_lag(to_moment(row.occurred_at), to_moment(row.received_at), null_to_none(row.source_ip), due)
    text = "; ".join(filter(None, (name_titles(doubts), said, late)))
    hover = "\n".join(filter(None, (text, list_sentences(doubts))))
    return What(text, "notice" if doubts else "quiet" if is_copy else None, hover)
