"""The audit rules: each example of each rule, run on what the receiver makes of its notifications.

With CLC_RULES set, the examples of that directory's rules are run too.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from analytics import connect
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER
from analytics.senders import list_sql_files
from analytics.settings import Settings
from analytics.times import EPOCH
from receiver.store.query.guard import check_statement, list_refused_functions
from tests.support.database import open_database
from tests.support.sizes import size, take_few
from tests.support.stored import Received, forget_sender, received_in, repeat_as_another_sender, store_of

OWN = Path(os.environ["CLC_RULES"]) if os.environ.get("CLC_RULES") else None
RULES = load_rules(OWN)
SETTINGS = Settings(_env_file=None, time_zone="UTC", working_hours="Mon-Fri 08:00-18:00", rules=None)
DAY = timedelta(days=1)
FEW = 2 if OWN is None else 1_000
"""So many examples of each kind that a rule has are run every day; those of one's own rules always all."""
FIRING = [
    pytest.param(rule, each, id=f"{rule.name}: {each.title}")
    for rule in RULES.rules
    for each in take_few(rule.fires, FEW)
]
FIRING_FOR_CENTURYLINK = [
    pytest.param(rule, each, id=f"{rule.name}: {each.title}")
    for rule in RULES.rules
    if rule.sender == "centurylink"
    for each in take_few(rule.fires, 2)
]
SILENT = [
    pytest.param(rule, each, id=f"{rule.name}: {each.title}")
    for rule in RULES.rules
    for each in take_few(rule.silent, FEW)
]


@pytest.fixture(scope="module")
def found_in(tmp_path_factory):
    """A function that takes an example in, and one that then runs a rule over a span of time, by default all of it."""
    clients = {}

    def take_in(example):
        received = received_in(example)
        if id(example) not in clients:
            clients[id(example)] = connect(str(store_of(tmp_path_factory.mktemp("example"), received)))
        client = clients[id(example)]

        def run(rule, since=received[0].received_at - DAY, until=received[-1].received_at + DAY):
            found = find(client, since, until, rules=RuleSet([rule], []), settings=SETTINGS)
            assert found.problems == []
            return found.findings

        return run

    yield take_in
    for client in clients.values():
        client.close()


def latest_receipt(finding):
    return EPOCH + timedelta(milliseconds=max(UUID(each).int >> 80 for each in finding.notification_ids))


def said(finding):
    return f"{finding.severity} {finding.entity_id}: {finding.sentence}"


@pytest.mark.parametrize(("rule", "example"), FIRING)
def test_a_rule_finds_what_its_example_expects(rule, example, found_in):
    findings = found_in(example)(rule)
    assert len(findings) == len(example.expected), [said(each) for each in findings]
    for finding, expected in zip(findings, example.expected, strict=True):
        assert expected in said(finding)
        if rule.sender:  # else a finding that became known after a list was marked as seen would count as seen
            assert latest_receipt(finding) >= finding.found_at - timedelta(milliseconds=1)


@pytest.mark.parametrize(("rule", "example"), SILENT)
def test_a_rule_is_silent_in_its_example(rule, example, found_in):
    assert [said(each) for each in found_in(example)(rule)] == []


@pytest.mark.parametrize(("rule", "example"), FIRING[:: size(3 if OWN is None else 1, 1)])
def test_a_finding_is_the_same_whichever_span_of_time_it_is_found_in(rule, example, found_in):
    run = found_in(example)
    for finding in run(rule):
        instant = timedelta(microseconds=1)
        alone = run(rule, finding.found_at, finding.found_at + instant)
        assert [(each.id, each.found_at, each.severity) for each in alone] == [
            (finding.id, finding.found_at, finding.severity)
        ]
        assert finding.id not in {each.id for each in run(rule, finding.found_at + instant)}
        assert finding.id not in {each.id for each in run(rule, until=finding.found_at)}


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "event", "body"),
    [
        ("hidden_update_burst", "User.Updated", '{"userName":"kim","accountAlias":"ACME"}'),
        ("many_servers_deleted", "Server.Deleted", '{"name":"WA1ACMEWEB{}","accountAlias":"ACME"}'),
    ],
)
def test_a_burst_that_goes_on_for_a_day_is_one_finding_of_all_hours_together(name, event, body, tmp_path):
    [rule] = [rule for rule in RULES.rules if rule.name == name]
    start = datetime(2026, 3, 4, 0, 4, tzinfo=UTC)
    received = [
        Received(event, start + number * timedelta(minutes=9), body.replace("{}", str(number))) for number in range(150)
    ]
    received.insert(0, Received("User.Created", start - DAY, '{"userName":"kim","accountAlias":"ACME"}'))
    hours = [start - DAY + number * timedelta(hours=1) for number in range(72)]
    with connect(str(store_of(tmp_path, received))) as client:
        found = [
            finding
            for hour in hours
            for finding in find(client, hour, hour + DAY / 24, rules=RuleSet([rule], []), settings=SETTINGS).findings
        ]
    assert [(each.found_at, len(each.notification_ids)) for each in found] == [(start + timedelta(minutes=36), 7)]


def test_a_rule_for_github_finds_nothing_in_the_same_notifications_of_another_sender(tmp_path):
    rules = RuleSet([rule for rule in load_rules().rules if rule.name.startswith("github_")], [])
    received = [each for rule in rules.rules for example in rule.fires for each in received_in(example)]
    file = store_of(tmp_path, sorted(received, key=lambda one: one.received_at))
    for sender, fires in (("github", {rule.name for rule in rules.rules}), ("gitlab", set())):
        with duckdb.connect(str(file)) as store:
            store.execute("UPDATE notifications SET sender = ?", [sender])
            store.execute("UPDATE changes SET sender = ?", [sender])
        with connect(str(file)) as client:
            found = find(client, EPOCH, FOREVER, rules=rules, settings=SETTINGS)
            entities = client.sql("SELECT category, entity_id FROM entities").to_pylist()
        assert {finding.rule for finding in found.findings} == fires
        named = [(finding.category, finding.entity_id) for finding in found.findings if finding.entity_id]
        assert set(named) <= {(entity["category"], entity["entity_id"]) for entity in entities}


@pytest.mark.full
@pytest.mark.parametrize(("rule", "example"), FIRING_FOR_CENTURYLINK)
def test_another_sender_with_the_same_names_changes_no_finding_of_a_rule_for_centurylink(rule, example, tmp_path):
    def run():
        with connect(str(file)) as client:
            found = find(client, EPOCH, FOREVER, rules=RuleSet([rule], []), settings=SETTINGS)
        assert found.problems == []
        return found.findings

    file = store_of(tmp_path, received_in(example))
    alone = run()
    repeat_as_another_sender(file, "till")
    assert run() == alone
    forget_sender(file, "centurylink")
    assert [said(each) for each in run()] == []


@pytest.mark.parametrize(("rule", "example"), [*FIRING, *SILENT][:: size(16, 1)])
def test_a_rule_needs_no_seq_that_is_unique_because_stores_of_a_lake_have_the_same_ones(rule, example, tmp_path):
    file = store_of(tmp_path, received_in(example))
    with duckdb.connect(str(file)) as store:
        for table in ("notifications", "changes"):
            store.execute(f"UPDATE {table} SET seq = seq // 2")
    with connect(str(file)) as client:
        found = find(client, EPOCH, FOREVER, rules=RuleSet([rule], []), settings=SETTINGS)
    assert found.problems == []
    expected = example.expected if example in rule.fires else []
    assert len(found.findings) == len(expected)
    assert all(part in said(finding) for part, finding in zip(expected, found.findings, strict=True))


@pytest.mark.parametrize(
    "file", [*list_sql_files("rules"), *list_sql_files("shipped_queries")], ids=lambda file: file.name
)
def test_no_rule_and_no_shipped_query_finds_a_row_by_its_seq(file):
    sql = file.read_text("utf-8").rpartition("*/")[2]
    assert not re.search(r"\bseq\)?\s+(NOT )?IN\b|USING \([^)]*\bseq\b|\bseq = ", sql)


def test_every_rule_can_be_used():
    assert RULES.problems == []


def test_no_shipped_rule_is_gone_and_each_has_examples_of_both_kinds_and_references():
    shipped = load_rules().rules
    # Findings have their rule's name in their addresses, which people keep.
    assert {rule.name for rule in shipped} >= {
        "event_contradicts_body",
        "hidden_update_burst",
        "hidden_user_update",
        "many_servers_deleted",
        "new_account_many_servers",
        "public_address_added",
        "signature_reused",
        "unfamiliar_actor",
        "user_created",
        "user_enabled_or_email_changed",
    }
    for rule in shipped:
        assert rule.fires
        assert rule.silent
        assert rule.references


def test_the_query_service_lets_every_rule_run(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    try:
        refused = list_refused_functions(store.cursor())
        for rule in RULES.rules:
            assert check_statement(store.cursor(), rule.sql, refused)
            assert check_statement(store.cursor(), "EXPLAIN " + rule.sql, refused)
    finally:
        store.close()


def test_an_empty_store_has_no_findings(tmp_path):
    with connect(str(store_of(tmp_path, []))) as client:
        noon = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
        assert find(client, noon - 365 * DAY, noon, rules=RULES, settings=SETTINGS) == ([], [])
