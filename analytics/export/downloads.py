"""Makes files to download from rows: CSV and Excel are safe to open, Parquet and JSON lines are exact."""

import csv
import io
import math
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.export.excel import guard, write_workbook
from analytics.export.formats import as_field, jsonable, make_distinct, rows_of

Frame = pd.DataFrame | pa.Table


def as_table(frame: Frame) -> pa.Table:
    """Return the rows as an Arrow table with distinct column names."""
    table = pa.Table.from_pandas(frame, preserve_index=False) if isinstance(frame, pd.DataFrame) else frame
    return table.rename_columns(make_distinct(table.column_names))


def csv_bytes(frame: Frame) -> bytes:
    """Return CSV (RFC 4180, UTF-8) that is safe to open in a spreadsheet.

    An apostrophe precedes text that a spreadsheet might take for a formula. All text is in quotes, so that a semicolon
    in a text separates no cells. A missing value is empty.
    """
    table = as_table(frame)
    out = io.BytesIO()
    # Text in memory takes up to four times its bytes.
    with io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True) as text:
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(map(guard, table.column_names))
        writer.writerows(map(safe_field, row) for row in rows_of(table))
        return out.getvalue()


def safe_field(value: Any) -> Any:
    """Return a value as a field of CSV; numbers stay numbers, everything else is text that is no formula."""
    field = as_field(value)
    if isinstance(field, float) and not math.isfinite(field):
        field = str(field)
    return guard(field) if isinstance(field, str) else field


def excel_bytes(frame: Frame) -> bytes:
    """Return an Excel workbook of the rows, in which no text is a formula.

    The workbook says what Excel can't hold: in each cut cell, and on a sheet of its own.
    """
    table = as_table(frame)
    out = io.BytesIO()
    write_workbook(table, out)
    return out.getvalue()


def parquet_bytes(frame: Frame) -> bytes:
    """Return a Parquet file of the exact rows; intervals become text."""
    table = as_table(frame)
    for place, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):  # Parquet has no intervals
            texts = [None if value is None else str(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def jsonl_bytes(frame: Frame) -> bytes:
    """Return the rows as JSON lines, one object each: bytes in base64, times in ISO 8601."""
    table = as_table(frame)
    names = table.column_names
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    lines = (
        orjson.dumps(dict(zip(names, row, strict=True)), default=jsonable, option=option) for row in rows_of(table)
    )
    return b"".join(lines)
