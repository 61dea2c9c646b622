"""What an auditor reads as one is one finding, the same one whoever asks and for whatever time."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from analytics import connect
from analytics.findings.doubts import find_successor, map_doubted
from analytics.findings.finding import Finding, make_finding_id
from analytics.findings.merging import FREQUENT, find_merged, merge_all, narrow
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER, KeptFindings
from analytics.settings import Settings
from analytics.times import EPOCH
from tests.findings.history import DAY, HEADER, HOUR, NOON, SELECT
from tests.support.stored import Received, store_of

MINUTE = timedelta(minutes=1)
SETTINGS = Settings(_env_file=None, time_zone="UTC", rules=None)
EVERYDAY = f'/*\n{HEADER}everyday = "it happens every day"\n*/{SELECT}'


def change(name, actor, at):
    fields = {"name": name, "description": at.isoformat(), "links": [{"rel": "account", "id": "acme"}]}
    changed = {"modifiedBy": actor, "modifiedDate": at.isoformat()}
    return Received("Server.Updated", at, json.dumps({**fields, "changeInfo": changed}))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Eve changes 14 servers within 48 minutes, bob changes one meanwhile, and eve another one two hours later."""
    received = [
        *(change(f"WA1ACMEWEB{n:02}", "eve", NOON + n * 48 * MINUTE / 13) for n in range(14)),
        change("WA1ACMEDB01", "bob", NOON + 10 * MINUTE),
        change("WA1ACMEDB01", "EVE", NOON + 3 * HOUR),
    ]
    file = store_of(tmp_path_factory.mktemp("store"), sorted(received, key=lambda each: each.received_at))
    with connect(str(file)) as client:
        yield client


@pytest.fixture
def mine(own):
    def write(text=f"/*\n{HEADER}*/{SELECT}"):
        return RuleSet([rule for rule in load_rules(own("mine.sql", text)).rules if rule.name == "mine"], [])

    return write


def test_what_one_actor_does_within_an_hour_is_one_finding_with_its_count_and_span(client, mine):
    rules = mine()
    each = find(client, EPOCH, FOREVER, rules=rules, settings=SETTINGS).findings
    merged = find_merged(client, EPOCH, FOREVER, rules, SETTINGS).findings
    assert [(one.actor, len(one.notification_ids)) for one in merged] == [("eve", 14), ("bob", 1), ("EVE", 1)]
    first = merged[0]
    assert first.sentence == (
        "14 times within 48 min, first: something happened; then WA1ACMEWEB01, WA1ACMEWEB02, WA1ACMEWEB03 and 10 more."
    )
    assert (first.found_at, first.entity_id, first.account_alias) == (NOON, None, "ACME")
    assert first.id == make_finding_id("mine", each[0].notification_ids[0])
    assert first.list_told()["count"] == 14
    assert first.list_told()["last_at"] == NOON + 48 * MINUTE
    assert sorted(each) == sorted(part for one in merged for part in one.list_parts())
    old_link = next(part for part in each if part.actor == "eve" and part.found_at > NOON)
    assert find_successor(old_link.id, merged) == first


def test_a_merged_finding_is_the_same_in_each_time_that_has_a_part_of_it(client, mine):
    rules = mine()
    first = find_merged(client, EPOCH, FOREVER, rules, SETTINGS).findings[0]
    last_at = NOON + 48 * MINUTE
    for since in (NOON, NOON + 20 * MINUTE, last_at):
        assert find_merged(client, since, FOREVER, rules, SETTINGS).findings[0] == first
    assert first.id not in {
        each.id for each in find_merged(client, last_at + MINUTE, FOREVER, rules, SETTINGS).findings
    }
    begun = find_merged(client, NOON, NOON + 5 * MINUTE, rules, SETTINGS).findings[0]
    assert (begun.id, len(begun.parts)) == (first.id, 2)


def test_the_dashboard_keeps_the_same_merged_findings(client, own, monkeypatch):
    monkeypatch.setenv("CLC_RULES", str(own("mine.sql", EVERYDAY)))
    kept = KeptFindings(client).read_up_to(60, datetime.now(UTC))
    rules = load_rules(own("mine.sql", EVERYDAY))
    assert sorted(kept.findings) == sorted(find_merged(client, EPOCH, FOREVER, rules, SETTINGS).findings)
    [day] = [each for each in kept.findings if each.rule == "mine"]
    assert len(day.notification_ids) == 16


def made(at, severity="medium", rule="public_address_added", **fields):
    """Return a finding of a moment, of a rule about everyday work."""
    identity = str(UUID(int=int(at.timestamp() * 1000) << 80 | 0x7000 << 64 | 0x8000 << 48))
    about = {"category": "Server", "entity_id": "WA1ACMEWEB01", "account_alias": "ACME", "actor": "ann", **fields}
    id_ = make_finding_id(rule, identity)
    return Finding(id_, rule, "Title", severity, at, **about, sentence="It happened.", notification_ids=[identity])


def merge(findings, time_zone="UTC"):
    return merge_all(findings, load_rules().rules, time_zone)


def test_everyday_work_that_is_frequent_is_one_low_finding_a_day_and_says_why():
    days = [made(NOON + n * DAY / 4, actor=f"ann{n}") for n in range(FREQUENT + 6)]
    merged = merge(days)
    assert [each.severity for each in merged] == ["medium"] * FREQUENT + ["low"] * 2
    low = merged[FREQUENT:]
    assert [(each.found_at, each.sentence) for each in low] == [
        (days[FREQUENT].found_at, "4 times within 18 h: It happened."),
        (days[FREQUENT + 4].found_at, "2 times within 6 h: It happened."),
    ]
    assert low[1].reason == "administrators add addresses as part of their work"
    # A week without any, and it is news again.
    assert merge([*days, made(NOON + 30 * DAY)])[-1].severity == "medium"


def test_the_days_of_everyday_work_are_those_of_the_time_zone():
    low = [made(NOON.replace(hour=22, minute=30) + n * HOUR, "low", rule="user_created") for n in range(3)]
    assert [len(each.list_parts()) for each in merge(low)] == [2, 1]
    assert [len(each.list_parts()) for each in merge(low, "Europe/Berlin")] == [1, 2]


def test_what_an_auditor_must_see_is_no_part_of_everyday_work():
    usual = [made(NOON + n * HOUR / 4, actor=f"ann{n}") for n in range(40)]
    eve = [made(NOON + 8 * HOUR + n * MINUTE, actor="eve", entity_id=f"WA1ACMEWEB{n}") for n in range(4)]
    high = made(NOON + 8 * HOUR + 2 * MINUTE + MINUTE / 2, "high", actor="eve")
    merged = merge([*usual, *eve, high])
    by_eve = [each for each in merged if each.actor == "eve"]
    assert [(each.severity, len(each.list_parts())) for each in by_eve] == [("medium", 4), ("high", 1)]


def test_an_entity_without_an_actor_is_merged_and_what_names_neither_is_not():
    def about(name):
        return [made(NOON + n * MINUTE, rule="mine", actor=None, entity_id=name) for n in range(3)]

    assert [each.sentence for each in merge(about("KIM"))] == ["3 times within 2 min: It happened."]
    assert [len(each.list_parts()) for each in merge(about(None))] == [1, 1, 1]


def test_each_replay_of_a_merged_finding_is_doubted_and_no_original():
    replays = [made(NOON + n * MINUTE, rule="signature_reused", actor=None) for n in range(3)]
    replays = [each._replace(notification_ids=[*each.notification_ids, f"original {each.id}"]) for each in replays]
    [merged] = merge(replays)
    assert map_doubted([merged]).keys() == {each.notification_ids[0] for each in replays}


def test_a_finding_is_narrowed_to_some_of_its_parts_and_keeps_its_id():
    [day] = merge([made(NOON + n * HOUR, "low", rule="user_created", actor=f"ann{n % 2}") for n in range(5)])
    narrowed = narrow(day, lambda part: part.actor == "ann1")
    assert (narrowed.id, narrowed.actor, len(narrowed.notification_ids)) == (day.id, "ann1", 2)
    assert narrow(day, lambda part: part.actor == "eve") is None
    assert narrow(day, lambda _: True) is day
