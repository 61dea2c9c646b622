"""`clc-analytics sql`: data to standard output, talk to standard error, and an exit code."""

import base64
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.cli import run
from analytics.export.sql_formats import fit, format_table
from tests.support.prepared import run_program_on_full_disk
from tests.support.readable_store import HOSTILE_NAME
from tests.support.sizes import take_few

COMMAND = [sys.executable, "-m", "analytics", "sql"]


pytestmark = pytest.mark.usefixtures("no_settings")


def test_a_table_is_aligned_and_its_count_goes_to_standard_error(sql):
    code, out, err = sql("SELECT seq, entity_id AS entity FROM notifications WHERE seq < 3 ORDER BY seq")
    assert (code, err) == (0, "2 rows\n")
    assert out.decode() == "seq  entity\n───  ────────────\n  1  ACME\n  2  WA1ACMEWEB01\n"


def test_a_table_never_gets_wider_than_the_terminal(sql):
    _, out, _ = sql("SELECT * FROM notifications")
    assert max(map(len, out.decode().splitlines())) <= 100


def test_a_name_that_is_wider_than_the_terminal_is_cut_and_a_number_is_not():
    assert list(format_table(pa.table({"id": ["x" * 30]}), 20))[-1] == "x" * 19 + "…"
    assert list(format_table(pa.table({"n": [10**18]}), 10))[-1] == f"{10**18}"


def test_numbers_and_names_are_whole_in_rows_that_are_longer_than_the_first_thousand():
    names, text = ["ann"] * 10_000 + ["ann.of.operations"], [*["x" * 60] * 10_000, "y" * 70]
    table = pa.table({"n": range(10_001), "name": names, "text": text})
    assert list(format_table(table, 60))[-1] == "10000  ann.of.operations  " + "y" * 48 + "…"


def test_a_table_shows_control_characters_as_escapes(sql):
    _, out, _ = sql("SELECT chr(27) || '[31m' || chr(8238) || chr(10) AS hostile")
    assert "\\u001b[31m\\u202e\\n" in out.decode()
    assert b"\x1b" not in out


def test_json_is_one_array_of_objects(sql):
    code, out, err = sql(
        "--format", "json", "SELECT seq, actor, received_at, signature FROM notifications WHERE seq = 2"
    )
    assert (code, err) == (0, "")
    (row,) = json.loads(out)
    assert base64.b64decode(row.pop("signature")) == b"\x01" * 256
    assert row == {"seq": 2, "actor": "ann", "received_at": "2026-03-02T12:00:00+00:00"}


def test_json_of_no_rows_is_an_empty_array(sql):
    assert sql("--format", "json", "SELECT 1 AS n WHERE false")[1] == b"[]\n"


def test_json_keeps_columns_of_one_name_apart_and_big_sums_whole(sql):
    _, out, _ = sql(
        "--format", "json", "SELECT 1 AS n, 2 AS n, sum(seq) AS total, 12345678901234567890123 AS big FROM events"
    )
    assert json.loads(out) == [{"n": 1, "n_2": 2, "total": 6, "big": "12345678901234567890123"}]


TWINS = "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS A_2"


def test_json_has_a_name_of_its_own_for_each_column_also_where_a_numbered_one_is_taken(sql):
    _, out, _ = sql("--format", "json", TWINS)
    assert json.loads(out) == [{"a": 1, "a_3": 2, "a_2": 3, "A_2": 4}]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(pq.read_table, id="parquet"),
        pytest.param(lambda file: pa.ipc.open_stream(file).read_all(), id="arrow"),
        pytest.param(lambda file: pa.Table.from_pandas(pd.read_csv(file)), id="csv"),
    ],
)
def test_a_file_has_a_name_of_its_own_for_each_column(sql, tmp_path, request, read):
    file = tmp_path / f"twins.{request.node.callspec.id}"
    assert sql("-o", str(file), TWINS)[0] == 0
    with file.open("rb") as written:
        assert read(written).to_pylist() == [{"a": 1, "a_3": 2, "a_2": 3, "A_2": 4}]


def test_csv_holds_any_text_and_lists(sql):
    _, out, _ = sql(
        "--format", "csv", "SELECT entity_id, NULL AS nothing, [1, 2] AS list FROM notifications WHERE seq = 3"
    )
    rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
    assert rows == [["entity_id", "nothing", "list"], [HOSTILE_NAME, "", "[1,2]"]]


LOSSY = """
    SELECT * FROM (VALUES
        (NULL, 'nan'::DOUBLE, 0.1234567890123456789::DECIMAL(20, 19), 9223372036854775807::HUGEINT, ''::BLOB),
        ('', '-inf'::DOUBLE, 5, 9223372036854775808::HUGEINT, '\\x00'::BLOB)
    ) AS t(said, real, exact, whole, bytes)
"""


def test_csv_and_json_write_what_they_lack_as_the_help_and_the_documentation_say(sql):
    _, out, _ = sql("--format", "csv", LOSSY)
    assert list(csv.reader(io.StringIO(out.decode(), newline="")))[1:] == [
        ["", "nan", "0.1234567890123456789", "9223372036854775807", ""],
        ["", "-inf", "5.0000000000000000000", "9223372036854775808", "AA=="],
    ]
    _, out, _ = sql("--format", "json", LOSSY)
    assert [list(row.values()) for row in json.loads(out)] == [
        [None, None, 0.12345678901234568, 9223372036854775807, ""],
        ["", None, 5, "9223372036854775808", "AA=="],
    ]
    _, out, _ = sql("--help")
    said = " ".join(out.decode().split())
    assert "exact" not in said
    assert "In `csv`, NULL and an empty text are both an empty field." in said
    assert "NaN and infinity are null, decimals may be rounded, and whole numbers of more than 64 bits are text" in said


@pytest.mark.parametrize("reader", ["DuckDB", "pandas"])
def test_no_quotes_would_tell_an_empty_text_from_null_in_csv(tmp_path, reader):
    file = tmp_path / "x.csv"
    file.write_text('said,n\r\n"",1\r\n,2\r\n')
    rows = duckdb.read_csv(str(file)).df() if reader == "DuckDB" else pd.read_csv(file)
    assert rows["said"].isna().all()


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "json"])
def test_the_files_suffix_says_its_format(sql, tmp_path, suffix):
    target = tmp_path / f"out.{suffix}"
    code, out, err = sql("SELECT seq FROM notifications ORDER BY seq", "-o", str(target))
    assert (code, out, err) == (0, b"", f"3 rows written to {target}\n")
    read = {
        "parquet": lambda: pq.read_table(target).to_pylist(),
        "arrow": lambda: pa.ipc.open_stream(target.read_bytes()).read_all().to_pylist(),
        "csv": lambda: [{"seq": int(row["seq"])} for row in csv.DictReader(io.StringIO(target.read_text()))],
        "json": lambda: json.loads(target.read_bytes()),
    }
    assert read[suffix]() == [{"seq": 1}, {"seq": 2}, {"seq": 3}]
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_sql_comes_from_a_file_and_parameters_by_name(sql, tmp_path):
    (tmp_path / "q.sql").write_text("SELECT entity_id FROM events WHERE account_alias = $account AND seq <= $last")
    code, out, _ = sql("-f", str(tmp_path / "q.sql"), "--param", "account=ACME", "--param", "last=1", "--format", "csv")
    assert (code, out) == (0, b"entity_id\r\nACME\r\n")


def test_sql_comes_from_standard_input(store):
    done = subprocess.run(
        [*COMMAND, "--location", store, "-", "--format", "csv"],
        input=b"SELECT 7 AS n",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"n\r\n7\r\n", b"")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["SELEC 1"], 1, "syntax error"),
        (["SELECT 1; SELECT 2"], 1, "2 statements"),
        (["SELECT * FROM events", "--max-rows", "2"], 1, "more than 2 rows"),
        (["SELECT 1", "-o", "no/such/dir.csv"], 1, "can't be written"),
        (["SELECT 1", "-f", "x.sql"], 2, "not both"),
        (["-f", "missing.sql"], 2, "missing.sql can't be read"),
        (["SELECT 1", "--param", "novalue"], 2, "--param: novalue has no value: write --param novalue=VALUE."),
        (["SELECT 1", "--param", "2026-01-01"], 2, "'2026-01-01' has no name: write --param NAME=VALUE, and $NAME"),
        (["SELECT $a", "--param", "$a=1"], 2, "--param: $a has its $ in the SQL alone: write --param a=VALUE."),
        (["SELECT $a", "--param", "a b=1"], 2, "'a b' is no name, which has letters, digits and _"),
        (["SELECT $a", "--param", "a=1e999"], 2, "--param: a has 1e999 in it, which is no JSON number: write it as a"),
        (["SELECT $a", "--param", "a=[NaN]"], 2, 'as a text, "NaN" with its quotes, and cast $a in the SQL.'),
        (["SELECT $a", "--param", "a=ok", "--param", "b=1"], 1, "The SQL has no $b: write $b where its value belongs"),
        (["SELECT 1", "--param", "a=1"], 1, "The SQL has no $a: write $a where its value belongs, or leave"),
        (["SELECT $a, $b", "--param", "a=1"], 1, "$b has no value: write --param b=VALUE."),
        (["SELECT ?"], 1, "Parameter 1 of the SQL has no name: write $NAME in its place, and --param NAME=VALUE."),
        (["SELECT $a::DATE", "--param", "a=soon"], 1, "That is the value of $a: write --param a=VALUE as the SQL"),
        (["SELECT $a", "--param", "a=\udcff"], 1, "Error: $a is no UTF-8 text at its character 1: write it in that"),
        (["SELECT 1", "--timeout", "nan"], 2, "'--timeout': It is no number."),
        (["SELECT 1", "--timeout", "inf"], 2, "inf is not in the range 0<x<=3600"),
        (["SELECT 1", "--timeout", "1e10"], 2, "is not in the range 0<x<=3600"),
        (["SELECT 1", "--format", "xml"], 2, "xml"),
        (["SELECT 1", "-o", "rows.cvs"], 2, "Unknown output format .cvs: use one of"),
        (["SELECT 1", "-o", "rows"], 2, "rows has no suffix: use one of"),
        (["  "], 2, "no SQL"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error_with_its_exit_code(sql, arguments, code, said):
    got, out, err = sql(*arguments)
    assert (got, out) == (code, b"")
    assert said in err
    assert "Traceback" not in err


def test_no_receiver_is_one_sentence(capfd, monkeypatch):
    monkeypatch.setenv("CLC_QUERY_LISTEN", "127.0.0.1:9")
    assert run(["sql", "SELECT 1"]) == 1
    assert capfd.readouterr().err.startswith("Error: No receiver answers at http://127.0.0.1:9; start one with")


@pytest.mark.parametrize("name", take_few(["parquet", "arrow"], 1))
def test_binary_formats_are_not_written_to_a_terminal(store, name):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0) as terminal:
        done = subprocess.run(
            [*COMMAND, "--location", store, "SELECT 1", "--format", name],
            stdout=terminal, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"{name} is not for terminals; name a file with -o" in done.stderr.decode()


def test_a_reader_who_has_enough_ends_it_quietly(store):
    command = [*COMMAND, "--location", store, "SELECT * FROM range(300000)", "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"range\r\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


WRITING = [
    (["sql", "SELECT 1"], 1),
    (["sql", "SELECT * FROM range(300000)", "--format", "csv"], 1),
    (["sql", "SELECT 1", "--format", "parquet"], 1),
    (["export"], 1),
    (["tail"], 1),
    (["findings", "--since", "2026-03-01"], 2),
]
CLOSED = "Error: Standard output is closed: redirect it to a file."


@pytest.mark.parametrize(("arguments", "code"), take_few(WRITING, 1))
def test_rows_that_can_not_be_written_are_one_line_and_an_exit_code(store, tmp_path, arguments, code):
    done = run_program_on_full_disk("analytics", *arguments, "--location", store, env=os.environ, cwd=tmp_path)
    assert done.returncode == code
    assert "Error: Standard output can't be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "code"), take_few(WRITING, 2))
def test_a_closed_standard_output_is_one_line_and_an_exit_code(store, capfd, monkeypatch, arguments, code):
    monkeypatch.setattr(sys, "stdout", None)
    assert run([*arguments, "--location", store]) == code
    assert CLOSED in capfd.readouterr().err


@pytest.mark.full
def test_a_standard_output_that_was_closed_before_the_start_is_one_line(store):
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *COMMAND, "SELECT 1", "--location", store],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert CLOSED in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_sql_from_standard_input_that_is_not_utf_8_is_wrong_usage(store):
    command = [*COMMAND, "--location", store]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, input="SELECT 'ä'".encode("latin-1"), env=environment, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"Error: Standard input can't be read: it is not UTF-8 text." in done.stderr


@pytest.mark.full
def test_sql_from_a_closed_standard_input_is_wrong_usage(store):
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" <&-', "sh", *COMMAND, "--location", store], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Give the SQL as an argument" in done.stderr


def test_ctrl_c_ends_it_quietly(store):
    endless = "SELECT count(*) FROM range(10000000000) a, range(1000000) b"
    command = [*COMMAND, "--location", store, "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # More than a pipe holds: once it is written, the command is up and reading.
        process.stdin.write(b"-- " + b"x" * 1_000_000 + b"\n" + endless.encode())
        process.stdin.close()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().strip() == b""
    assert process.returncode == 1


def test_widths_are_cut_from_the_widest():
    assert fit([10, 50, 90], [10, 24, 24], 104) == [10, 45, 45]
    assert fit([5, 5], [5, 5], 100) == [5, 5]
    assert fit([40, 40, 40], [6, 40, 8], 10) == [6, 40, 8]
    assert fit([90, 50, 30], [60, 24, 24], 104) == [60, 24, 24]


LEFT_OUT = r"; 1\d columns left out: choose fewer, or use another format, such as csv or json\n"


def test_columns_that_do_not_fit_are_left_out_and_the_others_are_whole(sql, tmp_path):
    code, out, err = sql("SELECT * FROM notifications WHERE seq = 2")
    header, _, line = out.decode().splitlines()
    names = header.split()
    assert code == 0
    assert names[:2] == ["seq", "id"]
    assert "…" not in header
    assert "…" not in line
    assert len(names) >= 3
    assert re.fullmatch(f"1 row{LEFT_OUT}", err)
    file = tmp_path / "rows.txt"
    code, _, err = sql("SELECT * FROM notifications WHERE seq = 2", "-o", str(file))
    assert (code, file.read_text()) == (0, out.decode())
    assert re.fullmatch(f"1 row written to {file}{LEFT_OUT}", err)


def test_long_text_is_cut_before_a_column_is_left_out(sql):
    _, out, err = sql("SELECT repeat('a', 300) AS first_text, repeat('b', 300) AS second_text, seq FROM events LIMIT 1")
    assert (out.decode().splitlines()[0].split(), err) == (["first_text", "second_text", "seq"], "1 row\n")


def test_wide_characters_take_two_columns():
    lines = list(format_table(pa.table({"name": ["日本", "ab"], "n": [1, 22]}), 80))
    assert lines == ["name   n", "────  ──", "日本   1", "ab    22"]
