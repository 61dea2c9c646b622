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
    # GitHub's bodies tell no time of these events: a rebuild would correct another one.
    history = [row._replace(occurred_at=row.received_at) if row.sender == "github" else row for row in history]
    return sorted(history, key=lambda row: _arrival(random, row))


def make_up_alerts(seed, begin, end, rows):
    """Make alerts and deletions of servers that were received in a span, in the order in which they arrive."""
    random = Random(seed)
    moments = (begin + (end - begin) * random.random() for _ in range(rows))
    return sorted(
        (_make_alert_or_deletion(random, moment) for moment in moments), key=lambda row: _arrival(random, row)
    )


def _make_alert_or_deletion(random, received_at):
    server, account = random.choice(("S1", "S2", "S3", None)), random.choice(("ACME", "YLLW"))
    occurred_at = received_at + _error(random)
    told = {"entity_id": server, "account_alias": account, "received_at": received_at, "occurred_at": occurred_at}
    if random.random() < 0.1:
        return deletion(**told)
    return alert(*(_make_trigger(random, occurred_at) for _ in range(random.choice((1, 1, 1, 2)))), **told)


def _make_trigger(random, occurred_at):
    state = random.choice(("triggered", "Triggered", "notTriggered", "unknown"))
    earlier = (occurred_at - timedelta(days=random.choice((0, 0, 9)))).isoformat()
    time = random.choice(({}, {"stateStartTime": earlier}, {"stateEndTime": earlier}))
    return {"metric": random.choice(("cpu", "disk", None)), "state": state, **time}


def alert(*triggers, **changed):
    """Make an alert about the state of one or more metrics."""
    told = {"event_type": "Alert.Notification", "category": "Alert", "action": "Notification"}
    return notification(7, payload=json.dumps({"triggers": triggers}).encode(), **told, **changed)


def deletion(**changed):
    """Make a deletion of a server."""
    return notification(7, event_type="Server.Deleted", category="Server", action="Deleted", **changed)


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
