"""What the page Health makes of what a receiver says of itself."""

import pytest
from streamlit.testing.v1 import AppTest

from analytics import connect
from analytics.errors import NoStatusError
from analytics.pages.health.page import make_line, make_process_line
from analytics.pages.shared.components import Age
from analytics.pages.shared.health_figures import (
    describe_limit,
    format_bytes,
    group_figures,
    read_figures,
    select_troubled,
)
from tests.support.readable_store import build_store

STATUS = {
    "state": "red",
    "figures": [
        {"name": "lag_seconds", "label": "Lag of the store", "value": 12.0, "text": "12.0 s", "state": "amber"},
        {"name": "serving", "label": "serve", "value": 1, "text": "running", "state": "ok"},
        {"name": "data_free_bytes", "label": "Left", "value": 1, "text": "1 bytes", "state": "red"},
        {"name": "new_figure", "label": "Something new", "value": 3, "text": "3", "state": "purple"},
    ],
    "limits": {
        "lag_seconds": {"amber": 10, "red": 60, "falling": False},
        "data_free_bytes": {"amber": 5 * 2**30, "red": 2**30, "falling": True},
    },
}


def test_figures_are_shown_in_groups_and_one_that_is_not_known_comes_last():
    groups = group_figures(read_figures(STATUS))
    assert {title: [figure.name for figure in found] for title, found in groups.items()} == {
        "Running": ["serving"],
        "Coming in": ["lag_seconds"],
        "Room": ["data_free_bytes"],
        "More": ["new_figure"],
    }


def test_what_was_not_done_yet_is_no_good_state_and_a_bad_one_stays():
    limits = {"backup_at": {"amber": 1.5, "red": 3}}
    figures = [
        {"name": "backup_at", "value": value, "text": "none; no schedule", "state": state}
        for value, state in ((None, "ok"), (None, "red"), ("2026-03-02T12:00:00Z", "ok"))
    ]
    assert [figure.judged for figure in read_figures({"figures": figures, "limits": limits})] == [False, True, True]


def test_a_figure_that_is_never_judged_has_no_state_to_show():
    status = {"figures": [{"name": name, "state": "ok"} for name in ("version", "serving")]}
    assert [figure.judged for figure in read_figures(status)] == [False, True]


def test_a_machine_is_a_row_with_its_age_and_state_and_an_odd_name_is_made_visible():
    machine = {
        "id": "5d1c1a50-0000", "name": "db\u202e1", "this": True, "version": "1.0", "state": "purple",
        "does": "stores", "seen_at": "2026-03-04T12:00:00+00:00",
        "text": "if it will not come back: `clc-receiver forget 5d1c1a50`",
    }  # fmt: skip
    line = make_line(machine)
    name, does, version, seen, text, state = line.cells
    assert (name, does, version) == ("db\\u202e1 (5d1c1a50), this machine", "stores", "1.0")
    assert (state, line.colour) == ("▲ amber", "amber")
    assert isinstance(seen, Age)
    assert seen.moment.hour == 12
    assert text == "if it will not come back: clc-receiver forget 5d1c1a50"


def test_a_process_that_stands_still_is_not_called_running():
    well = {"name": "listener 1", "state": "running", "pid": 7, "silent_since": None}
    line, still = make_process_line(well), make_process_line({**well, "silent_since": "2026-03-04T12:00:00+00:00"})
    assert (line.cells[1], line.colour) == ("running", "ok")
    assert (still.cells[1], still.colour) == ("no sign of life since 2026-03-04 12:00:00 UTC", "red")


def test_what_is_red_is_named_before_what_is_amber_and_an_unknown_state_counts_as_amber():
    assert [figure.name for figure in select_troubled(read_figures(STATUS))] == [
        "data_free_bytes",
        "lag_seconds",
        "new_figure",
    ]


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("lag_seconds", {"amber": 10, "red": 60}, "amber from 10 s, red from 60 s"),
        ("checkpoint_due_seconds", {"amber": 60, "red": 600}, "amber from 60 s, red from 10 min"),
        ("shared_spool_kept_seconds", {"amber": 90_000, "red": 604_800}, "amber from 25 h, red from 7 d"),
        ("spool_free_bytes", {"amber": 5 * 2**30, "red": 2**30, "falling": True}, "amber below 5 GiB, red below 1 GiB"),
        ("spool_rows", {"amber": 100_000, "red": 1_000_000}, "amber from 100,000, red from 1,000,000"),
        ("backup_at", {"amber": 1.5, "red": 3}, "amber from 1.5 intervals, red from 3 intervals"),
        ("processes_not_running", {"amber": 1, "red": 1}, "red from 1"),
        ("version", None, ""),
    ],
)
def test_limits_are_said_in_the_unit_of_their_figure(name, limit, words):
    assert describe_limit(name, limit) == words


def test_sizes_are_said_in_their_largest_unit():
    assert [format_bytes(size) for size in (512, 2048, 256 * 2**20, 2**40)] == [
        "512 bytes", "2 KiB", "256 MiB", "1,024 GiB",
    ]  # fmt: skip


def test_a_duckdb_file_says_that_only_a_running_receiver_tells_how_it_is(tmp_path):
    path = str(build_store(tmp_path / "store.duckdb", []))
    with connect(path) as client, pytest.raises(NoStatusError) as error:
        client.status()
    assert str(error.value) == (
        f"{path!r} is no running receiver, and only that tells how it is; "
        "run `clc-receiver status` for a data directory, or read from a query service."
    )


def test_what_is_not_known_is_not_said_to_be_none():
    def page(known):
        from analytics.pages.health.page import draw_refusals, draw_silences

        draw_refusals(known)
        draw_silences(known, {})

    unknown, none = (
        [caption.value for caption in AppTest.from_function(page, args=(known,)).run().caption] for known in (None, [])
    )
    assert unknown == ["Not known now."] * 2
    assert none == ["The store has no refused notification.", "No silence has ended in the last day."]
