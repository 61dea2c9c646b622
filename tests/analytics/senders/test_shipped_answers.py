"""What the shipped queries and the examples of the documentation answer in stores of known rows."""

from datetime import UTC, datetime, timedelta

import pytest

import analytics
from analytics.pages.sql.side import list_shipped_queries
from analytics.senders import list_sql_files_by_sender
from tests.analytics.senders.examples import EXAMPLES
from tests.support.readable_store import Changed, Row, account, build_store, server
from tests.support.sizes import take_few
from tests.support.stored import forget_sender, repeat_as_another_sender

QUERIES = {one.name: one.sql for one in list_shipped_queries()}
OF_CENTURYLINK = {
    file.name.removesuffix(".sql")
    for sender, file in list_sql_files_by_sender("shipped_queries")
    if sender == "centurylink"
}
TELL_SENDERS = {"busiest_actors", "changed_fields"}
OF_ANY_SENDER = {"delays"}
"""It knows more of CenturyLink Cloud, and is about all."""
NOW = datetime.now(UTC) - timedelta(hours=3)


def ago(**of_time):
    return NOW - timedelta(**of_time)


@pytest.fixture
def ask(tmp_path):
    def ask_store(query, rows, changes=()):
        file = build_store(tmp_path / "store.duckdb", rows, changes=changes)
        with analytics.connect(str(file)) as client:
            return client.sql(query).to_pylist()

    return ask_store


@pytest.fixture
def servers_and_users():
    """Notifications of one sender in which each of its shipped queries finds something."""
    details = {
        "cpu": 2, "memoryMB": 4096, "storageGB": 17, "powerState": "stopped", "disks": [{"id": "0:0", "sizeGB": 14}],
        "ipAddresses": [{"public": "203.0.113.9"}],
    }  # fmt: skip
    body = {"name": "WA1ACMEWEB01", "locationId": "WA1", "osType": "CentOS 6 64-bit", "details": details}
    return [
        account("ACME", "Acme", "ROOT", received_at=ago(days=2)),
        Row("User.Created", "ACME", "KIM", {"userName": "kim", "status": "Active"}, ago(days=2)),
        Row("User.Updated", "ACME", "KIM", {"userName": "kim", "status": "Active"}, ago(days=1)),
        Row("Server.Created", "ACME", "WA1ACMEWEB01", body, ago(days=1)),
        Row("Server.Created", "ACME", "WA1ACMEWEB02", body, ago(days=1)),
        alert("cpu", "triggered"),
        Row("Server.Deleted", "ACME", "WA1ACMEWEB02", {"name": "WA1ACMEWEB02"}, ago(hours=20)),
    ]


@pytest.mark.parametrize(
    "name", ["notifications_by_day", "copies_by_day", "changed_fields_by_day", "servers_made_and_deleted"]
)
def test_a_shipped_query_by_day_counts_the_first_day_from_its_begin(ask, name):
    day = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [Row("Server.Created", "ACME", "WA1ACMEWEB01", {}, day)]
    query = QUERIES[name].replace("now()", "TIMESTAMPTZ '2026-04-01 12:00:00+00'")
    (row,) = ask(query, rows, [Changed(1, "status", "changed", '"a"', '"b"')])
    assert str(row["day"]).startswith("2026-03-02")


@pytest.mark.parametrize("name", take_few(sorted(OF_CENTURYLINK - TELL_SENDERS - OF_ANY_SENDER), 3))
def test_a_shipped_query_about_one_sender_leaves_out_another_with_the_same_names(name, servers_and_users, tmp_path):
    file = build_store(tmp_path / "store.duckdb", servers_and_users, changes=[Changed(3, "", "unseen")])

    def ask():
        with analytics.connect(str(file)) as client:
            return client.sql(QUERIES[name]).to_pylist()

    assert (alone := ask())
    repeat_as_another_sender(file, "till")
    assert ask() == alone
    forget_sender(file, "centurylink")
    assert ask() == []


@pytest.fixture
def two_senders():
    """An account ACME of one sender, below ROOT and with one server, and an account ACME of another sender."""
    return [
        account("ACME", "Acme", "ROOT", received_at=ago(days=2)),
        server("ACME", "WA1ACMEWEB01", event_type="Server.Created", received_at=ago(days=2, minutes=-5)),
        *(
            Row(
                "invoice.created",
                "ACME",
                f"INV-{n}",
                {},
                ago(days=2, minutes=-n),
                sender="invoices",
                category="invoice",
            )
            for n in (1, 2, 3)
        ),
    ]


def test_accounts_of_one_alias_at_two_senders_are_two_busy_accounts(ask, two_senders):
    rows = ask(QUERIES["busiest_accounts"], two_senders)
    counts = {(row["sender"], row["alias"]): (row["own"], row["with_sub_accounts"]) for row in rows}
    assert counts == {
        ("centurylink", "ACME"): (2, 2), ("centurylink", "ROOT"): (0, 2), ("invoices", "ACME"): (3, 3),
    }  # fmt: skip


def test_a_new_account_is_one_row_also_if_another_sender_has_its_alias(ask, two_senders):
    rows = ask(QUERIES["new_accounts"], two_senders)
    assert [(row["alias"], row["parent_alias"], row["servers_in_first_day"]) for row in rows] == [("ACME", "ROOT", 1)]


def test_a_server_of_an_accounts_first_day_counts_though_its_notification_was_late(ask):
    made = {"event_type": "Server.Created", "received_at": NOW, "occurred_at": ago(days=2, minutes=-5)}
    rows = ask(
        QUERIES["new_accounts"],
        [account("ACME", "Acme", "ROOT", received_at=ago(days=2)), server("ACME", "WA1ACMEWEB01", **made)],
    )
    assert [row["servers_in_first_day"] for row in rows] == [1]


def test_the_example_of_servers_by_account_counts_those_of_each_sender(ask, two_senders):
    (query,) = (example for example in EXAMPLES if "root_path" in example)
    rows = ask(query, two_senders)
    assert {(row["account"], row["servers"]) for row in rows} == {("ACME", 1), ("ROOT", 1)}
    assert len(rows) == 2


def test_actors_are_told_by_the_fields_that_they_changed_in_entities_of_all_kinds(ask):
    rows = [
        server("ACME", "WA1ACMEWEB01", actor="ann", received_at=ago(days=2)),
        Row("issues.opened", "ACME", "ACME/WEB#1", {}, ago(days=1), "Ann", sender="github", category="issue"),
        Row("issues.opened", "ACME", "ACME/WEB#2", {}, ago(days=1), "bob", sender="github", category="issue"),
        server("ACME", "WA1ACMEWEB02", actor="bob", received_at=ago(days=1)),
    ]
    changes = [
        Changed(1, "", "added"),
        Changed(1, "details.cpu", "changed"),
        Changed(1, "links", "changed", noise=True),
        Changed(2, "title", "changed"),
        Changed(2, "state", "changed"),
        Changed(3, "", "added"),
        Changed(4, "", "unseen"),
    ]
    of_issue, of_server = ask(QUERIES["busiest_actors"], rows, changes)
    del of_issue["latest"], of_server["latest"]
    assert of_issue == {"sender": "github", "actor": "Ann", "entities": 1, "changed_fields": 2, "accounts": 1}
    assert of_server == {"sender": "centurylink", "actor": "ann", "entities": 1, "changed_fields": 1, "accounts": 1}


@pytest.fixture
def spelled_actors():
    """Two senders' notifications by ann in several letter cases, and a changed field of each."""
    servers = [
        server("ACME", f"WA1ACMEWEB0{n}", actor=actor, received_at=ago(days=1)) for n, actor in named("ann", "ANN")
    ]
    issues = [
        Row("issues.opened", "ACME", f"ACME/WEB#{n}", {}, ago(days=1), actor, sender="github", category="issue")
        for n, actor in named("ann", "Ann", "ann", None)
    ]
    rows = [*servers, *issues]
    return rows, [Changed(seq, "description", "changed") for seq in range(1, len(rows) + 1)]


def named(*actors):
    return enumerate(actors, 1)


def test_an_actor_of_each_sender_is_one_of_its_own_in_two_letter_cases_where_names_have_none(ask, spelled_actors):
    rows = ask(QUERIES["busiest_actors"], *spelled_actors)
    assert {(row["sender"], row["actor"], row["changed_fields"], row["accounts"]) for row in rows} == {
        ("centurylink", "ann", 2, 1), ("github", "ann", 2, 1), ("github", "Ann", 1, 1),
    }  # fmt: skip


def test_fields_and_their_actors_are_counted_for_each_sender(ask, spelled_actors):
    rows = ask(QUERIES["changed_fields"], *spelled_actors)
    assert {(row["sender"], row["category"], row["changes"], row["entities"], row["actors"]) for row in rows} == {
        ("centurylink", "Server", 2, 2, 1), ("github", "issue", 4, 4, 2),
    }  # fmt: skip


def test_a_field_is_one_whatever_signs_the_names_of_its_items_have(ask):
    paths = ["disks[0:1].sizeGB", 'disks["release-[0-9]"].sizeGB', 'disks["a\\"]b"].sizeGB']
    rows = ask(
        QUERIES["changed_fields"],
        [server("ACME", "WA1ACMEWEB01", received_at=ago(days=1))],
        [Changed(1, path, "changed") for path in paths],
    )
    assert [(row["field"], row["changes"]) for row in rows] == [("disks[…].sizeGB", 3)]


def life(name, made, deleted=None, **late):
    """Return the notifications of a server that was made and deleted so many hours ago."""
    at = [ago(hours=hours) for hours in (made, deleted) if hours is not None]
    events = zip(["Server.Created", "Server.Deleted"], at, strict=False)
    return [Row(event, "ACME", name, {"name": name}, when, **late) for event, when in events]


def test_a_name_that_is_used_again_has_a_row_for_each_short_life(ask):
    rows = [
        *life("AGAIN", 100, 99), *life("AGAIN", 60, 20), *life("AGAIN", 12, 10),
        *life("FIRST_SHORT", 100, 99), *life("FIRST_SHORT", 60),
        *life("LONG", 100, 20),
        *life("DELETION_LOST", 100), *life("DELETION_LOST", 22, 20),
        *life("CREATION_LOST", 100, 99), *life("CREATION_LOST", 30, 29)[1:],
        *life("TWICE_TOLD", 24.01), *life("TWICE_TOLD", 24, 0.005),
    ]  # fmt: skip
    found = [(row["server"], row["account"], row["hours"]) for row in ask(QUERIES["short_lived_servers"], rows)]
    assert sorted(found) == [
        ("AGAIN", "ACME", 1.0), ("AGAIN", "ACME", 2.0), ("CREATION_LOST", "ACME", 1.0), ("DELETION_LOST", "ACME", 2.0),
        ("FIRST_SHORT", "ACME", 1.0),
    ]  # fmt: skip


def test_a_creation_that_comes_after_its_deletion_is_paired_by_time(ask):
    made, deleted = life("LATE", 10, 8)
    made.occurred_at, made.received_at = ago(hours=10), ago(hours=7)
    (row,) = ask(QUERIES["short_lived_servers"], [deleted, made])
    assert row["hours"] == 2.0


@pytest.fixture
def servers_of_both_forms():
    """A server of the form of 2013, and one of the new form whose two lists have one public address."""
    old = {
        "name": "WA1ACMEOLD", "locationAlias": "WA1",
        "cpu": 2, "memoryMB": 4096, "storageGB": 24, "powerState": "Stopped",
        "ipAddresses": [{"address": "203.0.113.10"}, {"address": "10.8.1.11"}, {"address": "203.0.113.10"}],
    }  # fmt: skip
    addresses = [{"public": "203.0.113.9", "internal": "10.8.1.12"}]
    details = {
        "cpu": 4, "memoryMB": 8192, "storageGB": 16, "powerState": "stopped",
        "ipAddresses": addresses, "secondaryIPAddresses": addresses,
    }  # fmt: skip
    new = {"name": "WA1ACMENEW", "locationId": "WA1", "details": details}
    return [Row("Server.Updated", "ACME", str(body["name"]), body, NOW) for body in (old, new)]


def test_a_server_of_the_form_of_2013_has_its_public_addresses_and_each_address_is_told_once(
    ask, servers_of_both_forms
):
    rows = ask(QUERIES["public_addresses"], servers_of_both_forms)
    assert sorted((row["server"], row["public_address"]) for row in rows) == [
        ("WA1ACMENEW", "203.0.113.9"), ("WA1ACMEOLD", "203.0.113.10"),
    ]  # fmt: skip


def test_servers_of_both_forms_have_their_size(ask, servers_of_both_forms):
    rows = ask(QUERIES["largest_servers"], servers_of_both_forms)
    assert [(row["server"], row["memory_gb"], row["cpus"], row["storage_gb"], row["power_state"]) for row in rows] == [
        ("WA1ACMENEW", 8, 4, 16.0, "stopped"), ("WA1ACMEOLD", 4, 2, 24.0, "Stopped"),
    ]  # fmt: skip


def test_a_data_centre_has_its_servers_of_both_forms(ask, servers_of_both_forms):
    (row,) = ask(QUERIES["servers_by_data_center"], servers_of_both_forms)
    assert row == {"data_center": "WA1", "servers": 2, "cpus": 6, "memory_gb": 12.0, "storage_gb": 40.0}


def test_servers_of_both_forms_are_switched_off(ask, servers_of_both_forms):
    (row,) = ask(QUERIES["switched_off_servers"], servers_of_both_forms)
    assert (row["power_state"], row["servers"], row["storage_gb"]) == ("stopped", 2, 40.0)


def test_servers_are_switched_off_since_their_power_state_says_so(ask):
    def told(name, days, power_state):
        return Row("Server.Updated", name[:4], name, {"details": {"powerState": power_state}}, ago(days=days))

    rows = [
        told("ACMEWEB1", 9, "started"), told("ACMEWEB1", 8, "stopped"), told("ACMEWEB1", 7, "started"),
        told("ACMEWEB1", 6, "Stopped"), told("ACMEWEB1", 2, "stopped"),
        told("BRIXWEB1", 5, "stopped"), told("BRIXWEB1", 1, "stopped"),
        told("COGSWEB1", 9, "stopped"), Row("Server.Deleted", "COGS", "COGSWEB1", {}, ago(days=4)),
        told("COGSWEB1", 3, "stopped"),
        told("DUNEWEB1", 9, "stopped"), told("DUNEWEB1", 8, "paused"),
    ]  # fmt: skip
    changes = [
        Changed(1, "", "added"),
        Changed(2, "details.powerState", "changed", '"started"', '"stopped"'),
        Changed(3, "details.powerState", "changed", '"stopped"', '"started"'),
        Changed(4, "details.powerState", "changed", '"started"', '"Stopped"'),
        Changed(5, "details.cpu", "changed", "1", "2"),
        Changed(5, "details.powerState", "added", None, '"stopped"', noise=True),
        Changed(8, "", "added"),
        Changed(9, "", "removed"),
        Changed(10, "", "added", '"deleted"'),
        Changed(11, "", "added"),
        Changed(12, "details.powerState", "changed", '"stopped"', '"paused"'),
    ]
    answers = ask(QUERIES["switched_off_servers"], rows, changes)
    assert {row["account"]: row["longest_since"] for row in answers} == {
        "ACME": ago(days=6), "BRIX": ago(days=5), "COGS": ago(days=3), "DUNE": ago(days=9),
    }  # fmt: skip


def test_a_deleted_user_is_neither_active_nor_disabled(ask):
    told = [
        ("User.Updated", "Active"), ("User.Updated", "active"), ("User.Updated", "Disabled"),
        ("User.Updated", "Deleted"),
        ("User.Deleted", "Active"), ("User.Deleted", "Disabled"), ("User.Deleted", None), ("User.Updated", ["odd"]),
    ]  # fmt: skip
    rows = [Row(event, "ACME", f"USER{n}", {"status": status}) for n, (event, status) in enumerate(told)]
    (row,) = ask(QUERIES["users_by_account"], rows)
    assert (row["active"], row["disabled"], row["deleted"]) == (2, 1, 4)


def test_a_hidden_update_that_comes_at_both_urls_is_one(ask):
    told = [
        ("User.Created", 0), ("User", 1),
        ("User.Updated", 3600), ("User", 3602),
        ("User", 3700), ("User.Updated", 3701),
    ]  # fmt: skip
    rows = [Row(event, "ACME", "KIM", {}, ago(days=1) + timedelta(seconds=seconds)) for event, seconds in told]
    changes = [Changed(1, "", "added"), *(Changed(seq, "", "unseen") for seq in range(2, len(rows) + 1))]
    (row,) = ask(QUERIES["hidden_user_updates"], rows, changes)
    assert (row["user_name"], row["hidden_changes"]) == ("KIM", 2)
    assert (row["first_at"], row["latest_at"]) == (rows[2].received_at, rows[4].received_at)


def alert(metric, state):
    return Row("Alert.Notification", "ACME", "WA1ACMEWEB01", {"triggers": [{"metric": metric, "state": state}]}, NOW)


@pytest.fixture
def alerts_in_any_case():
    told = [("cpu", "triggered"), ("CPU", "Triggered"), ("Cpu", "notTriggered"), ("cpu", "NOTTRIGGERED")]
    return [*(alert(*each) for each in told), alert("memory", "triggered"), alert(None, "odd")]


def test_alerts_are_counted_by_metric_and_state_in_any_letter_case(ask, alerts_in_any_case):
    rows = ask(QUERIES["alerts_by_metric"], alerts_in_any_case)
    assert {(row["metric"], row["state"], row["alerts"]) for row in rows} == {
        ("cpu", "triggered", 2), ("cpu", "notTriggered", 2), ("memory", "triggered", 1), (None, "odd", 1),
    }  # fmt: skip


def test_servers_alarm_in_any_letter_case(ask, alerts_in_any_case):
    (row,) = ask(QUERIES["alarming_servers"], alerts_in_any_case)
    assert (row["alerts"], row["metrics"]) == (3, "cpu, memory")


def test_an_alert_of_several_triggers_is_one_alert(ask):
    told = [("cpu", "triggered"), ("memory", "triggered"), ("disk", "triggered"), ("disk", "triggered")]
    triggers = [{"metric": metric, "state": state} for metric, state in told]
    rows = [Row("Alert.Notification", "ACME", "WA1ACMEWEB01", {"triggers": triggers}, NOW), alert("cpu", "triggered")]
    (row,) = ask(QUERIES["alarming_servers"], rows)
    assert (row["alerts"], row["metrics"]) == (2, "cpu, disk, memory")
    by_metric = {row["metric"]: row["alerts"] for row in ask(QUERIES["alerts_by_metric"], rows)}
    assert by_metric == {"cpu": 2, "memory": 1, "disk": 1}


def test_servers_are_switched_off_in_any_letter_case(ask):
    rows = [
        Row("Server.Created", "ACME", f"WEB{n}", {"details": {"powerState": state, "storageGB": 5}})
        for n, state in enumerate(["stopped", "Stopped", "PAUSED", "Started"])
    ]
    answers = ask(QUERIES["switched_off_servers"], rows)
    assert {(row["power_state"], row["servers"], row["storage_gb"]) for row in answers} == {
        ("stopped", 2, 10.0), ("paused", 1, 5.0),
    }  # fmt: skip


def test_delays_leave_out_the_duration_for_which_an_alerts_metric_had_to_be_above(ask):
    def alert(seconds, *, event="Alert.Notification", sender="centurylink", **trigger):
        at = ago(days=1)
        body = {"triggers": [{"metric": "cpu", "stateStartTime": at.isoformat(), **trigger}]}
        received_at = at + timedelta(seconds=seconds)
        return Row(event, "ACME", "WA1ACMEWEB01", body, received_at, occurred_at=at, sender=sender, category="Alert")

    fires = {"state": "triggered"}
    rows = [
        alert(302, duration="00:05:00", **fires),
        alert(903, duration="00:15:00", **fires),
        alert(890, duration="00:15:00", **fires),
        alert(1, duration="00:05:00", state="notTriggered"),
        alert(10, **fires),
        alert(302, duration="00:05:00", event="alarm", sender="till", **fires),
        server("ACME", "WA1ACMEWEB01", received_at=ago(days=1), occurred_at=ago(days=1, seconds=4)),
        server("ACME", "WA1ACMEWEB01", received_at=ago(days=1), occurred_at=ago(days=1)),
    ]
    found = {row.pop("event"): row for row in ask(QUERIES["delays"], rows)}
    assert found == {
        "Alert.Notification": {"notifications": 5, "median": 2.0, "slowest_percent": 9.7, "slowest": 10.0},
        "Server.Updated": {"notifications": 1, "median": 4.0, "slowest_percent": 4.0, "slowest": 4.0},
        "alarm": {"notifications": 1, "median": 302.0, "slowest_percent": 302.0, "slowest": 302.0},
    }
