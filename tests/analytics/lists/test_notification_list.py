"""What the page Notifications is made of, without a browser: bins, brush, counts, neighbours, downloads, reasons."""

import io
import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pandas as pd
import pyarrow.parquet as pq
import pytest
import streamlit as st

import analytics
from analytics import queries, senders
from analytics.charts.histogram import Bins, add_ends, draw_histogram, read_brush
from analytics.pages.notifications import download
from analytics.pages.notifications import paging as _paging
from analytics.pages.notifications.download import Size, describe_size, fetch, make_archive
from analytics.pages.notifications.listing import as_line
from analytics.pages.shared.accounts import Account, Accounts
from analytics.pages.shared.changes import What
from analytics.pages.shared.filters import CHIP_CHARACTERS
from analytics.pages.shared.formatting import format_event, format_lag, format_range, format_type
from analytics.pages.shared.open_item import name_file
from analytics.senders import colours
from analytics.senders.described import Seen, as_sender
from analytics.text import make_visible
from analytics.times import find_zone
from tests.support.readable_store import MIDDAY, Row, build_store, server

MINUTE = timedelta(minutes=1)
ORIGINAL = UUID("01890000-0000-7000-8000-000000000001")
LONG = "x" * 40_000


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    alert = {"serverName": "WA1ACMEWEB01"}
    rows = [
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY),
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY + 5 * MINUTE, id=ORIGINAL),
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY + 5 * MINUTE, duplicate_of=ORIGINAL),
        Row("Alert.Notification", "ACME", "WA1ACMEWEB01", alert, MIDDAY + 2 * MINUTE),
        Row("User.Updated", "ACME", "=1+1", {"userName": "=1+1", "text": LONG}, MIDDAY + 3 * MINUTE),
        Row("User", "ACME", "WA1ACMEWEB01", {"userName": "wa1acmeweb01"}, MIDDAY + 3 * MINUTE),
    ]
    with analytics.connect(str(build_store(tmp_path_factory.mktemp("store") / "s.duckdb", rows))) as made:
        yield made


@pytest.fixture
def ask(client):
    def run(name, **values):
        return client.sql(*queries.make_query(name, values)).to_pylist()

    return run


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "per", "first", "last", "count"),
    [
        ("2026-03-02 12:00:01", "2026-03-02 12:15:00", "10 s", "2026-03-02 12:00:00", "2026-03-02 12:15:00", 90),
        ("2026-03-02 12:00:00", "2026-03-02 12:15:01", "10 s", "2026-03-02 12:00:00", "2026-03-02 12:15:10", 91),
        ("2026-03-01 12:30:00", "2026-03-02 12:30:00", "15 min", "2026-03-01 12:30:00", "2026-03-02 12:30:00", 96),
        ("2026-03-02 12:00:03", "2026-03-02 12:00:03", "5 s", "2026-03-02 12:00:00", "2026-03-02 12:00:05", 1),
        ("2026-03-02 12:00:03", "2026-03-01 12:00:03", "5 s", "2026-03-02 12:00:00", "2026-03-02 12:00:05", 1),
        ("2019-04-01 00:00:00", "2026-10-31 00:00:00", "28 days", "2019-03-21 00:00:00", "2026-11-19 00:00:00", 100),
        ("2015-01-31 00:00:00", "2026-10-31 00:00:00", "84 days", "2015-01-29 00:00:00", "2027-01-14 00:00:00", 52),
        ("1990-01-01 00:00:00", "2026-10-31 00:00:00", "84 days", "1989-10-12 00:00:00", "2027-01-14 00:00:00", 162),
    ],
)
def test_bins_fit_their_range(since, until, per, first, last, count):
    bins = Bins(at(since), at(until))
    assert (bins.per, bins.since, bins.until) == (per, at(first), at(last))
    assert (bins.until - bins.since) / bins.width == count


def ms(text):
    return at(text).timestamp() * 1000


@pytest.mark.parametrize(
    ("brush", "narrowed"),
    [
        (("12:03:30", "12:05:00"), ("12:03:30", "12:05:00")),
        (("12:03:31", "12:05:01"), ("12:03:30", "12:05:10")),
        (("12:05:01", "12:03:31"), ("12:03:30", "12:05:10")),
        (("11:00:00", "12:00:05"), ("12:00:00", "12:00:10")),
        (("12:14:59", "13:00:00"), ("12:14:50", "12:15:00")),
        (("13:00:00", "14:00:00"), ("12:14:50", "12:15:00")),
    ],
)
def test_a_brush_narrows_the_range_to_whole_bins(brush, narrowed):
    bins = Bins(at("2026-03-02 12:00:00"), at("2026-03-02 12:15:00"))
    found = read_brush({"begin": [ms(f"2026-03-02 {end}") for end in brush]}, bins)
    assert found == tuple(at(f"2026-03-02 {end}") for end in narrowed)


@pytest.mark.parametrize(
    "selection",
    [None, {}, {"begin": []}, {"begin": [5, 5]}, {"begin": ["x", 1]}, {"begin": [1, 2, 3]}, {"begin": [1e300, 1]}],
)
def test_a_brush_over_nothing_narrows_nothing(selection):
    assert read_brush(selection, Bins(MIDDAY, MIDDAY + MINUTE)) is None


def test_the_histogram_spans_all_bins_and_its_form_does_not_depend_on_what_is_in_them():
    bins = Bins(MIDDAY - 10 * MINUTE, MIDDAY)
    bin_us = int((MIDDAY - 5 * MINUTE).timestamp()) * 1_000_000
    some = pd.DataFrame({"bin_us": [bin_us], "event_type": ["User.Updated"], "events": [3]})
    specs = []
    for frame in (some, some.head(0), pd.concat([some, some.assign(event_type="Server.Created")])):
        spec = draw_histogram(frame, bins, "UTC").to_dict()
        rows = next(iter(spec.pop("datasets").values()))
        assert (rows[-1]["begin"], rows[-1]["end"], rows[-1]["top"]) == (
            "2026-03-02T11:50:00+00:00",
            "2026-03-02T12:00:00+00:00",
            0,
        )
        del spec["data"]
        specs.append(json.dumps(spec))
    assert len(set(specs)) == 1
    assert len(add_ends(pd.DataFrame(columns=["begin", "end", "event_type", "events", "bottom", "top"]), bins)) == 1


@pytest.mark.parametrize(
    ("until", "state"),
    [(None, "still filling"), (MIDDAY, "still filling"), (MIDDAY - timedelta(seconds=2), "complete")],
)
def test_a_bin_that_is_not_over_is_marked_and_one_in_which_an_own_range_ends_is_not(monkeypatch, until, state):
    monkeypatch.setattr(_paging, "read_freshness", lambda: SimpleNamespace(complete_since=None))
    span = _paging.ReceivedRange(MIDDAY - 10 * MINUTE, until)
    bins = _paging.choose_bins(span, _paging.Point(1, MIDDAY - timedelta(seconds=2)), {})
    width = int(bins.width.total_seconds()) * 1_000_000
    last = int(MIDDAY.timestamp()) * 1_000_000 - width
    frame = pd.DataFrame({"bin_us": [last - width, last], "event_type": ["User.Updated"] * 2, "events": [1, 1]})
    rows = next(iter(draw_histogram(frame, bins, "UTC").to_dict()["datasets"].values()))
    assert [row["state"] for row in rows] == ["complete", state, "complete"]


def test_counts_tell_the_list_what_is_newer_and_what_came_since(ask):
    rows = ask("notifications_over_time", bin_us=60_000_000, first=2, upto=4, without_copies=True)
    begin = int(MIDDAY.timestamp()) * 1_000_000
    minute = 60_000_000
    assert rows == [
        {"bin_us": begin, "event_type": "Server.Updated", "events": 1, "newer": 0, "fresh": 0},
        {"bin_us": begin + 2 * minute, "event_type": "Alert.Notification", "events": 1, "newer": 1, "fresh": 0},
        {"bin_us": begin + 3 * minute, "event_type": "User (event unknown)", "events": 0, "newer": 0, "fresh": 1},
        {"bin_us": begin + 3 * minute, "event_type": "User.Updated", "events": 0, "newer": 0, "fresh": 1},
        {"bin_us": begin + 5 * minute, "event_type": "Server.Updated", "events": 1, "newer": 0, "fresh": 0},
    ]


@pytest.mark.parametrize(
    ("seq", "earlier", "later", "earlier_ones", "notifications"),
    [(1, None, 4, 0, 3), (4, 1, 2, 1, 3), (2, 4, None, 2, 3), (5, None, None, 0, 1), (6, None, None, 0, 1)],
)
def test_neighbours_are_of_the_same_entity_in_the_order_in_which_things_happened(
    ask, seq, earlier, later, earlier_ones, notifications
):
    assert ask("entity_neighbours", seq=seq) == [
        {"earlier": earlier, "later": later, "earlier_ones": earlier_ones, "notifications": notifications}
    ]


def test_a_download_has_the_newest_that_the_filter_lets_through_whole(client):
    values = {"upto": 5, "without_copies": True}
    table = fetch(client, values)
    assert table.column("seq").to_pylist() == [5, 4, 2, 1]
    assert json.loads(table.column("payload")[0].as_py()) == {"userName": "=1+1", "text": LONG}
    exact = pq.read_table(io.BytesIO(download.FORMATS[2].make(table)))
    assert exact.column("payload").to_pylist() == table.column("payload").to_pylist()
    lines = [json.loads(line) for line in make_archive(table).splitlines()]
    assert [line["body"] for line in lines] == table.column("payload").to_pylist()
    assert fetch(client, {"upto": 5, "entity": "nonesuch"}).num_rows == 0


@pytest.mark.parametrize(("rows", "size", "seqs"), [(2, 10**9, [6, 5]), (50, 30, [6, 5]), (50, 20, [6])])
def test_a_download_ends_where_it_would_grow_too_large(client, monkeypatch, rows, size, seqs):
    monkeypatch.setattr(download, "MOST_ROWS", rows)
    monkeypatch.setattr(download, "MOST_BYTES", size)
    assert fetch(client, {"upto": 6}).column("seq").to_pylist() == seqs


def test_how_much_a_download_holds_is_told_beforehand(ask):
    (row,) = ask("download_size", upto=6, page_rows=50, most=10**9, longest=32_767)
    assert (row["first"], row["notifications"], row["long_ones"]) == (1, 6, 1)
    assert describe_size(Size(6, 1_260_000, 0), 6) == "**6 notifications**, 1.3 MB of bodies, newest first"
    assert describe_size(Size(50_000, 72_000_000, 0), 1_000_000) == (
        "**The newest 50,000 of 1,000,000 notifications**, 72.0 MB of bodies: a download holds at most "
        "50,000 notifications. Narrow the range, or take all of them with `clc-analytics export`."
    )
    assert "at most 100 MB of bodies" in describe_size(Size(800, 100_000_001, 0), 1_000_000)


def test_what_takes_long_to_find_is_not_looked_for_at_every_refresh(monkeypatch):
    clock, looked = [100.0], []

    def look(seconds):
        looked.append(clock[0])
        clock[0] += seconds / 2
        return _paging.Search({"look": len(looked)}, pd.DataFrame(), lambda: count(seconds / 2))

    def count(seconds):
        clock[0] += seconds

    def found(asked, seconds):
        values, *_ = _paging.find_seldom(asked, lambda: look(seconds))
        return values["look"]

    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert found("a", 2) == 1
    assert _paging.describe_delay() == "Searching all bodies takes 2.0 s, so this list is at most 8 s old."
    clock[0] += 5.9
    assert found("a", 2) == 1
    assert found("b", 0.01) == 2
    assert _paging.describe_delay() is None
    clock[0] += 0.04
    assert found("b", 2) == 3


@pytest.mark.parametrize(
    ("text", "seqs"),
    [("=1+1", [5]), ("1.1", []), ("USERNAME", [6, 5]), (".*", []), ("\\", []), ('"=1', [5]), ("(?i)x", [])],
)
def test_bodies_are_searched_for_the_very_text_in_any_case(ask, text, seqs):
    assert [row["seq"] for row in ask("newest_notifications", page_rows=9, text=text)] == seqs


def test_a_range_of_time_is_said_as_shortly_as_is_clear():
    since = datetime(2026, 11, 27, 15, 45, tzinfo=UTC)
    assert format_range(since, since + timedelta(hours=2)) == "2026-11-27 15:45 to 17:45"
    assert format_range(since, since + timedelta(seconds=10)) == "2026-11-27 15:45:00 to 15:45:10"
    over_night = format_range(since, since + timedelta(hours=12, seconds=10))
    assert over_night == "2026-11-27 15:45 to 2026-11-28 03:45"
    assert len(over_night) <= CHIP_CHARACTERS
    assert format_range(since, None) == "Since 2026-11-27 15:45"
    assert format_range(None, since) == "Until 2026-11-27 15:45"
    assert format_range(None, None) == ""


def test_a_notification_that_tells_the_first_moment_of_the_calendar_is_late_in_any_time_zone(monkeypatch):
    monkeypatch.setattr("analytics.pages.shared.formatting.find_viewer_zone", lambda: find_zone("America/New_York"))
    said = format_lag(datetime.min.replace(tzinfo=UTC), MIDDAY, None)
    assert said == "received 2026-03-02 07:00:00, 739676 d 12 h later"


def test_accounts_have_names_where_those_of_the_sender_have_any():
    accounts = Accounts(
        [Account("ACME", "Acme", None, ("ACME",), "centurylink"), Account("tools", None, None, ("tools",), "github")]
    )
    assert [accounts.have_names(sender) for sender in (None, "centurylink", "github")] == [True, True, False]
    assert Accounts([Account("ACME", "Acme", None, ("ACME",))]).have_names(None)


@pytest.mark.parametrize("event", ["\u202egnp.exe", "\x1b]0;owned\x07", "\u2028x"])
def test_an_event_is_drawn_with_its_invisible_characters_spelled_and_keeps_its_colour(event):
    row = SimpleNamespace(seq=7, event_type=event, category="x", received_at=MIDDAY, sender="generic-hmac",
          entity_id="e", account_alias=None, actor=None, duplicate_of=None)  # fmt: skip
    line = as_line(row, Accounts([]), What("", None, "", ""))
    assert [line.cells[2], format_event(row), format_type(event)] == [make_visible(event)] * 3
    senders.learn([as_sender("generic-hmac", "Any", "{}", [Seen(event, "x")])])
    try:
        assert {line.colour, format_type(event)} <= colours(dark=False).keys()
    finally:
        senders.learn([])


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("User.Updated", "User.Updated-7.json"),
        ("../../a\\b:c", "a-b-c-7.json"),
        ("\u202egnp.exe\x07", "gnp.exe-7.json"),
        ("..", "body-7.json"),
        ("é" * 3000, "é" * 60 + "-7.json"),
    ],
)
def test_the_name_of_a_bodys_file_is_one_that_every_system_keeps(event, name):
    assert name_file({"event_type": event, "category": "x", "seq": 7}) == name
