"""A finding says which of its notifications another finding doubts."""

import json

import pytest

from analytics import connect
from analytics.cli import run
from analytics.findings.doubts import find_successor
from analytics.findings.finding import make_finding_id
from analytics.findings.rule_files import load_rules
from analytics.findings.running import find
from tests.findings.history import DELETED, HEADER, HOUR, NOON, SELECT
from tests.support.sizes import take_few
from tests.support.stored import Received, store_of

REPLAYED = json.dumps({"accountAlias": "BRIX", "name": "WA1BRIXWEB06", "status": "active"})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Five servers are deleted, after a sixth one whose update was sent again as its deletion."""
    received = [
        Received("Server.Updated", NOON - 2 * HOUR, REPLAYED),
        Received("Server.Deleted", NOON - HOUR - HOUR / 60, REPLAYED),
        *(Received("Server.Deleted", NOON - HOUR + n * HOUR / 60, json.dumps(body)) for n, body in enumerate(DELETED)),
    ]
    return str(store_of(tmp_path_factory.mktemp("replayed"), received))


@pytest.fixture
def findings(client):
    return {finding.rule: finding for finding in find(client, NOON - 3 * HOUR, NOON).findings}


@pytest.fixture
def client(store):
    with connect(store) as client:
        yield client


def test_a_replay_is_marked_as_doubted_in_another_finding_and_the_first_use_is_not(client, findings):
    ids = client.sql("SELECT id::VARCHAR AS id FROM notifications ORDER BY seq").column("id").to_pylist()
    assert findings["many_servers_deleted"].doubted == [ids[1]]
    assert findings["signature_reused"].doubted == ()


def test_a_notification_that_was_received_after_the_end_of_the_time_is_doubted_too(tmp_path, own):
    change = {"createdDate": "2026-03-01T00:00:00Z", "modifiedDate": (NOON - HOUR).isoformat()}
    body = json.dumps({"accountAlias": "BRIX", "name": "WA1BRIXWEB01", "status": "active", "changeInfo": change})
    received = [Received("Server.Updated", NOON - HOUR, body), Received("Server.Created", NOON + HOUR, body)]
    rules = load_rules(own("anything.sql", f"/*\n{HEADER}*/{SELECT}"))
    with connect(str(store_of(tmp_path, received))) as client:
        found = find(client, NOON - 3 * HOUR, NOON, rules=rules).findings
        later = find(client, NOON - 3 * HOUR, NOON + 2 * HOUR, rules=rules).findings
    replayed = [each for each in later if each.rule == "anything" and each.doubted]
    assert len(replayed) == 1
    assert [each for each in found if each.rule == "anything" and each.doubted] == replayed
    assert [each for each in later if each.found_at < NOON] == found


@pytest.mark.full
def test_a_notification_that_was_received_before_the_begin_of_the_time_is_doubted_too(client, findings):
    later = find(client, NOON - HOUR, NOON).findings
    assert later == [each for each in findings.values() if each.found_at >= NOON - HOUR]
    assert [each.doubted for each in later if each.rule == "many_servers_deleted"] != [()]


@pytest.mark.parametrize("rules", take_few([[], ["--rule", "many_servers_deleted"]], 1))
def test_the_command_says_so_whichever_rules_are_chosen(store, capfdbinary, rules):
    run(["findings", "--location", store, "--since", "2026-03-04T09:00Z", "--until", "2026-03-04T12:00Z", *rules])
    (line,) = (one for one in capfdbinary.readouterr().out.decode().splitlines() if "Many servers deleted" in one)
    assert line.endswith("and 3 more. (1 of its 6 notifications is doubted)")


def test_a_finding_is_found_by_the_id_that_it_had_before_an_earlier_notification_became_part_of_it(findings):
    finding = findings["many_servers_deleted"]
    before = make_finding_id(finding.rule, finding.notification_ids[1])
    assert find_successor(before, findings.values()) == finding
    assert find_successor("0" * 64, findings.values()) is None
