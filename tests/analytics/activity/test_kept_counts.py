"""The counts that the store keeps and its rows give equal answers, whatever the time, the zone and the filters."""

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import analytics
from analytics import queries
from analytics.comparison import COMPARISONS, find_comparison
from analytics.errors import QueryError
from analytics.pages.activity.filters import CHANGES, NOTIFICATIONS, ActivityFilters
from analytics.pages.activity.kept.counts import BY_MONTH, BY_QUARTER, Kept, read_kept
from analytics.pages.activity.page import list_queries
from analytics.pages.activity.time_range import When
from analytics.times import EPOCH, OWN, Interval, make_span
from receiver.deriving.counts import add_counts, prepare_counts
from tests.support.database import open_database
from tests.support.readable_store import Changed, Row, build_store
from tests.support.sizes import size

BEGIN, END = datetime(2024, 11, 20, 7, 11, tzinfo=UTC), datetime(2026, 2, 3, 19, 52, tzinfo=UTC)
ROWS, PART = 1_500, 400
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Auckland"]
FILTERS = [
    ActivityFilters(),
    ActivityFilters(sender="github"),
    ActivityFilters(types=("Server.Updated", "User")),
    ActivityFilters(actor="ann"),
    ActivityFilters(entity=("Server", "WA1ACMEWEB03")),
    ActivityFilters(centre="WA1"),
    ActivityFilters(without={"without_senders": ["github"], "without_types": ["User", "Server.Updated"]}),
    ActivityFilters(without={"without_actors": ["ANN"], "without_accounts": ["ACME"]}),
]
EVENTS = ["Server.Updated", "Server.Created", "User.Updated", "User", "Alert.Notification"]


def make_row(dice):
    at = BEGIN + (END - BEGIN) * dice.random()
    if dice.random() < 0.2:  # on the edge of a quarter hour, some on that of a month
        at = at.replace(day=dice.choice([1, at.day]), minute=dice.choice([0, 15, 30, 45]), second=0, microsecond=0)
    event, account = dice.choice(EVENTS), dice.choice(["ACME", "ACEU", None])
    name = (
        f"{dice.choice(['WA1', 'VA1'])}ACMEWEB{dice.randrange(9):02}"
        if event[0] in "SA"
        else f"USER{dice.randrange(9)}"
    )
    actor, sender = dice.choice([None, "ann", "ANN", "bob"]), dice.choice(["centurylink", "centurylink", "github"])
    return Row(event, account, dice.choice([name, name, None]), {}, at, actor, sender=sender)


def make_change(dice, seq):
    return Changed(seq, dice.choice(["", "cpu", "disks[0:1].size"]), "changed", noise=dice.random() < 0.2)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    dice = random.Random(5)
    rows = sorted((make_row(dice) for _ in range(ROWS)), key=lambda row: row.received_at)
    for late in dice.sample(range(ROWS), 100):
        rows.append(rows.pop(late))
    for copy in dice.sample(range(1, ROWS), 100):
        rows[copy].duplicate_of = rows[copy - 1].id
    copies = {seq for seq, row in enumerate(rows, 1) if row.duplicate_of}
    seqs = [
        seq
        for seq in (dice.randrange(ROWS) + 1 for _ in range(ROWS // 3))
        if seq not in copies and rows[seq - 1].entity_id
    ]
    path = tmp_path_factory.mktemp("store") / "s.duckdb"
    build_store(path, rows, changes=[make_change(dice, seq) for seq in seqs])
    with open_database(path) as connection:
        for after in range(0, ROWS - PART + 1, PART):
            prepare_counts(connection, after, after + PART)
            add_counts(connection, after, after + PART)
    return path


@pytest.fixture(scope="module")
def client(file):
    with analytics.connect(str(file)) as made:
        yield made


@pytest.fixture(scope="module")
def kept(client):
    (row,) = client.sql(*queries.make_query("kept", {})).to_pylist()
    assert row["last_seq"] == ROWS // PART * PART
    return Kept(row["last_seq"], row["newest"].astimezone(UTC))


def choose_time(dice, zone):
    """Return a long time that ends anywhere, and the time that it is compared with."""
    at = dice.choice([END + timedelta(hours=1), BEGIN + (END - BEGIN) * dice.uniform(0.4, 1)])
    name, own = dice.choice(["90 d", "year", "all", OWN]), None
    if name == OWN:
        since = BEGIN + (at - BEGIN) * dice.uniform(0, 0.5)
        own = Interval(since.replace(second=0, microsecond=0), dice.choice([at, None]))
    span = make_span(name, own, at, BEGIN, ZoneInfo(zone))
    how = dice.choice(COMPARISONS)
    compared = None if span.whole else find_comparison(span.since, span.until, how, span.early)
    return When(span, Interval(span.since, span.until), compared, how, EPOCH)


def answers(client, asked):
    """Return the rows of each query, without those that were there neither in the time nor in that to compare with."""
    return {
        name: [
            row
            for row in client.sql(*queries.make_query(name, values)).to_pylist()
            if row["events"] or row.get("events_before")
        ]
        for name, values in asked.items()
    }


def read_counts(asked):
    return {name for name, values in asked.items() if values.get("kept")}


@pytest.mark.parametrize(("zone", "chosen"), [*product(ZONES, FILTERS)][:: size(5, 1)])
def test_counts_and_rows_give_equal_answers(client, kept, zone, chosen):
    dice = random.Random(f"{zone} {chosen}")
    for measure in (NOTIFICATIONS, CHANGES):
        time = choose_time(dice, zone)
        by_rows, by_counts = (list_queries(chosen, time, ZoneInfo(zone), measure, kept=each) for each in (None, kept))
        assert answers(client, by_rows) == answers(client, by_counts)
        assert not read_counts(by_rows)


@pytest.mark.parametrize("is_old", [False, True])
def test_of_a_time_that_cuts_no_count_changes_of_some_types_are_the_same_too(client, kept, is_old):
    zone, chosen = ZoneInfo("UTC"), ActivityFilters(types=("Server.Updated", "User"))
    span = make_span("all", None, END + timedelta(hours=1), BEGIN, zone)
    time = When(span, Interval(span.since, span.until), None, "before")
    by_rows = list_queries(chosen, time, zone)
    by_counts = list_queries(chosen, time, zone, kept=kept._replace(last_seq=PART) if is_old else kept)
    assert by_counts["activity_other"]["uncut"]
    assert answers(client, by_rows) == answers(client, by_counts)


def test_without_filters_all_of_a_year_is_read_from_counts(kept):
    time = choose_year("UTC")
    asked = list_queries(ActivityFilters(), time, ZoneInfo("UTC"), kept=kept)
    assert read_counts(asked) == BY_QUARTER | BY_MONTH


def test_counts_that_are_almost_as_many_as_the_notifications_are_not_read(kept):
    time = choose_year("UTC")
    many, some, few = (kept.last_seq * share // 10 for share in (11, 5, 2))
    for quarters, years, read in [
        (few, some, BY_QUARTER),
        (many, few, BY_MONTH),
        (some, some, {"activity_other"}),  # changed fields take longer to count
    ]:
        sparse = kept._replace(quarters=quarters, years=years)
        assert read_counts(list_queries(ActivityFilters(), time, ZoneInfo("UTC"), kept=sparse)) == read


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        (ActivityFilters(sender="github"), BY_QUARTER | BY_MONTH),
        (ActivityFilters(types=("User",)), BY_QUARTER),
        (ActivityFilters(centre="WA1"), {"activity_entities"}),
        (ActivityFilters(actor="ann"), {"activity_actors"}),
        (ActivityFilters(without={"without_senders": ["github"]}), BY_QUARTER | BY_MONTH),
        (ActivityFilters(without={"without_types": ["User"]}), BY_QUARTER),
        (ActivityFilters(without={"without_accounts": ["ACME"]}), set()),
        (ActivityFilters(without={"without_entities": ["Server/WA1ACMEWEB1"]}), set()),
    ],
)
def test_a_query_whose_filter_the_counts_do_not_know_reads_rows(kept, chosen, read):
    assert read_counts(list_queries(chosen, choose_year("UTC"), ZoneInfo("UTC"), kept=kept)) == read


def choose_year(zone):
    at = END + timedelta(hours=1)
    span = make_span("year", None, at, None, ZoneInfo(zone))
    how = COMPARISONS[0]
    return When(
        span, Interval(span.since, span.until), find_comparison(span.since, span.until, how, span.early), how, EPOCH
    )


def test_a_short_time_is_read_from_rows(kept):
    span = make_span("24 h", None, END, None, ZoneInfo("UTC"))
    how = COMPARISONS[0]
    compared = find_comparison(span.since, span.until, how, span.early)
    time = When(span, Interval(span.since, span.until), compared, how, EPOCH)
    assert not read_counts(list_queries(ActivityFilters(), time, ZoneInfo("UTC"), kept=kept))


def test_counts_that_are_others_by_now_are_not_read(client, kept):
    time, zone = choose_year("UTC"), ZoneInfo("UTC")
    by_rows = list_queries(ActivityFilters(), time, zone)
    by_old_counts = list_queries(ActivityFilters(), time, zone, kept=kept._replace(last_seq=PART))
    assert answers(client, by_rows) == answers(client, by_old_counts)


def test_a_store_of_an_older_program_has_no_counts(monkeypatch):
    def ask(_):
        raise QueryError("Table with name counted does not exist!")

    monkeypatch.setattr("analytics.pages.activity.kept.counts.ask", ask)
    assert read_kept() is None


def test_a_store_whose_rows_are_not_counted_yet_has_no_counts(monkeypatch):
    monkeypatch.setattr("analytics.pages.activity.kept.counts.ask", lambda _: pd.DataFrame({"last_seq": []}))
    assert read_kept() is None
