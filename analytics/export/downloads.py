"""Makes files to download from rows: CSV and Excel are safe to open, Parquet and JSON lines are exact."""

import csv
import io
import math
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from analytics.export.sql_formats import as_field, list_rows, list_values, make_storable, name_apart, to_json
from analytics.text import format_count

Frame = pd.DataFrame | pa.Table
APOSTROPHE = "'"
STARTS_FORMULA = frozenset("=+-@\u2212")
STARTS_ELSEWHERE = frozenset("\t\r\n")
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"})
MOST_ROWS = 1_048_575  # besides the row with the names
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
EXACT = 10**15  # Excel keeps 15 digits of a number
EARLIEST = datetime(1900, 3, 1)  # noqa: DTZ001 - Excel knows no time zones, and a 29 February 1900
NO_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
ROWS_SHEET, CUT_SHEET = "Rows", "Cut"
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss.000"
WIDTHS = {"timestamp": 23.0, "number": 14.0, "text": 26.0}


def as_table(frame: Frame) -> pa.Table:
    """Return the rows as an Arrow table with distinct column names."""
    table = pa.Table.from_pandas(frame, preserve_index=False) if isinstance(frame, pd.DataFrame) else frame
    return name_apart(table)


def make_csv(frame: Frame) -> bytes:
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
        writer.writerows(map(make_safe_field, row) for row in list_rows(table))
        return out.getvalue()


def make_safe_field(value: Any) -> Any:
    """Return a value as a field of CSV; numbers stay numbers, everything else is text that is no formula."""
    field = as_field(value)
    if isinstance(field, float) and not math.isfinite(field):
        field = str(field)
    return guard(field) if isinstance(field, str) else field


def make_excel(frame: Frame) -> bytes:
    """Return an Excel workbook of the rows, in which no text is a formula.

    The workbook says what Excel can't hold: at the end of each cut cell, and on a sheet of its own.
    """
    table = as_table(frame)
    part = table.slice(0, MOST_ROWS).select(range(min(table.num_columns, MOST_COLUMNS)))
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        bold = book.add_format({"bold": True})
        time = book.add_format({"num_format": TIME_FORMAT, "align": "left"})
        write_rows(book.add_worksheet(ROWS_SHEET), part, bold, time)
        if sentences := find_cuts(table).list_sentences():
            sheet = book.add_worksheet(CUT_SHEET)
            for row, sentence in enumerate([*sentences, "Parquet and JSON lines hold all of it."]):
                sheet.write_string(row, 0, sentence)
    return out.getvalue()


def make_parquet(frame: Frame) -> bytes:
    """Return a Parquet file of the exact rows; values of a type that Parquet can't store become text."""
    out = io.BytesIO()
    pq.write_table(make_storable(as_table(frame)), out, compression="zstd")
    return out.getvalue()


def make_jsonl(frame: Frame) -> bytes:
    """Return the rows as JSON lines, one object each: bytes in base64, times in ISO 8601."""
    table = as_table(frame)
    names = table.column_names
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    lines = (
        orjson.dumps(dict(zip(names, row, strict=True)), default=to_json, option=option) for row in list_rows(table)
    )
    return b"".join(lines)


class Cuts(NamedTuple):
    """The numbers of rows and columns that a workbook leaves out, and of cells that it cuts."""

    rows: int = 0
    columns: int = 0
    cells: int = 0

    def list_sentences(self) -> list[str]:
        """Return a sentence for each kind of cut; none where everything fits."""
        sentences = []
        if self.rows:
            sentences.append(f"{format_count(self.rows, 'row')} left out: a sheet of Excel holds {MOST_ROWS + 1:,}.")
        if self.columns:
            sentences.append(
                f"{format_count(self.columns, 'column')} left out: a sheet of Excel holds {MOST_COLUMNS:,}."
            )
        if self.cells:
            sentences.append(
                f"{format_count(self.cells, 'cell')} cut: a cell of Excel holds {MOST_CHARACTERS:,} characters."
            )
        return sentences


def count_units(text: str) -> int:
    """Return the number of characters of a text as Excel counts them, in UTF-16."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def find_cuts(table: pa.Table) -> Cuts:
    """Return the parts of a table that a workbook can't hold."""
    part = table.slice(0, MOST_ROWS).select(range(min(table.num_columns, MOST_COLUMNS)))
    cells = sum(map(count_long_cells, part.columns))
    return Cuts(table.num_rows - part.num_rows, table.num_columns - part.num_columns, cells)


def count_long_cells(column: "pa.ChunkedArray[Any]") -> int:
    """Return the number of cells of a column that are too long for Excel."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # A text of fewer bytes can't have too many characters, even with an apostrophe before it.
        column = column.filter(pc.greater_equal(pc.binary_length(column), pa.scalar(MOST_CHARACTERS)))
    elif pa.types.is_primitive(column.type):
        return 0
    fields = (as_field(value) for value in list_values(column))
    return sum(isinstance(field, str) and count_units(guard(field)) > MOST_CHARACTERS for field in fields)


def fit_cell(text: str) -> str:
    """Return text that a cell can hold; text that was cut says so at its end."""
    safe = guard(text.translate(NO_XML))
    if count_units(safe) <= MOST_CHARACTERS:
        return safe
    end = f" … [cut here, of {count_units(text):,} characters]"
    begin = safe.encode("utf-16-le")[: 2 * (MOST_CHARACTERS - count_units(end))]
    return begin.decode("utf-16-le", "ignore") + end


def as_cell(value: Any) -> Any:
    """Return a value for Excel: a number, a truth value, a time in UTC without its zone, or text that fits."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment if moment >= EARLIEST else fit_cell(value.isoformat())
    if isinstance(value, date):
        return value if value >= EARLIEST.date() else fit_cell(value.isoformat())
    if isinstance(value, (int, float, Decimal)):
        return as_number(value)
    return fit_cell(str(as_field(value)))


def as_number(value: float | Decimal) -> Any:
    """Return a number unchanged, or as text where Excel would round it or has no such number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else fit_cell(str(value))
    digits = len(value.normalize().as_tuple().digits) if isinstance(value, Decimal) else 0
    return value if abs(value) < EXACT and digits <= len(str(EXACT)) - 1 else fit_cell(str(as_field(value)))


def write_rows(sheet: Worksheet, table: pa.Table, bold: Format, time: Format) -> None:
    """Write the names and the rows."""
    sheet.freeze_panes(1, 0)
    for place, field in enumerate(table.schema):
        sheet.set_column(place, place, choose_width(field.type))
        sheet.write_string(0, place, fit_cell(field.name), bold)
    for number, row in enumerate(list_rows(table), start=1):
        for place, value in enumerate(row):
            write_cell(sheet, number, place, as_cell(value), time)


def write_cell(sheet: Worksheet, row: int, place: int, cell: Any, time: Format) -> None:
    """Write one cell by its type: Excel never takes a text for a formula, a number or an address."""
    if isinstance(cell, str):
        sheet.write_string(row, place, cell)
    elif isinstance(cell, bool):
        sheet.write_boolean(row, place, cell)
    elif isinstance(cell, date):
        sheet.write_datetime(row, place, cell, time)
    elif cell is not None:
        sheet.write_number(row, place, cell)


def choose_width(kind: pa.DataType) -> float:
    """Return the width of a column, in characters."""
    if pa.types.is_temporal(kind):
        return WIDTHS["timestamp"]
    return WIDTHS["number"] if pa.types.is_integer(kind) or pa.types.is_floating(kind) else WIDTHS["text"]


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may take text for a formula.

    Spaces and invisible characters are skipped, because some programs drop them. Wide and small forms of the signs
    count as the signs, because some programs read them so. A tab or line end at the beginning moves the rest into a
    cell or line of its own when it is pasted. Sources: OWASP's page on CSV injection, CWE-1236.
    """
    if text[:1] in STARTS_ELSEWHERE:
        return bool(text)
    for character in text:
        if unicodedata.category(character) in UNSEEN:
            continue
        return unicodedata.normalize("NFKC", character)[:1] in STARTS_FORMULA
    return False


def guard(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet might take for a formula."""
    return APOSTROPHE + text if is_formula(text) else text
