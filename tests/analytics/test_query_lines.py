"""The lines of an SQL file: which of them stay, by the values of its parameters."""

import pytest

from analytics import queries
from tests.support.readable_store import MIDDAY


def test_a_line_whose_parameter_is_none_is_left_out_with_its_parameter():
    without = queries.make_query("newest_notifications", {"page_rows": 5, "before": None, "text": None})
    assert without.parameters == {"page_rows": 5}
    assert "payload" not in without.sql


def test_a_line_whose_parameter_has_a_value_stays():
    with_text = queries.make_query("newest_notifications", {"page_rows": 5, "text": "x"})
    assert with_text.parameters == {"page_rows": 5, "text": "x"}
    assert "regexp_escape($text)" in with_text.sql


def test_a_part_that_is_included_under_a_condition_is_left_out_without_it():
    values = {"alone": True, "counted_since": MIDDAY, "counted_until": MIDDAY, "since": MIDDAY, "until": MIDDAY}
    assert "counts_by_quarter" not in queries.make_query("activity_other", values | {"notifications": True}).sql
    kept = {"kept": True, "kept_seq": 1, "left_notifications": True, "cut_begins": [0], "cut_ends": [0]}
    assert "counts_by_quarter" in queries.make_query("activity_other", values | kept).sql


def test_a_parameter_that_a_query_needs_is_asked_for():
    with pytest.raises(KeyError, match="page_rows"):
        queries.make_query("newest_notifications", {})
