"""A finding that one more notification makes is new, whatever list was marked as seen before that was stored.

Each example of a rule is taken in without one of its notifications, which then is stored last.
"""

import pytest

from analytics import connect
from analytics.findings.finding import RANKS
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER
from analytics.pages.shared.known.marks import read_known_ms
from analytics.settings import Settings
from analytics.times import EPOCH, to_microseconds
from tests.support.sizes import size, take_few
from tests.support.stored import received_in, store_of

SETTINGS = Settings(_env_file=None, time_zone="UTC", working_hours="Mon-Fri 08:00-18:00", rules=None)
MOST_NOTIFICATIONS = 8
LATE = [
    pytest.param(rule, received, number, id=f"{rule.name}: {example.title}: {number}")
    for rule in load_rules().rules
    for example in take_few(rule.fires, 3)
    for received in [received_in(example)]
    if 1 < len(received) <= MOST_NOTIFICATIONS
    for number in range(len(received))
]


def find_in(directory, rule, received):
    directory.mkdir()
    with connect(str(store_of(directory, received))) as client:
        found = find(client, EPOCH, FOREVER, rules=RuleSet([rule], []), settings=SETTINGS)
    assert found.problems == []
    return {(each.found_at, each.category, each.entity_id, each.account_alias): each for each in found.findings}


@pytest.mark.parametrize(("rule", "received", "number"), LATE[:: size(48, 1)])
def test_no_mark_of_before_hides_a_finding_that_the_notification_stored_last_makes(rule, received, number, tmp_path):
    last = received[number]
    others = [each for each in received if each is not last]
    before, now = find_in(tmp_path / "before", rule, others), find_in(tmp_path / "now", rule, [*others, last])
    marked_ms = max(to_microseconds(each.received_at) // 1000 for each in others)
    for key, finding in now.items():
        if key not in before or RANKS[finding.severity] < RANKS[before[key].severity]:
            assert read_known_ms(finding) > marked_ms
