"""A new account with many servers is found, or not, whichever range of time is asked for."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics import connect
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.settings import Settings
from tests.support.sizes import take_few
from tests.support.stored import Received, store_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RULES = RuleSet([rule for rule in load_rules().rules if rule.name == "new_account_many_servers"], [])
SETTINGS = Settings(_env_file=None, time_zone="UTC", rules=None)
ACCOUNT = json.dumps({"accountAlias": "NEWB", "businessName": "New Broom", "status": "Active"})


def built(number, at):
    change = {"createdBy": "mallory", "createdDate": at.isoformat(), "modifiedDate": at.isoformat()}
    return json.dumps({"name": f"WA1NEWB{number}", "changeInfo": change, "links": [{"rel": "account", "id": "newb"}]})


@pytest.mark.parametrize(("built_after", "findings"), [(0 * DAY, 1), (7 * DAY, 0)])
@pytest.mark.parametrize("before", take_few([30 * DAY, DAY, MINUTE], 1))
def test_a_creation_that_comes_again_hides_no_burst_and_makes_none_in_any_range(
    tmp_path, built_after, findings, before
):
    started = NOON + built_after
    received = [Received("Account.Created", at, ACCOUNT) for at in (NOON, NOON + 7 * DAY)]
    times = [started + number * MINUTE for number in range(1, 13)]
    received += [Received("Server.Created", at, built(number, at)) for number, at in enumerate(times)]
    store = store_of(tmp_path, sorted(received, key=lambda each: each.received_at))
    with connect(str(store)) as client:
        found = find(client, times[9] - before, times[9] + MINUTE, rules=RULES, settings=SETTINGS)
    assert found.problems == []
    assert len(found.findings) == findings
