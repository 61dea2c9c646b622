"""The list as a file: CSV and Excel that are safe to open, Parquet and JSON lines that are exact."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import streamlit as st

from analytics import queries
from analytics.client.client import Client
from analytics.export.archives import convert_to_utc, write_archive
from analytics.export.downloads import MOST_CHARACTERS, make_csv, make_excel, make_parquet
from analytics.pages.notifications.paging import DOWNLOAD
from analytics.pages.shared.store import ask, open_connection
from analytics.text import format_count

MOST_ROWS = 50_000
MOST_BYTES = 100_000_000
FRESH_SECONDS = 60.0
MEGABYTE = 1_000_000


class Format(NamedTuple):
    """A kind of file: its name, suffix and type, the function that makes it, and a hint."""

    name: str
    suffix: str
    mime: str
    make: Callable[[pa.Table], bytes]
    hint: str


def make_archive(table: pa.Table) -> bytes:
    """Return an archive of notifications, which `clc-receiver import` takes."""
    out = io.BytesIO()
    write_archive([table], out)
    return out.getvalue()


SAFE = "An apostrophe stands before text that a spreadsheet would take for a formula."
FORMATS = (
    Format("CSV", "csv", "text/csv", make_csv, SAFE),
    Format(
        "Excel", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", make_excel,
        f"{SAFE} Times are in UTC. A cell holds {MOST_CHARACTERS:,} characters.",
    ),
    Format("Parquet", "parquet", "application/vnd.apache.parquet", make_parquet, "All columns, exactly as stored."),
    Format(
        "JSON lines", "jsonl", "application/x-ndjson", make_archive,
        "The archive that clc-receiver import takes: each body byte for byte, with its signature.",
    ),
)  # fmt: skip


class Size(NamedTuple):
    """The size of a download: its notifications, their bytes, and the bodies too long for Excel."""

    notifications: int
    bytes: int
    long_ones: int


def make_limits(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the query for a download's size."""
    return {**values, "page_rows": MOST_ROWS, "most": MOST_BYTES, "longest": MOST_CHARACTERS}


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def find_size(values: dict[str, Any]) -> Size:
    """Return the size of a download; the list stays the same while the choice of files is open."""
    row = ask("download_size", **make_limits(values)).iloc[0]
    return Size(*(int(row[name]) for name in Size._fields))


def fetch(client: Client, values: Mapping[str, Any]) -> pa.Table:
    """Return the newest notifications of a filter, as many as a download holds."""
    (row,) = client.sql(*queries.make_query("download_size", make_limits(values))).to_pylist()
    return convert_to_utc(client.sql(*queries.make_query("download_rows", {**values, "first": row["first"]})))


def draw_download(total: int, values: dict[str, Any]) -> None:
    """Draw the choice of files; each is made on its click."""
    box = st.popover("Download", icon=":material/download:", key=DOWNLOAD, on_change="rerun", disabled=not total)
    if not box.open or not total:
        return
    client = open_connection().client
    name = f"notifications-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with box:
        size = find_size(values)
        st.markdown(describe_size(size, total))
        for kind in FORMATS:
            st.download_button(
                kind.name,
                lambda kind=kind: kind.make(fetch(client, values)),  # type: ignore[misc]
                f"{name}.{kind.suffix}",
                kind.mime,
                key=f"download-{kind.suffix}",
                on_click="ignore",
                icon=":material/description:",
                width="stretch",
            )
            st.caption(kind.hint)
        if size.long_ones:
            bodies = format_count(size.long_ones, "body is", "bodies are")
            st.caption(f":orange[:material/content_cut:] In Excel {bodies} cut, and the workbook says which.")


def describe_size(size: Size, total: int) -> str:
    """Return the size of a download in words, and the way to get the rest."""
    megabytes = f"{size.bytes / MEGABYTE:,.1f} MB of bodies"
    if size.notifications >= total:
        return f"**{format_count(total, 'notification')}**, {megabytes}, newest first"
    why = (
        f"{MOST_ROWS:,} notifications" if size.notifications >= MOST_ROWS else f"{MOST_BYTES // MEGABYTE} MB of bodies"
    )
    return (
        f"**The newest {size.notifications:,} of {total:,} notifications**, {megabytes}: a download holds "
        f"at most {why}. Narrow the range, or take all of them with `clc-analytics export`."
    )
