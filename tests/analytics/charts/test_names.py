"""The names of values in charts: two values have one name only if they are equal."""

import pyarrow as pa
import pytest

from analytics.charts.choice import Choice, limit_names, name_values
from analytics.charts.quick_chart import draw

LONG = "a-very-long-name-of-a-server-that-shares-its-first-forty-characters"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([None, "NULL", "'NULL'", None], ["NULL", "'NULL'", "'NULL'_2", "NULL"]),
        (["(empty)", "", "''"], ["'(empty)'", "(empty)", "''"]),
        ([b"ab", b"cd", b"ab"], ["<2 bytes>", "<2 bytes>_2", "<2 bytes>"]),
        ([["a"], ["a"], []], ['["a"]', '["a"]', "[]"]),
        (["\u202e", "\\u202e"], ["\\u202e", "\\u202e_2"]),
        ([f"{LONG}-1", f"{LONG}-2"], [f"{LONG}-1", f"{LONG}-2"]),
        (["x" * 500 + "1", "x" * 500 + "2"], ["x" * 199 + "…", "x" * 199 + "…_2"]),
    ],
)
def test_only_equal_values_have_one_name(values, names):
    assert name_values(values) == names


def test_a_bar_adds_up_no_different_names():
    names = [*(f"{LONG}-{number}" for number in range(3)), None, "NULL", "", "(empty)"]
    chart = draw(pa.table({"name": names, "n": range(7)}), Choice("bar", "name", "n")).chart.to_dict()
    (rows,) = chart["datasets"].values()
    assert len({row["x"] for row in rows}) == 7


def test_a_value_that_is_called_others_is_none_of_the_others():
    names, joined = limit_names(["others"] * 3 + ["a", "a", "b", "b", "c", "d", "others"], 3)
    assert (names, joined) == (["'others'"] * 3 + ["a", "a", "b", "b", "others", "others", "'others'"], 2)
    assert limit_names(["others", "a"], 3) == (["others", "a"], 0)
