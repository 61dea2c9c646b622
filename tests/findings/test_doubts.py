"""A finding says which of its notifications another finding doubts."""

import json

import pytest

from analytics import connect
from analytics.cli import run
from analytics.findings.doubts import find_successor
from analytics.findings.finding import make_finding_id
from analytics.findings.running import find
from tests.findings.history import DELETED, HOUR, NOON
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


@pytest.mark.parametrize("rules", [[], ["--rule", "many_servers_deleted"]])
def test_the_command_says_so_whichever_rules_are_chosen(store, capfdbinary, rules):
    run(["findings", "--location", store, "--since", "2026-03-04T09:00Z", "--until", "2026-03-04T12:00Z", *rules])
    (line,) = (one for one in capfdbinary.readouterr().out.decode().splitlines() if "Many servers deleted" in one)
    assert line.endswith("and 3 more. (1 of its 6 notifications is doubted)")


def test_a_finding_is_found_by_the_id_that_it_had_before_an_earlier_notification_became_part_of_it(findings):
    finding = findings["many_servers_deleted"]
    before = make_finding_id(finding.rule, finding.notification_ids[1])
    assert find_successor(before, findings.values()) == finding
    assert find_successor("0" * 64, findings.values()) is None
