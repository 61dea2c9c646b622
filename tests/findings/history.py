"""What the tests of findings share: a small history, and a rule of one's own."""

import json
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NO_FILTERS = dict.fromkeys(("account", "account_tree", "sender", "entity", "actor")) | {"severities": [], "rules": []}
HEADER = """\
title = "Anything"
severity = "low"
why = "Because."
todo = "Look."
"""
SELECT = """
SELECT occurred_at AS found_at, category, entity_id, account_alias, actor, 'something happened' AS sentence,
    [id] AS notification_ids
FROM notifications
WHERE occurred_at >= $since::TIMESTAMPTZ AND occurred_at < $until::TIMESTAMPTZ
"""


def user(name, **fields):
    return json.dumps({"userName": name, "accountAlias": "ACME", "status": "Active", **fields})


DELETED = [{"accountAlias": "BRIX", "name": f"WA1BRIXWEB0{n}"} for n in range(1, 6)]
