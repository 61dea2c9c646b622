"""A burst of more notifications than a finding has, and more findings than a query takes."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from analytics import connect
from analytics.findings.finding import Finding
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.audit import page
from analytics.pages.audit.finding_panel import count_notifications
from analytics.pages.entity import related
from analytics.pages.shared.known.marks import make_mark, select_unseen
from tests.findings.history import DAY, HOUR, NO_FILTERS, NOON, user
from tests.support.dashboard_app import make_app
from tests.support.querying import TOKEN, serving
from tests.support.readable_store import build_store, server
from tests.support.sizes import take_few
from tests.support.stored import Received, store_of

FINDING = Finding(
    **dict.fromkeys(Finding._fields)
    | {"found_at": NOON, "severity": "low", "rule": "a_rule", "title": "", "sentence": "", "doubted": ()}
)


def deletions(servers):
    return [
        Received(
            "Server.Deleted",
            NOON + number * timedelta(seconds=30),
            json.dumps({"accountAlias": "ACME", "name": f"WA1ACME{number}"}),
        )
        for number in range(servers)
    ]


@pytest.mark.parametrize(("servers", "counted"), [(7, "7 notifications"), (120, "100 of the notifications")])
def test_a_burst_has_its_first_99_notifications_and_its_latest_and_the_number_of_all_in_its_sentence(
    tmp_path, servers, counted
):
    with connect(str(store_of(tmp_path, deletions(servers)))) as client:
        (finding,) = find(client, NOON - DAY, NOON + DAY).findings
        ids = [row["id"] for row in client.sql("SELECT id::VARCHAR AS id FROM notifications ORDER BY seq").to_pylist()]
    assert finding.notification_ids == [*ids[:99], *ids[99:][-1:]]
    assert finding.sentence.startswith(f"{servers} servers of ACME were deleted")
    assert count_notifications(finding) == counted


def hidden_updates(users):
    names = [f"u{number}" for number in range(users)]
    bodies = [user(name) for name in names]
    return [
        *(Received("User.Created", NOON - HOUR, body) for body in bodies),
        *(Received("User.Updated", NOON + at * timedelta(seconds=30), body) for at, body in enumerate(bodies)),
    ]


def servers_of_a_new_account(servers):
    account = json.dumps({"accountAlias": "ACME", "businessName": "Acme", "status": "Active"})
    yield Received("Account.Created", NOON, account)
    for number in range(servers):
        at = NOON + (number + 1) * timedelta(seconds=10)
        change = {"createdBy": "ann", "createdDate": at.isoformat(), "modifiedDate": at.isoformat()}
        body = {"name": f"WA1ACME{number}", "changeInfo": change, "links": [{"rel": "account", "id": "acme"}]}
        yield Received("Server.Created", at, json.dumps(body))


@pytest.mark.parametrize(
    ("rule", "burst"),
    take_few(
        [
            ("many_servers_deleted", deletions),
            ("hidden_update_burst", hidden_updates),
            ("new_account_many_servers", servers_of_a_new_account),
        ],
        1,
    ),
)
def test_a_burst_of_more_than_a_hundred_that_goes_on_after_it_was_marked_as_seen_is_new(tmp_path, rule, burst):
    rules = RuleSet([each for each in load_rules().rules if each.name == rule], [])
    received = list(burst(120))
    findings = []
    for number, until in enumerate((len(received) - 10, len(received))):
        directory = tmp_path / str(number)
        directory.mkdir()
        with connect(str(store_of(directory, received[:until]))) as client:
            findings += find(client, NOON - DAY, NOON + DAY, rules=rules).findings
    marked, grown = findings
    mark = make_mark([marked], (NOON - DAY, NOON + DAY), NO_FILTERS)
    assert select_unseen([marked, grown], [mark]) == [grown]


def test_an_entity_has_its_findings_however_many_there_are_of_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLC_QUERY_TOKEN", TOKEN)
    web = server("ACME", "WA1ACMEWEB01")
    findings = [FINDING._replace(id=str(n), notification_ids=[str(uuid4()), str(uuid4())]) for n in range(13_500)]
    findings.append(FINDING._replace(id="its", notification_ids=[str(uuid4()), str(web.id)]))
    monkeypatch.setattr(related, "load_findings", lambda: FindingsSnapshot(findings, [], NOON))
    with serving(build_store(tmp_path / "store.duckdb", [web])) as service:
        url = f"http://127.0.0.1:{service.port}"
        app = make_app(monkeypatch, "entity", url, category="Server", name="WA1ACMEWEB01").run()
    assert not app.exception
    assert "**1 finding** here: 1 low" in [text.value for text in app.markdown]


def test_a_finding_of_more_notifications_than_a_query_takes_lists_its_first_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLC_QUERY_TOKEN", TOKEN)
    web = server("ACME", "WA1ACMEWEB01")
    burst = FINDING._replace(id="burst", notification_ids=[str(web.id), *(str(uuid4()) for _ in range(27_000))])
    monkeypatch.setattr(page, "load_findings", lambda: FindingsSnapshot([burst], [], NOON))
    with serving(build_store(tmp_path / "store.duckdb", [web])) as service:
        app = make_app(monkeypatch, "audit", f"http://127.0.0.1:{service.port}", finding="burst").run()
    assert not app.exception
    assert "The first 100 of 27,001 are listed." in [text.value for text in app.caption]
