"""What the order of findings tells is what a look at each of them tells."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from analytics.findings.finding import Finding, count_severities, select_between, sort_findings
from analytics.findings.rule_files import SEVERITIES
from analytics.pages.audit import findings as page
from analytics.pages.audit.list_time import ListTime
from analytics.pages.shared.known.findings import map_findings
from analytics.senders import list_doubting_rules

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def make_findings(dice, number):
    return sort_findings(
        Finding(str(n), "a_rule", "A rule", dice.choice(SEVERITIES), NOON + timedelta(hours=dice.randrange(9)),
                "Server", "WEB", "ACME", None, "It changed.", [str(n)])
        for n in range(number)
    )  # fmt: skip


def test_a_part_of_the_time_and_its_severities_are_those_of_a_look_at_each():
    dice = random.Random(3)
    for number in (0, 1, 2, 40):
        findings = make_findings(dice, number)
        for begin, end in ((0, 9), (2, 5), (4, 4), (8, 20)):
            ends = [NOON + timedelta(hours=hour) for hour in (begin, end)]
            selected = select_between(findings, *ends)
            assert selected == [each for each in findings if ends[0] <= each.found_at < ends[1]]
            assert Counter(count_severities(selected)) == Counter(each.severity for each in selected)


def test_the_chart_of_all_time_begins_with_the_first_finding_whatever_its_severity(monkeypatch):
    drawn = []
    monkeypatch.setattr(page, "read_freshness", lambda: SimpleNamespace(complete_since=None))
    monkeypatch.setattr(page, "draw_chart", lambda chart, **_: drawn.append(chart.to_dict()))
    first, last = (make_findings(random.Random(2), 1)[0]._replace(found_at=NOON - timedelta(days=days))
                   for days in (400, 2))  # fmt: skip
    page.draw_over_time([first._replace(severity="high"), last._replace(severity="low")], ListTime("all", None, NOON))
    assert drawn[0]["description"].startswith("Stacked bars of findings per 7 days,"), "the bins fit 400 days, not two"


def test_findings_are_mapped_for_the_asked_notifications_alone_and_those_that_doubt_come_first():
    low, high, doubt = make_findings(random.Random(1), 3)
    doubt = doubt._replace(rule=next(iter(list_doubting_rules())), notification_ids=["1", "7"])
    high, low = high._replace(notification_ids=["1"]), low._replace(notification_ids=["2"])
    assert map_findings([low, high, doubt], ["1", "3"]) == {"1": [doubt, high]}
