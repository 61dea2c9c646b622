"""A burst of more notifications than a finding has."""

import json
from datetime import timedelta

import pytest

from analytics import connect
from analytics.findings.running import find
from analytics.pages.audit.finding_panel import count_notifications
from tests.findings.history import DAY, NOON
from tests.support.stored import Received, store_of


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
