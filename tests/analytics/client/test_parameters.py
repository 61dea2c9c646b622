"""Parameters have the same type and value at a query service, also an old one, and at a DuckDB file."""

import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import analytics
from analytics.client.remote import write_request
from analytics.errors import QueryError
from tests.support.querying import TOKEN, serving
from tests.support.readable_store import build_store, server

WHEN = datetime(2026, 11, 20, 5, 6, 7, 89)  # noqa: DTZ001 - a TIMESTAMP has no time zone
BERLIN = timezone(timedelta(hours=1))


class Size(IntEnum):
    LARGE = 2


class Color(StrEnum):
    RED = "red"


VALUES = [
    (Decimal("1.25"), "DECIMAL(3,2)", "1.25"),
    (Decimal("1E+5"), "DECIMAL(6,0)", "1E5"),
    (Decimal("NaN"), "FLOAT", "'nan'"),
    (b"a\x00\xff'", "BLOB", r"'a\x00\xFF'''"),
    (bytearray(b"ab"), "BLOB", "'ab'"),
    (memoryview(b"ab"), "BLOB", "'ab'"),
    (date(2026, 11, 20), "DATE", "'2026-11-20'"),
    (time(10, 1, 2, 3), "TIME", "'10:01:02.000003'"),
    (time(10, tzinfo=BERLIN), "TIME WITH TIME ZONE", "'10:00:00+01'"),
    (WHEN, "TIMESTAMP", "'2026-11-20 05:06:07.000089'"),
    (WHEN.replace(tzinfo=UTC), "TIMESTAMP WITH TIME ZONE", "'2026-11-20 05:06:07.000089+00'"),
    (WHEN.replace(tzinfo=BERLIN), "TIMESTAMP WITH TIME ZONE", "'2026-11-20 04:06:07.000089+00'"),
    (timedelta(days=40, seconds=3), "INTERVAL", "'40 days 3 seconds'"),
    (timedelta(microseconds=-1), "INTERVAL", "'-1 day 23:59:59.999999'"),
    (uuid.UUID(int=5), "UUID", "'00000000-0000-0000-0000-000000000005'"),
    (float("nan"), "DOUBLE", "'nan'"),
    (float("-inf"), "DOUBLE", "'-inf'"),
    (2**63, "UBIGINT", "9223372036854775808"),
    (range(3), "INTEGER[]", "[0, 1, 2]"),
    ((1, 2), "INTEGER[]", "[1, 2]"),
    ({7}, "INTEGER[]", "[7]"),
    (frozenset({"a"}), "VARCHAR[]", "['a']"),
    ({"a": 1}.keys(), "VARCHAR[]", "['a']"),
    (np.int64(3), "INTEGER", "3"),
    (np.float32(1.5), "DOUBLE", "1.5"),
    (np.longdouble(1.5), "DOUBLE", "1.5"),
    (np.array([1.5], np.longdouble), "DOUBLE[]", "[1.5]"),
    (np.bool_(True), "BOOLEAN", "true"),
    (np.str_("a"), "VARCHAR", "'a'"),
    (np.datetime64("2026-11-20"), "DATE", "'2026-11-20'"),
    (np.datetime64("2026-11-20T05:00"), "TIMESTAMP", "'2026-11-20 05:00:00'"),
    (np.datetime64("2026-11-20T05:00", "ns"), "TIMESTAMP", "'2026-11-20 05:00:00'"),
    (np.timedelta64(5, "ns"), "INTERVAL", "'0 seconds'"),
    (np.timedelta64(5, "s"), "INTERVAL", "'5 seconds'"),
    (np.array([1.5, 2]), "DOUBLE[]", "[1.5, 2]"),
    (np.array(["2026-11-20T05:00"], "M8[ns]"), "TIMESTAMP[]", "['2026-11-20 05:00:00']"),
    (pd.Series([1, 2]), "INTEGER[]", "[1, 2]"),
    (pd.Index(["a"]), "VARCHAR[]", "['a']"),
    (pd.Timestamp("2026-11-20 05:00:00.1"), "TIMESTAMP", "'2026-11-20 05:00:00.1'"),
    (pd.Timestamp("2026-11-20 05:00", tz="Europe/Berlin"), "TIMESTAMP WITH TIME ZONE", "'2026-11-20 04:00:00+00'"),
    (pd.Timedelta("1 day"), "INTERVAL", "'1 day'"),
    (pa.array([1, None]), "INTEGER[]", "[1, NULL]"),
    (pa.scalar(Decimal("0.6")), "DECIMAL(1,1)", "0.6"),
    (Size.LARGE, "INTEGER", "2"),
    (Color.RED, "VARCHAR", "'red'"),
    ([Decimal("1.2"), Decimal("1.345")], "DECIMAL(4,3)[]", "[1.2, 1.345]"),
    ([date(2026, 11, 20), None, pd.NaT], "DATE[]", "['2026-11-20', NULL, NULL]"),
    ({"a": Decimal("1.25"), "b": [b"x"]}, "STRUCT(a DECIMAL(3,2), b BLOB[])", "{'a': 1.25, 'b': ['x']}"),
    ({"type": "DECIMAL", "value": "1"}, 'STRUCT("type" VARCHAR, "value" VARCHAR)', "{'type': 'DECIMAL', 'value': '1'}"),
    ({"type": "BLOB", "value": WHEN}, 'STRUCT("type" VARCHAR, "value" TIMESTAMP)',
     "{'type': 'BLOB', 'value': '2026-11-20 05:06:07.000089'}"),
    ({"key": [1], "value": [Decimal("0.5")]}, "MAP(INTEGER, DECIMAL(1,1))", "map {1: 0.5}"),
]  # fmt: skip
"""Each value, DuckDB's type of it, and the value in SQL."""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    directory = tmp_path_factory.mktemp("places")
    file = build_store(directory / "file.duckdb", [server("ACME", "WA1ACMEWEB01")])
    with serving(directory / "served.duckdb") as service, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLC_QUERY_TOKEN", TOKEN)
        with (
            analytics.connect(f"http://127.0.0.1:{service.port}") as of_service,
            analytics.connect(str(file)) as of_file,
        ):
            yield {"service": of_service, "file": of_file}


@pytest.mark.parametrize("place", ["service", "file"])
@pytest.mark.parametrize(
    # Each process of the tests gives them the same names: some values are written with their place in memory.
    ("value", "kind", "same"),
    VALUES,
    ids=[f"{place} {type(value).__name__}" for place, (value, *_) in enumerate(VALUES)],
)
def test_a_parameter_has_its_type_and_value_everywhere(places, place, value, kind, same):
    query = (
        f"SELECT typeof($v) AS kind, $v IS NOT DISTINCT FROM ({same})::{kind} AS is_same, ([$v])[1]::VARCHAR AS text"
    )
    expected = duckdb.sql(f"SELECT (({same})::{kind})::VARCHAR").fetchall()[0][0]
    (row,) = places[place].sql(query, {"v": value}).to_pylist()
    if "TIME ZONE" in kind:
        expected = row["text"]  # this process may be in another time zone
    assert row == {"kind": kind, "is_same": True, "text": expected}


@pytest.mark.parametrize("place", ["service", "file"])
@pytest.mark.parametrize(
    ("query", "parameters", "answer"),
    [
        ("SELECT 1 >= ?", [Decimal("1.25")], False),
        ("SELECT 1 = $d", {"d": Decimal("0.6")}, False),
        ("SELECT list_contains([1, 2], ?)", [Decimal("1.4")], False),
        ("SELECT date_trunc('day', ?)::VARCHAR", [WHEN], "2026-11-20 00:00:00"),
        ("SELECT (? - INTERVAL 1 DAY)::VARCHAR", [WHEN], "2026-11-19 05:06:07.000089"),
        ("SELECT hour(?)", [WHEN], 5),
        ("SELECT typeof(?)", [pd.NaT], '"NULL"'),
        ("SELECT typeof(?)", [pd.NA], '"NULL"'),
        ("SELECT typeof(?)", [np.datetime64("NaT")], '"NULL"'),
        ("SELECT count(*) FROM notifications WHERE received_at - occurred_at > ?", [timedelta(days=999)], 0),
    ],
)
def test_a_query_with_parameters_answers_the_same_everywhere(places, place, query, parameters, answer):
    assert places[place].sql(query, parameters).column(0).to_pylist() == [answer]


@pytest.mark.parametrize("place", ["service", "file"])
@pytest.mark.parametrize(
    "value", [object(), 1j, np.clongdouble(1j), np.timedelta64(1, "M"), pd.DataFrame({"a": [1]}), [len]]
)
def test_a_value_without_a_type_in_sql_is_told_in_one_sentence(places, place, value):
    with pytest.raises(QueryError, match=r"^Parameter 1 is of the type \w+, which SQL does not have"):
        places[place].sql("SELECT ?", [value])


@pytest.mark.parametrize("place", ["service", "file"])
def test_a_time_whose_offset_depends_on_the_day_is_told_in_one_sentence(places, place):
    with pytest.raises(QueryError, match="Parameter 1 can't be a time of Europe/Berlin, whose offset depends on"):
        places[place].sql("SELECT ?", [time(10, 1, tzinfo=ZoneInfo("Europe/Berlin"))])


def test_a_list_that_contains_itself_is_told_in_one_sentence(places):
    endless = []
    endless.append(endless)
    with pytest.raises(QueryError, match="nested too deeply"):
        places["service"].sql("SELECT ?", [endless])


def test_plain_parameters_are_sent_as_ever():
    request = {"sql": "SELECT $a", "parameters": {"a": [1, 1.5, "x", None, True, {"b": 2}]}}
    assert write_request(request) == (b'{"sql": "SELECT $a", "parameters": {"a": [1, 1.5, "x", null, true, {"b": 2}]}}')
