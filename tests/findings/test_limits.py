"""A burst of more notifications than a finding has, and more findings than a query takes."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from analytics import connect
from analytics.findings.finding import Finding
from analytics.findings.running import find
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.audit import page
from analytics.pages.audit.finding_panel import count_notifications
from analytics.pages.entity import related
from tests.findings.history import DAY, NOON
from tests.support.dashboard_app import make_app
from tests.support.querying import TOKEN, serving
from tests.support.readable_store import build_store, server
from tests.support.stored import Received, store_of

FINDING = Finding(
    **dict.fromkeys(Finding._fields)
    | {"found_at": NOON, "severity": "low", "rule": "a_rule", "title": "", "sentence": "", "doubted": ()}
)


@pytest.mark.parametrize(("servers", "counted"), [(7, "7 notifications"), (120, "The first 100 notifications")])
def test_a_burst_has_its_first_100_notifications_and_the_number_of_all_in_its_sentence(tmp_path, servers, counted):
    received = [
        Received(
            "Server.Deleted",
            NOON + number * timedelta(seconds=30),
            json.dumps({"accountAlias": "ACME", "name": f"WA1ACME{number}"}),
        )
        for number in range(servers)
    ]
    with connect(str(store_of(tmp_path, received))) as client:
        (finding,) = find(client, NOON - DAY, NOON + DAY).findings
        rows = client.sql("SELECT id::VARCHAR AS id FROM notifications ORDER BY seq LIMIT 100").to_pylist()
    assert finding.notification_ids == [row["id"] for row in rows]
    assert finding.sentence.startswith(f"{servers} servers of ACME were deleted")
    assert count_notifications(finding) == counted


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
