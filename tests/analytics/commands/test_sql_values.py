"""`clc-analytics sql`: how each format writes values of DuckDB's types."""

import csv
import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

FAR = "SELECT 'infinity'::TIMESTAMPTZ AS ever, DATE '290000-01-01' AS late, ['-infinity'::TIMESTAMP] AS before, 1 AS n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("csv", b"ever,late,before,n\r\ninfinity,290000-01-01,[-infinity],1\r\n"),
        ("json", b'[\n{"ever":"infinity","late":"290000-01-01","before":"[-infinity]","n":1}\n]\n'),
    ],
)
def test_moments_that_python_has_no_form_for_are_written_as_duckdb_writes_them(sql, name, said):
    assert sql("--format", name, FAR)[:2] == (0, said)


FINE = """
    SELECT '2026-03-04 01:02:03.123456789'::TIMESTAMP_NS AS at, '01:02:03.123456789'::TIME_NS AS clock
"""


def test_nanoseconds_are_written_whole(sql):
    at, clock = "2026-03-04T01:02:03.123456789", "01:02:03.123456789"
    _, out, _ = sql("--format", "csv", FINE)
    assert list(csv.reader(io.StringIO(out.decode())))[1] == [at, clock]
    _, out, _ = sql("--format", "json", FINE)
    assert json.loads(out) == [{"at": at, "clock": clock}]


@pytest.mark.parametrize("form", ["table", "csv"])
def test_nan_and_infinity_in_lists_structs_and_maps_are_no_null(sql, form):
    query = (
        "SELECT ['nan'::DOUBLE, '-inf'::DOUBLE, NULL, 1.5] AS l, {'s': 'inf'::FLOAT} AS s, map {1: 'nan'::DOUBLE} AS m"
    )
    _, out, _ = sql("--format", form, query)
    line = out.decode().splitlines()[-1].replace('""', '"')
    assert all(text in line for text in ('["nan","-inf",null,1.5]', '{"s":"inf"}', '[[1,"nan"]]'))


def test_a_table_shows_lists_and_structs_as_json(sql):
    _, out, _ = sql("SELECT ['2026-11-20 00:00:00+00'::TIMESTAMPTZ] AS at, {'cost': 1.50, 'none': NULL} AS struct")
    assert out.decode().splitlines()[-1] == '["2026-11-20T00:00:00+00:00"]  {"cost":1.5,"none":null}'


INTERVALS = """
    SELECT * FROM (VALUES
        (INTERVAL '6 days 07:26:08', INTERVAL 2 MONTHS, [INTERVAL 1 DAY]), (INTERVAL '-1.5 s', INTERVAL 1 DAY, NULL)
    ) AS t(gap, long, list)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("csv", b"gap,long,list\r\n6 days 07:26:08,2 months,[1 day]\r\n-00:00:01.5,1 day,\r\n"),
        (
            "json",
            (
                b'[\n{"gap":"6 days 07:26:08","long":"2 months","list":"[1 day]"},\n'
                b'{"gap":"-00:00:01.5","long":"1 day","list":null}\n]\n'
            ),
        ),
    ],
)
def test_intervals_are_written_as_duckdb_writes_them(sql, name, said):
    assert sql("--format", name, INTERVALS)[:2] == (0, said)


def test_a_table_shows_the_digits_of_small_decimals(sql):
    _, out, _ = sql("SELECT 0::DECIMAL(18, 9) AS none, 0.00000012::DECIMAL(18, 9) AS few, -1::HUGEINT AS whole")
    assert out.decode().splitlines()[-1].split() == ["0.000000000", "0.000000120", "-1"]


@pytest.mark.parametrize(("form", "said"), [("csv", b"x\r\n0.1\r\n"), ("json", b'[\n{"x":0.1}\n]\n')])
def test_a_float_has_its_own_digits_and_no_others(sql, form, said):
    assert sql("SELECT 0.1::FLOAT AS x", "--format", form)[:2] == (0, said)


def test_a_table_shows_intervals_too(sql):
    _, out, _ = sql("--format", "table", INTERVALS)
    assert out.decode().splitlines()[2:] == [
        "6 days 07:26:08  2 months  [1 day]",
        "-00:00:01.5      1 day     NULL",
    ]


def test_parquet_keeps_intervals_as_durations(sql, tmp_path):
    target = tmp_path / "gaps.parquet"
    assert sql(INTERVALS, "-o", str(target))[0] == 0
    assert pq.read_table(target).to_pylist() == [
        {"gap": timedelta(days=6, hours=7, minutes=26, seconds=8), "long": "2 months", "list": "[1 day]"},
        {"gap": timedelta(seconds=-1.5), "long": "1 day", "list": None},
    ]


ODD = """
    SELECT {} AS empty, map {} AS none, union_value(n := 1) AS one_of, 1::BIGNUM AS big, 'a'::ENUM ('a') AS word,
        '01:02:03.123456789'::TIME_NS AS clock, [1, 2]::INTEGER[2] AS pair, NULL AS nothing, '101'::BIT AS bits
"""


@pytest.mark.parametrize("name", ["table", "csv", "json", "parquet", "arrow"])
def test_every_type_of_duckdb_is_written_in_every_format(sql, tmp_path, name):
    target = tmp_path / "odd"
    assert sql(ODD, "--format", name, "-o", str(target)) == (0, b"", f"1 row written to {target}\n")
    if name == "parquet":
        row = pq.read_table(target).to_pylist()[0]
        assert [row[column] for column in ("empty", "none", "one_of", "big")] == ["{}", "[]", "1", "1"]


def test_a_moment_without_end_in_seconds_is_text_in_parquet(sql, tmp_path):
    target = tmp_path / "ends.parquet"
    query = "SELECT unnest(['infinity', '2024-02-29 01:02:03'])::TIMESTAMP_S AS at, ['infinity'::TIMESTAMP_S] AS list"
    assert sql(query, "-o", str(target))[0] == 0
    assert pq.read_table(target).to_pylist() == [
        {"at": "infinity", "list": "[infinity]"}, {"at": "2024-02-29T01:02:03.000000", "list": "[infinity]"},
    ]  # fmt: skip


def test_a_table_shows_them_too(sql):
    _, out, _ = sql("--format", "table", FAR)
    assert out.decode().splitlines()[-1].split() == ["infinity", "290000-01-01", "[-infinity]", "1"]
