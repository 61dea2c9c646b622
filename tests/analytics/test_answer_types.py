"""The types of the client's answers: intervals, times in UTC, and what Arrow or pandas has no form for."""

import time
from datetime import datetime, timedelta
from typing import cast

import pyarrow as pa
import pytest

import analytics
from analytics.client.arrow_types import make_frame
from analytics.export.results import prepare_rows
from analytics.export.sql_formats import list_values
from analytics.pages.sql.results import choose_forms
from tests.support.readable_store import MIDDAY, build_store, server


@pytest.fixture
def store(tmp_path):
    return str(build_store(tmp_path / "store.duckdb", [server("ACME", "WA1ACMEWEB01")]))


INTERVALS = "SELECT x FROM (VALUES ({}), (NULL), (INTERVAL '-3 days 5 s')) AS t(x)"


def test_intervals_are_durations_that_can_be_added_and_compared(store):
    with analytics.connect(store) as client:
        table = client.sql(INTERVALS.format("INTERVAL '6 days 07:00:00.000001'"))
        frame = client.df(INTERVALS.format("INTERVAL '6 days'"))
        assert client.sql("SELECT INTERVAL 1 DAY AS x WHERE false").schema.field("x").type == pa.duration("us")
    assert table.column("x").type == pa.duration("us")
    assert table.column("x").to_pylist() == [
        timedelta(days=6, hours=7, microseconds=1), None, timedelta(days=-3, seconds=5)
    ]  # fmt: skip
    assert frame["x"].max() == timedelta(days=6)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ("INTERVAL 2 MONTHS", "2 months"),
        ("INTERVAL '1 year 3 days'", "1 year 3 days"),
        ("INTERVAL 2000000000 DAYS", "2000000000 days"),
    ],
)
def test_intervals_without_a_fixed_length_are_text(store, interval, text):
    with analytics.connect(store) as client:
        assert client.sql(INTERVALS.format(interval)).column("x").to_pylist() == [text, None, "-3 days 00:00:05"]


def test_values_that_arrow_would_change_are_text(store):
    query = """
        SELECT md5_number('x') AS large, '12:00:00-08'::TIMETZ AS clock, {'a b': [$bits::BIT]} AS nested,
            map {INTERVAL 1 DAY: [TIME '24:00:00']} AS map, row(1, '1'::BIT) AS pair, union_value(n := 1) AS one_of,
            {'a': [1]}::VARIANT AS variant, ['-infinity'::TIMESTAMP_NS] AS fine, 1 AS "n ""1", 2 AS "n ""1"
    """
    with analytics.connect(store) as client:
        table = client.sql(query, {"bits": "101"})
    assert [column.to_pylist()[0] for column in table.columns] == [
        "221188521546444818284084528980898927773", "12:00:00-08", "{'a b': [101]}", "{1 day=['24:00:00']}", "(1, 1)",
        "1", "{'a': [1]}", "[-infinity]", 1, 2,
    ]  # fmt: skip
    assert table.column_names[-2:] == ['n "1', 'n "1']


def test_times_are_text_where_one_is_the_end_of_the_day(store):
    query = "SELECT x::TIME AS x FROM (VALUES ($last), (NULL), ('01:00:00')) AS t(x)"
    with analytics.connect(store) as client:
        assert client.sql(query, {"last": "24:00:00"}).column("x").to_pylist() == ["24:00:00", None, "01:00:00"]
        assert pa.types.is_time64(client.sql(query, {"last": "23:59:59"}).schema.field("x").type)


@pytest.mark.parametrize("kind", ["TIMESTAMP_NS", "TIMESTAMPTZ_NS"])
def test_moments_in_nanoseconds_are_text_where_one_is_infinite(store, kind):
    query = f"SELECT $moment::{kind} AS x"
    with analytics.connect(store) as client:
        for text in ("infinity", "-infinity"):
            assert client.sql(query, {"moment": text}).to_pylist() == [{"x": text}]
        assert pa.types.is_timestamp(client.sql(query, {"moment": "2024-02-29"}).schema.field("x").type)


def test_values_that_pandas_has_no_form_for_are_text_in_a_dataframe(store):
    with analytics.connect(store) as client:
        frame = client.df(
            "SELECT '01:02:03.123456789'::TIME_NS AS clock, DATE 'infinity' AS ever, union_value(n := 1) AS n,"
            " 'infinity'::TIMESTAMPTZ AS until, '-infinity'::TIMESTAMP AS since, 'infinity'::TIMESTAMP_NS AS fine"
        )
    assert frame.iloc[0].tolist() == [
        "01:02:03.123456789", "infinity", "1", "infinity", "-infinity", "infinity"
    ]  # fmt: skip


def test_whole_numbers_keep_their_digits_beside_null_in_a_dataframe(store):
    query = "SELECT unnest([$n, -$n, NULL])::BIGINT AS n, [$n, NULL]::BIGINT[] AS list, unnest([7, NULL, NULL]) AS n"
    with analytics.connect(store) as client:
        large = client.df(query, {"n": 2**53 + 1})
        small = client.df(query, {"n": 2**53})
    numbers = large.iloc[:, 0]
    assert numbers.tolist() == [2**53 + 1, -(2**53) - 1, None]
    assert numbers.sum() == 0
    assert [*large["list"][0]] == [2**53 + 1, None]
    assert [kind.kind for kind in (large.dtypes.iloc[2], *small.dtypes)] == ["f", "f", "O", "f"], "each by itself"


def test_moments_are_shown_with_the_fractions_of_their_seconds():
    def show(text, kind):
        return prepare_rows(pa.table({"at": pa.array([text, None]).cast(kind)}))["at"].iloc[0]

    assert show("2026-01-02 03:04:05.000678Z", pa.timestamp("us", "UTC")) == "2026-01-02 03:04:05.000678+00:00"
    assert show("2026-01-02 03:04:05.000000678", pa.timestamp("ns")) == "2026-01-02 03:04:05.000000678"
    assert show("2026-01-02 03:04:05", pa.timestamp("us")) == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as queried


def test_numbers_are_shown_with_all_their_digits():
    frame = prepare_rows(pa.table({"small": [0.00001234], "float": pa.array([0.1], pa.float32()), "whole": [7]}))
    assert frame.iloc[0].tolist() == [0.00001234, 0.1, 7]
    # In a form of Streamlit's own, 0.00001234 is 0.00001, and 123456.78901 is 123456.789.
    assert {name: form["type_config"]["format"] for name, form in choose_forms(frame).items()} == {
        "small": "%g", "float": "%g"
    }  # fmt: skip


def test_an_answer_that_pandas_can_represent_is_converted_once():
    class Answer:
        itercolumns = list

        def to_pandas(self, *, use_threads):
            return "the frame in threads" if use_threads else "the frame"

    assert make_frame(cast("pa.Table", Answer())) == "the frame"


def test_times_come_back_in_utc(store):
    with analytics.connect(store) as client:
        assert client.df("SELECT min(received_at) AS t FROM events")["t"][0].to_pydatetime() == MIDDAY


@pytest.fixture
def _in_tokyo(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_a_file_counts_days_and_writes_times_in_utc_whatever_the_machines_time_zone(store):
    evening = "SELECT TIMESTAMPTZ '2026-03-04 20:00+00' AS t"
    with analytics.connect(store) as client, analytics.connect(store) as second:
        for each in (client, second):
            table = each.sql(f"SELECT t, t::DATE::VARCHAR AS day, t::VARCHAR AS text FROM ({evening})")
            assert table.schema.field("t").type == pa.timestamp("us", "UTC")
            assert table.select(["day", "text"]).to_pylist() == [
                {"day": "2026-03-04", "text": "2026-03-04 20:00:00+00"}
            ]
        assert client.sql(f"SELECT union_value(t := t) AS t FROM ({evening})").to_pylist() == [
            {"t": "2026-03-04 20:00:00+00"}
        ]
        late = client.sql("SELECT TIMESTAMPTZ '12026-03-04 20:00+00' AS t").column("t")
    assert list_values(late) == ["12026-03-04 20:00:00+00"]
