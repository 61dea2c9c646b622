"""The SQL files: what they list and count."""

from datetime import timedelta
from uuid import UUID

import duckdb
import pytest

import analytics
from analytics import queries
from analytics.client.completeness import ask_dropped, find_complete_since
from analytics.errors import QueryError, QueryTimeoutError
from analytics.pages.audit.filters import list_patterns
from tests.support.readable_store import MIDDAY, Changed, Row, account, build_store, server

HOUR = timedelta(hours=1)
ORIGINAL = UUID("01890000-0000-7000-8000-000000000001")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    rows = [
        account("ROOT", "Root", None, received_at=MIDDAY - 30 * HOUR),
        account("ACME", "Acme", "ROOT", received_at=MIDDAY - 30 * HOUR),
        account("ACEU", "Acme Europe", "ACME", received_at=MIDDAY - 30 * HOUR),
        server("ACEU", "WA1ACEUWEB01", received_at=MIDDAY - timedelta(seconds=90), actor="ann@acme.example"),
        server(
            "ACEU", "WA1ACEUWEB01", received_at=MIDDAY - timedelta(seconds=50), actor="bob@acme.example", id=ORIGINAL
        ),
        server("ACEU", "WA1ACEUWEB01", received_at=MIDDAY - timedelta(seconds=49), duplicate_of=ORIGINAL),
        server("SOLO", "WA1SOLODB01", received_at=MIDDAY - timedelta(seconds=10), signature_status="missing"),
        Row("Alert.Notification", "ACEU", "WA1ACEUWEB01", {"serverName": "WA1ACEUWEB01"}, MIDDAY - 2 * HOUR),
        Row("Server", "ACME", "WA1ACMEOLD01", {"name": "100% <old>"}, MIDDAY - 3 * HOUR),
    ]
    changes = [
        Changed(1, "", "added"),
        Changed(4, "", "added"),
        Changed(5, "details.disks[0:3].sizeGB", "changed", "14", "50"),
        Changed(5, "changeInfo.modifiedDate", "changed", '"a"', '"b"', noise=True),
        Changed(5, "details.ipAddresses[10.1.2.3].public", "added", None, '"203.0.113.9"'),
        Changed(7, "", "unseen"),
    ]
    file = build_store(tmp_path_factory.mktemp("store") / "s.duckdb", rows, changes=changes)
    with analytics.connect(str(file)) as made:
        yield made


@pytest.fixture
def ask(client):
    def run(name, **values):
        measure = {} if "changes" in values else {"notifications": True}
        return client.sql(*queries.make_query(name, measure | values)).to_pylist()

    return run


def test_lists_never_fetch_payloads():
    for name in ("newest_notifications", "later_notifications", "rejected", "entity_notifications", "entity"):
        selected = queries.read(name).partition("FROM")[0]
        assert "payload" not in selected
        assert " body," not in selected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"without_copies": True}, [9, 8, 7, 5, 4, 3, 2, 1]),
        ({"event_types": ["Server.Updated"]}, [7, 6, 5, 4]),
        ({"event_types": ["Server"]}, [9]),
        ({"account": "ACME"}, [9, 2]),
        ({"account_tree": "ACME"}, [9, 8, 6, 5, 4, 3, 2]),
        ({"account_tree": "SOLO"}, [7]),
        ({"entity": "solodb"}, [7]),
        ({"entity_is": "solodb"}, []),
        ({"entity_is": "wa1solodb01"}, [7]),
        ({"actor_is": "BOB@"}, []),
        ({"actor": "BOB@"}, [5]),
        ({"signatures": ["missing", "invalid"]}, [7]),
        ({"text": "100% <OLD>"}, [9]),
        ({"text": "_"}, []),
        ({"since": MIDDAY - timedelta(seconds=50), "until": MIDDAY}, [7, 6, 5]),
        ({"before": 4}, [3, 2, 1]),
    ],
)
def test_the_list_shows_what_its_filters_let_through(ask, filters, expected):
    assert [row["seq"] for row in ask("newest_notifications", page_rows=50, **filters)] == expected


def microseconds(moment):
    return int(moment.timestamp()) * 1_000_000


def beside(since, until, before_since, before_until):
    return {
        "since": since, "until": until, "before_since": before_since, "before_until": before_until,
        "counted_since": min(since, before_since), "counted_until": max(until, before_until),
    }  # fmt: skip


A_DAY = beside(MIDDAY - 24 * HOUR, MIDDAY, MIDDAY - 48 * HOUR, MIDDAY - 24 * HOUR)


def test_events_are_counted_in_the_bins_that_are_given_and_copies_are_not(ask):
    begins = [microseconds(MIDDAY - timedelta(seconds=before)) for before in (120, 60, 20)]
    rows = ask("activity_bins", since=MIDDAY - HOUR, until=MIDDAY, begins=begins)
    assert rows == [
        {"bin_us": begins[0], "event_type": "Server.Updated", "events": 1},
        {"bin_us": begins[1], "event_type": "Server.Updated", "events": 1},
        {"bin_us": begins[2], "event_type": "Server.Updated", "events": 1},
    ]


def test_the_time_compared_with_is_counted_in_bins_that_lie_later(ask):
    begins = [microseconds(MIDDAY - HOUR), microseconds(MIDDAY)]
    values = {"begins": begins, "shift_us": 3 * 3_600_000_000}
    rows = ask(
        "activity_before",
        notifications=True,
        before_since=MIDDAY - 4 * HOUR,
        before_until=MIDDAY - 1.5 * HOUR,
        **values,
    )
    assert rows == [{"bin_us": begins[1], "events": 2}]


@pytest.mark.parametrize("what", ["types", "accounts", "actors", "entities"])
def test_counted_alone_or_beside_a_time_without_any_are_as_many(ask, what):
    since, until = MIDDAY - 24 * HOUR, MIDDAY
    nothing = beside(since, until, since, since)
    alone = {"alone": True, "counted_since": since, "counted_until": until}
    rows = ask(f"activity_{what}", most=50, **alone)
    assert rows
    assert rows == ask(f"activity_{what}", most=50, **nothing)


def test_an_unknown_event_is_counted_under_its_category(ask):
    values = {"begins": [microseconds(MIDDAY - 4 * HOUR)]}
    rows = ask("activity_bins", since=MIDDAY - 4 * HOUR, until=MIDDAY - 2.5 * HOUR, **values)
    assert [(row["event_type"], row["events"]) for row in rows] == [("Server", 1)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [("Server.Updated", 3, 0), ("Alert.Notification", 1, 0), ("Server", 1, 0), ("Account.Created", 0, 3)]),
        ({"event_types": ["Server", "Account.Created"]}, [("Server", 1, 0), ("Account.Created", 0, 3)]),
        ({"account": "ACME"}, [("Server", 1, 0), ("Account.Created", 0, 1)]),
        ({"accounts": ["ACME", "SOLO"]}, [("Server", 1, 0), ("Server.Updated", 1, 0), ("Account.Created", 0, 1)]),
        ({"actor": "bob@acme.example"}, [("Server.Updated", 1, 0)]),
        ({"kind": "Server", "entity": "WA1ACEUWEB01"}, [("Server.Updated", 2, 0), ("Alert.Notification", 1, 0)]),
        ({"kind": "Account", "entity": "ACEU"}, [("Account.Created", 0, 1)]),
        ({"centre": "WA1"}, [("Server.Updated", 3, 0), ("Alert.Notification", 1, 0), ("Server", 1, 0)]),
        ({"centre": "VA1"}, []),
    ],
)
def test_event_types_are_counted_beside_the_day_before_under_each_filter(ask, filters, expected):
    rows = ask("activity_types", **A_DAY, **filters)
    assert [(row["name"], row["events"], row["events_before"]) for row in rows] == expected


def test_a_week_before_may_lie_apart(ask):
    values = beside(MIDDAY - HOUR, MIDDAY, MIDDAY - 31 * HOUR, MIDDAY - 29 * HOUR)
    rows = ask("activity_types", **values)
    assert [(row["name"], row["events"], row["events_before"]) for row in rows] == [
        ("Server.Updated", 3, 0), ("Account.Created", 0, 3),
    ]  # fmt: skip


def test_accounts_actors_and_data_centres_are_ranked_by_their_events(ask):
    def told(name, **more):
        return [(row["name"], row["events"], row["events_before"]) for row in ask(name, **A_DAY, **more)]

    assert told("activity_accounts") == [("ACEU", 3, 1), ("ACME", 1, 1), ("SOLO", 1, 0), ("ROOT", 0, 1)]
    assert told("activity_actors", most=1) == [("ann@acme.example", 1, 0)]
    rows = ask("activity_entities", **A_DAY, most=0)
    assert [(row["kind"], row["name"], row["events"]) for row in rows] == [("Data centre", "WA1", 5)]


def test_entities_are_ranked_by_number_or_by_change_with_how_many_there_are(ask):
    rows = ask("activity_entities", **A_DAY, most=2)
    assert [(row["kind"], row["name"], row["events"], row["total"]) for row in rows] == [
        ("Server", "WA1ACEUWEB01", 3, 3), ("Server", "WA1ACMEOLD01", 1, 3), ("Data centre", "WA1", 5, None),
    ]  # fmt: skip
    later = beside(MIDDAY - 24 * HOUR, MIDDAY, MIDDAY - HOUR, MIDDAY)
    changed = ask("activity_entities", **later, most=2, by_change=True)
    assert [(row["name"], row["events"] - row["events_before"]) for row in changed] == [
        ("WA1ACEUWEB01", 1), ("WA1ACMEOLD01", 1), ("WA1", 2),
    ]  # fmt: skip


def test_an_entity_that_is_chosen_filters_data_centres_and_a_data_centre_entities(ask):
    def told(**chosen):
        rows = ask("activity_entities", **A_DAY, most=9, **chosen)
        return [row["name"] for row in rows if row["kind"] != "Data centre"], [
            (row["name"], row["events"]) for row in rows if row["kind"] == "Data centre"
        ]

    assert told(chosen_kind="Server", chosen_entity="WA1ACMEOLD01")[1] == [("WA1", 1)]
    assert told(chosen_centre="WA1")[0] == ["WA1ACEUWEB01", "WA1ACMEOLD01", "WA1SOLODB01"]
    assert told(chosen_centre="VA1")[0] == []


def test_hours_of_the_week_are_those_of_a_zone_whose_clocks_may_change(ask):
    change = microseconds(MIDDAY - HOUR)
    clocks = {"begins": [microseconds(MIDDAY - 24 * HOUR), change], "ahead_us": [3_600_000_000, 7_200_000_000]}
    rows = ask("activity_hours", since=MIDDAY - 24 * HOUR, until=MIDDAY, **clocks)
    # 2 March 2026 is a Monday: 9:00 and 10:00 UTC are an hour later there, what came after 11:00 two hours.
    assert [(row["hour_of_week"], row["events"]) for row in rows] == [(10, 1), (11, 1), (13, 3)]
    west = {"begins": [microseconds(MIDDAY - 24 * HOUR)], "ahead_us": [-10 * 3_600_000_000]}
    rows = ask("activity_hours", since=MIDDAY - 24 * HOUR, until=MIDDAY, **west)
    # There it is still Sunday, its last hour, and then Monday's first two.
    assert [(row["hour_of_week"], row["events"]) for row in rows] == [(0, 1), (1, 3), (167, 1)]


def test_what_may_have_changed_the_accounts_is_told_without_walking_their_tree(ask):
    assert ask("accounts_version") == [{"told": 3, "last_told": 3, "aliases": 4}]


def test_an_entitys_timeline_is_in_the_order_of_occurrence_without_copies_and_a_servers_has_its_alerts(ask):
    rows = ask("entity_notifications", category="Server", entity="WA1ACEUWEB01", page_rows=10, position=0)
    assert [(row["seq"], row["category"]) for row in rows] == [(5, "Server"), (4, "Server"), (8, "Alert")]
    (second,) = ask("entity_notifications", category="Server", entity="WA1ACEUWEB01", page_rows=1, position=1)
    assert second["seq"] == 4


@pytest.mark.parametrize(("step", "newer"), [(5, 0), (4, 1), (8, 2)])
def test_a_step_lies_after_those_that_happened_later(ask, step, newer):
    (row,) = ask("entity_position", category="Server", entity="WA1ACEUWEB01", step=step)
    assert row == {"newer": newer}


def test_an_entity_is_as_the_notification_left_it_that_happened_last(ask):
    (row,) = ask("entity", category="Server", entity="WA1ACEUWEB01")
    assert (row["last_seq"], row["account_alias"], row["deleted"]) == (5, "ACEU", False)
    assert (row["steps"], row["notifications"]) == (3, 2)


def test_an_entity_at_a_time_is_as_the_last_notification_until_then_left_it_and_alerts_are_no_state(ask):
    values = {"category": "Server", "entity": "WA1ACEUWEB01"}
    (row,) = ask("entity", at=MIDDAY - timedelta(seconds=60), at_seq=9, **values)
    assert (row["seq_then"], row["last_seq"]) == (4, 5)
    (row,) = ask("entity", at=MIDDAY - HOUR, at_seq=9, **values)
    assert row["seq_then"] is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [(7, ""), (5, "changeInfo.modifiedDate"), (5, "details.disks[0:3].sizeGB"),
              (5, "details.ipAddresses[10.1.2.3].public"), (4, ""), (1, "")]),
        ({"without_noise": True, "account": "ACEU"}, [(5, "details.disks[0:3].sizeGB"),
                                                      (5, "details.ipAddresses[10.1.2.3].public"), (4, "")]),
        ({"fields": list_patterns("IPADDRESSES[].public")}, [(5, "details.ipAddresses[10.1.2.3].public")]),
        ({"fields": list_patterns("disks[0:3]")}, [(5, "details.disks[0:3].sizeGB")]),
        ({"kinds": ["unseen"]}, [(7, "")]),
        ({"actor": "BOB@", "kinds": ["added"]}, [(5, "details.ipAddresses[10.1.2.3].public")]),
        ({"entity": "solo"}, [(7, "")]),
        ({"entity_is": "wa1solodb01"}, [(7, "")]),
        ({"account_tree": "ROOT", "kinds": ["added"], "until": MIDDAY - HOUR}, [(1, "")]),
        ({"since": MIDDAY - timedelta(seconds=20)}, [(7, "")]),
    ],
)  # fmt: skip
def test_the_changes_that_filters_let_through_are_listed_and_counted(ask, filters, expected):
    rows = ask("changes_page", page_rows=50, position=0, **filters)
    assert [(row["seq"], row["path"]) for row in rows] == expected
    assert ask("changes_count", **filters)[0]["total"] == len(expected)


def test_changes_without_noise_are_counted_beside_the_period_before(ask):
    def count(**filters):
        (row,) = ask("activity_other", **A_DAY, changes=True, **filters)
        return [row["events"] or 0, row["events_before"] or 0]

    assert count() == [2, 0]
    assert count(actor="bob@acme.example") == [2, 0]
    assert count(actor="kim@acme.example") == [0, 0]
    assert count(event_types=["Server.Updated"], typed=True) == [2, 0]
    assert count(event_types=["Server.Created"], typed=True) == [0, 0]


def test_changed_fields_are_ranked_without_the_keys_of_their_items(ask):
    rows = ask("activity_fields", **A_DAY, changes=True, most=5)
    assert [(row["name"], row["events"], row["total"]) for row in rows] == [
        ("details.disks[].sizeGB", 1, 2), ("details.ipAddresses[].public", 1, 2),
    ]  # fmt: skip


def test_a_change_brings_what_its_notification_says_was_done(ask):
    rows = ask("changes_page", page_rows=50, position=0, account="ROOT")
    assert [(row["seq"], row["action"]) for row in rows] == [(1, "Created")]


def test_an_accounts_users_and_servers_are_listed_with_their_number(ask):
    rows = ask("entities_of_account", alias="ACEU", page_rows=10)
    assert [(row["entity_id"], row["notifications"], row["deleted"], row["total"]) for row in rows] == [
        ("WA1ACEUWEB01", 3, False, 1)
    ]


def test_what_a_user_did_is_found_whatever_the_case_of_the_actors_name(ask):
    assert [row["seq"] for row in ask("acts_of_user", entity="BOB@ACME.EXAMPLE", page_rows=10)] == [5]


def test_entities_are_found_by_a_part_of_their_name(ask):
    rows = ask("entities_found", named="ace", page_rows=10)
    assert [(row["category"], row["entity_id"]) for row in rows] == [("Server", "WA1ACEUWEB01"), ("Account", "ACEU")]
    assert [row["entity_id"] for row in ask("entities_found", named="ace", kind="Account", page_rows=10)] == ["ACEU"]


def test_notifications_and_their_changes_are_found_by_id(ask):
    assert [row["seq"] for row in ask("notifications_by_id", ids=[str(ORIGINAL)], page_rows=10)] == [5]
    paths = [row["path"] for row in ask("changes_by_notification", ids=[str(ORIGINAL)])]
    assert paths == ["details.disks[0:3].sizeGB", "details.ipAddresses[10.1.2.3].public"]


def test_every_query_runs_whatever_its_filters(client):
    needed = {
        "now": MIDDAY, "since": MIDDAY - HOUR, "before_since": MIDDAY - 2 * HOUR, "until": MIDDAY, "page_rows": 5,
        "first": 1, "position": 0, "seq": 1, "category": "Server", "entity": "X", "bin_us": 60_000_000, "most": 5,
        "id": str(ORIGINAL), "seqs": [1, 2], "ids": [str(ORIGINAL)], "step": 5, "last": 9, "alias": "ACME",
        "seen": 9, "upto": 9, "longest": 5, "after": 1, "part": "12ab",
        "lowest": str(ORIGINAL), "highest": str(ORIGINAL), "places": ["/status"],
        "before_until": MIDDAY - HOUR, "counted_since": MIDDAY - 2 * HOUR,
        "counted_until": MIDDAY, "begins": [0], "shift_us": 0, "ahead_us": [0], "sender": "parcels",
    }  # fmt: skip
    notifications, changes = {"notifications": True}, {"changes": True, "typed": True}
    alone = {name: value for name, value in needed.items() if not name.startswith("before_")}
    optional = {
        "event_types": ["Server.Updated"], "account": "ACME", "account_tree": "ACME", "actor": "x", "text": "x",
        "signatures": ["valid"], "without_copies": True, "before": 9, "after": 1, "reason": "not_json",
        "accounts": ["ACME"], "centre": "WA1", "by_change": True,
        "at": MIDDAY, "at_seq": 9, "named": "x", "kind": "User", "kinds": ["added"], "field": "x",
        "entity_is": "x", "actor_is": "x", "without_noise": True,
        **{f"without_{what}": ["x"] for what in ("types", "senders", "accounts", "actors", "entities", "centres")},
    }  # fmt: skip
    parts = {name for file in queries.find_places().values() for name, _ in queries.INCLUDE.findall(file.read_text())}
    parts = {part.removesuffix(".sql") for part in parts} | {"outside_hours"}  # a macro of the rules
    needed_by = {"names_suggested": {"named": "x"}}
    for name in sorted(queries.find_places().keys() - parts):
        own = needed_by.get(name, {})
        client.sql(*queries.make_query(name, needed | own | (changes if name == "activity_fields" else notifications)))
        for measure in (changes,) if name == "activity_fields" else (notifications, changes):
            client.sql(*queries.make_query(name, needed | optional | own | measure))
        if name != "activity_before":
            client.sql(*queries.make_query(name, alone | own | changes | {"alone": True}))


def test_a_store_of_an_older_version_is_not_asked_what_it_dropped_and_no_other_failure_is_hidden(tmp_path):
    file = build_store(tmp_path / "older.duckdb", [account("ROOT", "Root", None)])
    with duckdb.connect(str(file)) as store:
        store.execute("DROP TABLE dropped")
    with analytics.connect(str(file)) as client:
        table = ask_dropped(lambda **given: client.sql(*queries.make_query("freshness", given)))
        assert table.to_pylist() == [{"first": MIDDAY, "newest": MIDDAY, "notifications": 1}]
        assert find_complete_since(client) is None
        with pytest.raises(QueryError, match="nowhere"):
            ask_dropped(lambda **_: client.sql("FROM nowhere"))


@pytest.mark.parametrize("error", [QueryTimeoutError("It took longer than 30 s."), QueryError("Out of Memory Error")])
def test_a_query_that_fails_does_not_tell_that_a_store_has_dropped_nothing(client, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(client, "sql", fail)
    with pytest.raises(type(error)):
        find_complete_since(client)
