"""Made-up histories of months: with deletions, copies, repeated deliveries, late rows and clocks that are wrong."""

import json
from datetime import UTC, datetime, timedelta
from random import Random

from tests.support.rows import notification

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MARCH, APRIL, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5))
_ACTIONS = ("Created", "Updated", "Updated", "Updated", "Deleted")
_REPEATED = [[timedelta(seconds=3)], [timedelta(days=46)], [timedelta(seconds=3), timedelta(days=46)]]
_CATEGORIES = ("User", "Server", "Account")


def make_up(seed, begin, end, rows):
    """Make notifications that were received in a span, in the order in which they arrive."""
    random = Random(seed)
    history = []
    for number in range(rows):
        received_at = begin + (end - begin) * random.random()
        history.append(_make_row(random, number, received_at))
        if random.random() < 0.1:
            moments = [received_at + after for after in random.choice(_REPEATED)]
            history += [_copy(history[-1], moment) for moment in moments if moment < end]
    return sorted(history, key=lambda row: _arrival(random, row))


def _arrival(random, row):
    late = timedelta(days=random.choice((3, 40))) if random.random() < 0.1 else timedelta()
    return row.received_at + late


def _make_row(random, number, received_at):
    category, action = random.choice(_CATEGORIES), random.choice(_ACTIONS)
    name, account = f"{category[0]}{random.randrange(6)}".upper(), f"A{random.randrange(60)}"
    body = {"name": name, "description": random.choice("abc"), "parentAlias": account, "businessName": f"B{number % 5}"}
    has_delivery = random.random() < 0.3
    return notification(
        number,
        received_at=received_at,
        occurred_at=received_at + _error(random),
        category=category,
        action=action,
        event_type=f"{category}.{action}",
        entity_id=None if random.random() < 0.05 else name,
        account_alias=account,
        sender="github" if has_delivery else "centurylink",
        delivery_id=f"delivery-{number}" if has_delivery else None,
        signature_status=random.choice(("valid", "invalid")),
        payload=json.dumps(body).encode(),
    )


def _error(random):
    """Return how wrong a time is: most are right, some early or of a replay, some in the future."""
    return random.choice([timedelta()] * 12 + [timedelta(days=-1), timedelta(days=-45), timedelta(days=9)])


def _copy(row, received_at):
    fresh = notification(received_at=received_at)
    return row._replace(id=fresh.id, received_at=received_at, signature_status="valid")
