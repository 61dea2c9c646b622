"""Alarms out of what alerts tell: when one begins, when it is over, and what is kept between two looks."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

import analytics
from analytics import queries
from analytics.charts import alarms
from analytics.pages.alerts.lists import format_lasted
from analytics.pages.alerts.page import describe_none
from analytics.pages.notifications.what import describe_row
from analytics.pages.shared import changes
from analytics.pages.shared.formatting import format_reading
from analytics.pages.shared.known.alarms import AlarmCache, KeptInAlarm
from analytics.times import make_period
from analytics.words.sayings import Saying
from tests.support.dropping import drop_before
from tests.support.readable_store import HOSTILE_NAME, MIDDAY, Row, build_store, server

WEB, DB = "WA1ACMEWEB01", "WA1ACMEDB02"


def before(minutes):
    return MIDDAY - timedelta(minutes=minutes)


def alert(name, minutes, *triggers, account="ACME", **more):
    told = [{"metric": metric, "state": state, "data": {"percent": 93.5}} for metric, state in triggers]
    body = {"accountAlias": account, "serverName": name, "triggers": told}
    return Row("Alert.Notification", account, name, body, before(minutes), **more)


ROWS = [
    alert(WEB, 60, ("cpu", "triggered"), ("Disk", "TRIGGERED")),
    alert(WEB, 50, ("CPU", "NotTriggered")),
    alert(WEB, 40, ("cpu", "triggered")),
    alert(DB, 30, ("cpu", "notTriggered"), account="SOLO"),
    alert(DB, 15, ("cpu", "triggered"), account="SOLO"),
    alert(DB, 10, ("cpu", "notTriggered"), account="SOLO"),
    alert(DB, 20, ("cpu", "triggered"), account="SOLO"),
]


@pytest.fixture
def store(tmp_path):
    """Make a client of a store with these rows; the file is another one each time."""
    clients = []

    def make(rows):
        client = analytics.connect(str(build_store(tmp_path / f"{len(clients)}.duckdb", rows)))
        clients.append(client)
        return lambda name, **values: client.df(*queries.make_query(name, values))

    yield make
    for client in clients:
        client.close()


def told(found):
    """Return each alarm's server and metric, and how many minutes before midday it began and ended."""
    return [(row.server, row.metric, age(row.begin), age(row.end)) for row in found.itertuples()]


def age(at):
    return None if pd.isna(at) else (MIDDAY - at) // timedelta(minutes=1)


def test_an_alarm_lasts_from_the_first_triggered_state_to_the_next_that_is_not_in_the_order_of_occurrence(store):
    found = AlarmCache().look(store(ROWS))
    assert sorted(told(found), key=str) == [
        (DB, "cpu", 20, 10),
        (WEB, "cpu", 40, None),
        (WEB, "cpu", 60, 50),
        (WEB, "disk", 60, None),
    ]


def test_copies_and_triggers_that_tell_no_state_are_left_out(store):
    first = alert(WEB, 9, ("cpu", "triggered"))
    copy = alert(WEB, 8, ("cpu", "notTriggered"), duplicate_of=first.id)
    odd = [
        Row("Alert.Notification", "ACME", WEB, body, before(7))
        for body in ({"triggers": {"metric": "cpu"}}, {"triggers": [1, None, []]}, {}, {"triggers": "cpu"})
    ]
    unknown = alert(WEB, 5, ("cpu", "paused"), (None, "triggered"))
    found = AlarmCache().look(store([first, copy, *odd, unknown]))
    assert told(found) == [(WEB, "cpu", 9, None), (WEB, "", 5, None)]


def test_before_the_first_alert_there_is_nothing(store):
    assert AlarmCache().look(store([])) is None
    assert AlarmCache().look(store([server("ACME", WEB)])) is None
    assert AlarmCache().look(store([server("ACME", WEB, event_type="Server.Deleted")])) is None


def test_alerts_none_of_which_fired_are_no_alarms(store):
    found = AlarmCache().look(store([alert(WEB, 5, ("cpu", "notTriggered"))]))
    assert found.empty
    assert alarms.clip_alarms(found, before(60), MIDDAY).empty


def test_each_look_reads_what_came_since_the_last_one_only(store):
    run = store(ROWS)
    asked = []

    def watched(name, **values):
        asked.append((name, values))
        return run(name, **values)

    kept = AlarmCache()
    assert len(kept.look(watched)) == 4
    assert len(kept.look(watched)) == 4
    assert asked == [
        ("alert_extent", {"seq": 0, "drops": True}),
        ("alert_states", {"first": 1, "last": 7}),
        ("alert_extent", {"seq": 7, "drops": True}),
    ]


def test_an_alert_that_came_since_ends_an_alarm_that_was_known(store):
    kept = AlarmCache()
    kept.look(store(ROWS[:1]))
    found = kept.look(store(ROWS[:2]))
    assert sorted(told(found)) == [(WEB, "cpu", 60, 50), (WEB, "disk", 60, None)]


OLD = "WA1ACMEOLD01"
RENEWED = [
    alert(OLD, 40, ("cpu", "triggered"), ("disk", "triggered")),
    server("ACME", OLD, event_type="Server.Deleted", received_at=before(30)),
    server("ACME", OLD, event_type="Server.Created", received_at=before(20)),
    alert(OLD, 10, ("cpu", "triggered")),
    alert(OLD, 35, ("memory", "triggered"), ("disk", "triggered")),
]


@pytest.mark.parametrize("number", range(1, 5))
def test_a_deletion_ends_the_alarms_of_a_server_and_none_of_a_new_server_of_its_name(store, number):
    kept = AlarmCache()
    kept.look(store(RENEWED[:number]))
    kept.read_on(store(RENEWED))
    assert list(kept.latest.loc[kept.latest["above"].astype(bool), "metric"]) == ["cpu"]
    assert sorted(told(kept.look(store(RENEWED))), key=str) == [
        (OLD, "cpu", 10, None),
        (OLD, "cpu", 40, 30),
        (OLD, "disk", 40, 30),
        (OLD, "memory", 35, 30),
    ]


def test_in_alarm_now_are_the_servers_whose_alarms_last_without_those_that_are_deleted(store):
    gone = "WA1ACMEGONE1"
    late = [
        server("ACME", gone, event_type="Server.Deleted", received_at=before(30)),
        alert(gone, 25, ("cpu", "triggered")),
    ]
    nameless = alert(None, 20, ("cpu", "triggered"), account="SOLO")
    run, cache = store([*ROWS, *RENEWED[:3], *late, nameless]), AlarmCache()
    kept = KeptInAlarm(run, cache)
    known = kept.read_up_to(30, datetime.now(UTC))
    assert known.accounts == {WEB: "ACME"}
    counts = [(known.count(accounts), known.has_nameless(accounts)) for accounts in (None, {"ACME"}, {"SOLO"})]
    assert counts == [(1, True), (1, False), (0, True)]
    assert {*known.accounts, gone, "(no server) of SOLO"} == set(alarms.select_lasting(cache.look(run))["server"])


def test_alarms_without_a_server_are_those_of_their_account(store):
    fires, ends = ("cpu", "triggered"), ("cpu", "notTriggered")
    rows = [alert(None, 30, fires), alert(None, 20, fires, account="SOLO"), alert(None, 10, fires, account=None)]
    found = AlarmCache().look(store([*rows, alert(None, 5, ends)]))
    assert told(found) == [
        ("(no server) of ACME", "cpu", 30, 5),
        ("(no server) of SOLO", "cpu", 20, None),
        ("(no server)", "cpu", 10, None),
    ]
    assert not found["kind"].notna().any()


def test_each_metric_of_an_alert_has_the_time_of_its_own_trigger(store):
    def trigger(metric, state, began=None, ended=None):
        times = {"stateStartTime": began, "stateEndTime": ended}
        return {"metric": metric, "state": state, **{name: told for name, told in times.items() if told is not None}}

    def body(minutes, *triggers):
        told = {"accountAlias": "ACME", "serverName": WEB, "triggers": triggers}
        return Row("Alert.Notification", "ACME", WEB, told, before(minutes), occurred_at=before(minutes + 1))

    found = AlarmCache().look(
        store(
            [
                body(50, trigger("cpu", "triggered", "2026-03-02T10:00:00Z"), trigger("disk", "triggered")),
                body(
                    30,
                    trigger("cpu", "notTriggered", "2026-03-02T11:10:00", "2026-03-02 13:15:00+02:00"),
                    trigger("disk", "notTriggered", "2026-03-02t11:20:00z", "soon"),
                    trigger("memory", "triggered", None, "2026-03-02T11:25:00.1234567Z"),
                ),
                body(20, trigger("memory", "notTriggered", "2026-03-02", "0001-01-01T00:00:00Z")),
                body(10, trigger("cpu", "triggered", "9999-12-31T00:00:00Z"), trigger("disk", "triggered", "infinity")),
                body(5, trigger("cpu", "notTriggered", 7), trigger("disk", "notTriggered", ["-infinity"])),
            ]
        )
    )
    assert sorted(told(found), key=str) == [
        (WEB, "cpu", 10, 6),
        (WEB, "cpu", 120, 45),
        (WEB, "disk", 11, 6),
        (WEB, "disk", 51, 40),
        (WEB, "memory", 34, 21),
    ]


@pytest.mark.parametrize("count", [2, 7])
def test_another_store_in_the_place_of_the_one_that_was_read_is_read_from_its_beginning(store, count):
    kept = AlarmCache()
    kept.look(store([alert(f"OTHER{place}", 60, ("cpu", "triggered")) for place in range(3)]))
    found = kept.look(store(ROWS[:count]))
    assert not found["server"].str.startswith("OTHER").any()
    assert told(found)[0] == (WEB, "cpu", 60, 50)


def test_alarms_of_dropped_alerts_are_forgotten_but_for_the_last_of_each_metric(tmp_path):
    earlier = [alert(WEB, 90, ("cpu", "triggered")), alert(WEB, 80, ("cpu", "notTriggered"))]
    renewed = [
        server("ACME", WEB, received_at=before(minutes), event_type=f"Server.{event}")
        for minutes, event in ((85, "Created"), (75, "Deleted"), (70, "Created"), (65, "Updated"))
    ]
    gone = alert(WEB, 82, ("memory", "triggered"))
    file, kept = build_store(tmp_path / "dropping.duckdb", [*earlier, gone, *renewed, *ROWS]), AlarmCache()

    def look():
        with analytics.connect(str(file)) as client:
            return kept.look(lambda name, **values: client.df(*queries.make_query(name, values)))

    alarms_of_web = [(WEB, "cpu", 60, 50), (WEB, "cpu", 40, None), (WEB, "disk", 60, None)]
    of_memory = (WEB, "memory", 82, 75)
    assert {each for each in told(look()) if each[0] == WEB} == {(WEB, "cpu", 90, 80), of_memory, *alarms_of_web}
    drop_before(file, before(45))
    assert {each for each in told(look()) if each[0] == WEB} == {of_memory, *alarms_of_web}


def test_a_time_range_has_the_alarms_that_lasted_into_it_with_their_time_in_it(store):
    inside = alarms.clip_alarms(AlarmCache().look(store(ROWS)), before(45), MIDDAY)
    rows = alarms.group_by_metric(inside)
    assert {(row.server, row.metric): (row.times, row.time, row.lasts) for row in rows.itertuples()} == {
        (WEB, "cpu"): (1, timedelta(minutes=40), True),
        (WEB, "disk"): (1, timedelta(minutes=45), True),
        (DB, "cpu"): (1, timedelta(minutes=10), False),
    }
    assert len(alarms.clip_alarms(AlarmCache().look(store(ROWS)), before(9), before(5))) == 2


def test_alarms_are_let_through_by_account_and_by_a_part_of_the_servers_name(store):
    found = AlarmCache().look(store(ROWS))
    assert set(alarms.filter_alarms(found, {"SOLO"}, None)["server"]) == {DB}
    assert set(alarms.filter_alarms(found, None, "web0")["server"]) == {WEB}
    assert alarms.filter_alarms(found, {"SOLO"}, "web0").empty
    assert alarms.filter_alarms(found, None, ".*").empty
    nameless = found.assign(server="(no server) of ACME")
    assert len(alarms.filter_alarms(nameless, None, "No Server")) == len(found)


def test_what_is_in_alarm_now_is_what_never_ended_the_latest_first(store):
    lasting = alarms.select_lasting(AlarmCache().look(store(ROWS)))
    assert list(zip(lasting["server"], lasting["metric"], strict=True)) == [(WEB, "cpu"), (WEB, "disk")]


def test_a_server_is_deleted_where_what_happened_last_says_so(store):
    run = store(
        [
            server("ACME", WEB, received_at=before(50), event_type="Server.Deleted"),
            server("ACME", WEB, received_at=before(40), event_type="Server.Created"),
            server("SOLO", DB, received_at=before(30), event_type="Server.Deleted"),
        ]
    )
    found = run("alert_servers_deleted", ids=[WEB, DB, "NEVER"])
    assert list(found["entity_id"]) == [DB]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (3659, "1 h"), (90061, "1 d 1 h")],
)
def test_how_long_it_lasted_is_said_in_its_two_largest_units(seconds, said):
    assert alarms.format_span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ('{"cpu":2,"cpuPercent":39.34}', "39.3 %"),
        ('{"memoryMB":2048,"memoryPercent":96}', "96 % of 2,048 MB"),
        ('{"x":1}', "x 1"),
        (None, ""),
        ("7", "7"),
        ("{}", "{}"),
    ],
)
def test_a_reading_is_said_by_its_names_and_values(reading, said):
    assert format_reading(reading) == said


def test_the_time_of_a_running_alarm_is_so_far_and_to_the_minute():
    assert format_lasted(timedelta(hours=5, minutes=31, seconds=7), lasts=True) == "5 h 31 min so far"
    assert format_lasted(timedelta(minutes=13, seconds=7), lasts=True) == "13 min so far"
    assert format_lasted(timedelta(seconds=7), lasts=True) == "7 s so far"
    assert format_lasted(timedelta(minutes=13, seconds=7), lasts=False) == "13 min 7 s"


def test_the_chart_has_a_bar_an_alarm_and_a_mark_at_each_that_lasts_and_names_are_data_only(store):
    found = AlarmCache().look(store([*ROWS, alert(HOSTILE_NAME, 5, (HOSTILE_NAME, "triggered"))]))
    inside = alarms.clip_alarms(found, before(120), MIDDAY)
    chart = alarms.draw_alarms(inside, alarms.group_by_metric(inside), make_period("6 h", MIDDAY, None))
    drawn = chart.to_dict()
    sizes = [len(drawn["datasets"][layer["data"]["name"]]) for layer in drawn["layer"]]
    assert sizes[-2:] == [5, 3]
    assert HOSTILE_NAME[:10].lower() not in str({**drawn, "datasets": None}).lower()
    assert "5 alarms of 4 rows, 3 still in alarm" in drawn["description"]
    texts = [layer for layer in drawn["layer"] if layer["mark"]["type"] in {"text", "rule"}]
    assert all(layer["mark"]["tooltip"] is None for layer in texts), "a hover would show the columns' names"
    assert {row["state"] for row in drawn["datasets"][drawn["layer"][-2]["data"]["name"]]} == {
        "still in alarm",
        "ended",
    }


def test_of_more_alarms_than_can_be_drawn_the_latest_are(monkeypatch, store):
    monkeypatch.setattr(alarms, "MOST_BARS", 1)
    inside = alarms.clip_alarms(AlarmCache().look(store(ROWS)), before(120), MIDDAY)
    bars = alarms.make_bars(inside, alarms.group_by_metric(inside), make_period("6 h", MIDDAY, None))
    assert list(bars["server"]) == [DB]


@pytest.mark.parametrize("entity", [WEB, None])
def test_pages_say_all_that_an_alert_reports_with_its_readings(store, monkeypatch, entity):
    monkeypatch.setattr(changes, "ask", store(ROWS))
    rows = pd.DataFrame({"seq": [1, 2], "category": ["Alert", "Alert"]})
    assert {seq: report.text for seq, report in changes.read_alerts(rows, entity).items()} == {
        1: "alert: CPU above its threshold, at percent 93.5; Disk above its threshold, at percent 93.5",
        2: "alert: CPU below its threshold again, at percent 93.5",
    }


FIVE, FIFTEEN = {"duration": "00:05:00"}, {"duration": "00:15:00"}
BEGUN = "2026-03-02T10:00:00Z"


def since(at=BEGUN, state="triggered", **more):
    return {"metric": "cpu", "state": state, "stateStartTime": at, **more}


@pytest.mark.parametrize(
    ("triggers", "minutes", "said"),
    [
        ([since(**FIFTEEN)], 16, None),
        ([since(**FIFTEEN)], 17, "received 10:17:00, 2 min after it was due, from 192.0.2.1"),
        ([since(**FIVE), since(**FIFTEEN)], 16, None),
        ([since(**FIVE), since("2026-03-02T09:00:00Z", **FIFTEEN)], 16, "received 10:16:00, 11 min after it was due"),
        ([since(state="TRIGGERED", **FIVE)], 6, None),
        ([since(state="notTriggered", stateEndTime=BEGUN, **FIFTEEN)], 16, "received 10:16:00, 16 min later, from"),
        ([since(duration="2 hours")], 6, "received 10:06:00, 6 min later"),
        ([since(duration="-1 hour")], 6, "received 10:06:00, 6 min later"),
        ([since(duration="9999999 years"), since(duration=[7])], 6, "received 10:06:00, 6 min later"),
        ([since("-infinity", **FIVE), since("infinity", **FIVE)], 6, "received 10:06:00, 6 min later"),
        ([since("soon", **FIVE), since(None, **FIVE), None, "odd"], 6, "received 10:06:00, 6 min later"),
        ([], 6, "received 10:06:00, 6 min later"),
        ("odd", 6, "received 10:06:00, 6 min later"),
    ],
)
def test_an_alert_is_late_only_after_the_duration_for_which_its_metric_had_to_be_above(
    store, monkeypatch, triggers, minutes, said
):
    begun = datetime.fromisoformat(BEGUN)
    body = {"accountAlias": "ACME", "serverName": WEB, "triggers": triggers}
    received = begun + timedelta(minutes=minutes)
    monkeypatch.setattr(
        changes, "ask", store([Row("Alert.Notification", "ACME", WEB, body, received, None, occurred_at=begun)])
    )
    reports = changes.read_alerts(pd.DataFrame({"seq": [1], "category": ["Alert"]}))
    row = SimpleNamespace(
        category="Alert", entity_id=WEB, duplicate_of=None, occurred_at=begun, received_at=received,
        source_ip="192.0.2.1", seq=1,
    )  # fmt: skip
    what = describe_row(row, Saying("alert"), [], changes.find_due(reports, 1))
    if said is None:
        assert what.text == "alert"
    else:
        assert said in what.hover
        assert re.fullmatch(r"alert; \d+ min late", what.text)


BELOW = "each metric is below its threshold again, or its server is deleted"
OF_ACCOUNT = "**No server of YLLW and its sub-accounts is in alarm now**"
NAMED = "**No server of YLLW with “zzz” in its name is in alarm now**"
OUTSIDE = "Outside these filters"


@pytest.mark.parametrize(
    ("chosen", "alarm_count", "others", "said"),
    [
        ({}, 3, 0, f"**Nothing is in alarm now**: {BELOW}."),
        ({"account_tree": "YLLW"}, 3, 4, f"{OF_ACCOUNT}: {BELOW}. {OUTSIDE}, 4 metrics are in alarm."),
        ({"account": "YLLW", "entity": "zzz"}, 0, 1, f"{NAMED}: none ever was. {OUTSIDE}, 1 metric is in alarm."),
    ],
    ids=["all", "an account", "a name"],
)
def test_that_nothing_is_in_alarm_is_said_of_the_filters_and_not_of_all(chosen, alarm_count, others, said):
    every = {"account": None, "account_tree": None, "entity": None}
    assert describe_none(every | chosen, alarm_count, others) == said
