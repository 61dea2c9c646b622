"""The lists of the page Audit as files."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from analytics import queries
from analytics.client.arrow_types import make_frame
from analytics.client.client import Client
from analytics.export.archives import convert_to_utc
from analytics.export.downloads import make_csv
from analytics.findings.finding import Finding
from analytics.pages.shared.changes import as_change
from analytics.pages.shared.known.findings import map_findings
from analytics.pages.shared.store import list_rows, open_connection
from analytics.text import format_count
from analytics.words.sentences import make_sentence

MOST_CHANGES = 50_000


def make_findings_csv(findings: Sequence[Finding]) -> bytes:
    """Return findings as CSV, a row each, with the ids of their notifications in one cell."""
    lists = ("notification_ids", "doubted", "other_accounts")
    rows = [
        finding.list_told() | {name: " ".join(map(str, getattr(finding, name))) for name in lists}
        for finding in findings
    ]
    names = [name for name in Finding._fields if name not in {"open_until", "parts"}]
    return make_csv(pd.DataFrame(rows, columns=[*names, "count", "last_at"]))


def make_changes_csv(client: Client, values: Mapping[str, Any], findings: Sequence[Finding] = ()) -> bytes:
    """Return the newest changes of a filter as CSV, each with its sentence and its notification's receipt and findings.

    A change whose notification is a replay then differs from a genuine one: it was received later, and is in a finding.
    """
    query = queries.make_query("changes_page", {**values, "page_rows": MOST_CHANGES, "position": 0})
    table = convert_to_utc(client.sql(*query))
    sentences = [make_sentence(as_change(row)) for row in list_rows(make_frame(table))]
    identities = [str(identity) for identity in table.column("notification_id").to_pylist()]
    by_notification = map_findings(findings, identities)
    rules = [" ".join(sorted({finding.rule for finding in by_notification.get(each, ())})) for each in identities]
    received = table.column("received_at")
    table = table.drop_columns(["received_at", "source_ip"])
    if "told" in table.column_names:
        table = table.rename_columns({"told": "told_by_the_sender"})
    table = table.append_column("sentence", pa.array(sentences, pa.string())).append_column("received_at", received)
    return make_csv(table.append_column("findings", pa.array(rules, pa.string())))


def draw_findings_download(findings: Sequence[Finding]) -> None:
    """Draw the button that saves the findings of the filters."""
    hint = f"{format_count(len(findings), 'finding')} that match the filters, with the ids of their notifications."
    draw_button("findings", lambda: make_findings_csv(findings), hint, disabled=not findings)


def draw_changes_download(total: int, values: Mapping[str, Any], findings: Sequence[Finding] | None) -> None:
    """Draw the button that saves the changes of the filters, once the findings are known that the file names."""
    client = open_connection().client
    part = (
        format_count(total, "change") if total <= MOST_CHANGES else f"The newest {MOST_CHANGES:,} of {total:,} changes"
    )
    hint = f"{part} that match the filters, with the rules of their findings."
    draw_button("changes", lambda: make_changes_csv(client, values, findings or ()),
                hint if findings is not None else "The findings that it names are being computed.",
                disabled=not total or findings is None)  # fmt: skip


def draw_button(what: str, make: Any, hint: str, *, disabled: bool) -> None:
    """Draw a button that makes a file when it is clicked."""
    name = f"{what}-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv"
    st.download_button("Download CSV", make, name, "text/csv", key=f"download-{what}", on_click="ignore",
          icon=":material/download:", help=hint, disabled=disabled)  # fmt: skip
