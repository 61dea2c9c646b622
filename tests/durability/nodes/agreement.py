"""What must hold at the end: each store has what was acknowledged, once, byte for byte, and all agree row by row."""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from tests.durability.support.promise import acknowledged, broken, stored_by
from tests.support.prepared import run_program
from tests.support.processes import Receiver, environment

ROWS_PER_PART = 10_000
WINDOW, LONGEST_WAIT = timedelta(seconds=10), timedelta(seconds=2)
"""The defaults of CLC_DUPLICATE_WINDOW_SECONDS and CLC_ACKNOWLEDGE_WAIT."""
NOTIFICATIONS = """
SELECT * EXCLUDE (payload, signature), sha256(payload) AS sha256, sha256(signature) AS signature
FROM notifications WHERE seq > ? AND seq <= ? ORDER BY seq
"""
CHANGES = "SELECT * FROM changes WHERE seq > ? AND seq <= ? ORDER BY ALL"
SIMPLE = ("seq", "id", "sha256", "duplicate_of", "received_at", "event_type")
ENTITY = ("sender", "category", "entity_id")


class Stored(NamedTuple):
    """A stored notification, as far as the end is judged by it."""

    seq: int
    id: str
    sha256: str
    duplicate_of: str | None
    received_at: datetime
    event_type: str | None
    entity: tuple[str, str, str | None]


def check_promise(report: Path, receivers: Sequence[Receiver], wiped_at: Sequence[datetime]) -> int:
    """Check that each store has all that was acknowledged, once, byte for byte, and return how many that are.

    What was answered after CLC_ACKNOWLEDGE_WAIT was on one disk alone for that moment, so it may go with that disk.

    Args:
        report: the senders'.
        receivers: with the stores.
        wiped_at: the moments at which machines that take notifications lost their disks.
    """
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line for line in lines if line["status"] != 200][:10] == [], "clients saw failures"
    promised = acknowledged(report)
    kept = stored_by(receivers[0])
    lost = promised.keys() - {row.id for row in kept}
    excused = {UUID(line["id"]) for line in lines if _was_on_a_lost_disk(line, wiped_at)}
    for name in lost & excused:
        print(f"{name} was answered after the longest wait and was on a disk that was lost", flush=True)
        del promised[name]
    for receiver in receivers:
        wrong = [str(one) for one in broken(promised, stored_by(receiver))]
        assert wrong[:5] == [], f"{len(wrong)} in the store of {receiver.data_dir.name}"
    return len(promised)


def _was_on_a_lost_disk(line: dict[str, Any], wiped_at: Sequence[datetime]) -> bool:
    sent_at, answered_at = (datetime.fromisoformat(line[name]) for name in ("sent_at", "answered_at"))
    is_late = answered_at - sent_at >= LONGEST_WAIT
    return is_late and any(timedelta() <= wiped - answered_at < LONGEST_WAIT for wiped in wiped_at)


def read_agreed(receivers: Sequence[Receiver]) -> tuple[list[Stored], int]:
    """Read the notifications, and count the changes, of stores that must have the same, row by row."""
    stored, changes = [], 0
    for rows in read_same(receivers, NOTIFICATIONS):
        stored += [
            Stored(**{**{name: row[name] for name in SIMPLE}, "entity": tuple(row[name] for name in ENTITY)})
            for row in rows
        ]
    for rows in read_same(receivers, CHANGES):
        changes += len(rows)
    refused = [receiver.sql("SELECT * FROM rejected ORDER BY id") for receiver in receivers]
    assert refused == [[]] * len(receivers)
    return stored, changes


def read_same(receivers: Sequence[Receiver], query: str) -> Iterator[list[dict[str, Any]]]:
    """Read a query's rows, part by part, and compare them among the receivers."""
    ends = [receiver.sql("SELECT max(seq) AS seq FROM notifications")[0]["seq"] for receiver in receivers]
    assert len(set(ends)) == 1, f"the last seq of each: {ends}"
    for after in range(0, ends[0], ROWS_PER_PART):
        first, *others = [receiver.sql(query, [after, after + ROWS_PER_PART]) for receiver in receivers]
        for number, other in enumerate(others, 2):
            differing = [pair for pair in zip(first, other, strict=False) if pair[0] != pair[1]]
            assert differing[:1] == [], f"store {number} differs from the first in {len(differing)} rows"
            assert len(first) == len(other)
        yield first


def count_retried(report: Path, stored: Sequence[Stored], retries: int) -> tuple[int, int]:
    """Check that nothing else is stored but what the proxy gave to one more machine.

    Args:
        report: the senders'.
        stored: all rows of a store.
        retries: how often the proxy did so.

    Returns:
        How many rows are there by a retry, and how many of those with the same bodies are marked as copies.
    """
    promised = acknowledged(report)
    others = [row for row in stored if UUID(row.id) not in promised]
    bodies = {row.sha256 for row in others}
    assert len(others) <= retries
    assert bodies <= set(promised.values())
    return len(others), sum(row.duplicate_of is not None for row in stored if row.sha256 in bodies)


def count_copies(stored: Sequence[Stored]) -> int:
    """Count the copies, and compare them with what times of receipt make copies of rows that come in this order."""
    originals: defaultdict[tuple, list[Stored]] = defaultdict(list)
    wrong, copies = [], 0
    for row in stored:
        known = originals[row.entity]
        place = bisect_right(known, row.received_at, key=attrgetter("received_at"))
        beside = known[max(place - 1, 0) : place + 1] if row.entity[-1] is not None else []
        copied = next((each.id for each in beside if _is_copy(row, each)), None)
        if row.duplicate_of != copied:
            wrong.append(row)
        if copied is None:
            known.insert(place, row)
        copies += copied is not None
    assert wrong[:3] == []
    return copies


def _is_copy(row: Stored, before: Stored) -> bool:
    is_same = (row.sha256, row.event_type) == (before.sha256, before.event_type)
    return is_same and abs(row.received_at - before.received_at) <= WINDOW


def count_findings(receivers: Sequence[Receiver]) -> int:
    """Count the findings of the audit rules, which must be the same on each."""
    found = [_find(receiver) for receiver in receivers]
    assert all(each == found[0] for each in found), Counter("".join(found).splitlines()).most_common()[-3:]
    return found[0].count("\n")


def _find(receiver: Receiver) -> str:
    env = environment(receiver.data_dir) | {"CLC_QUERY_TOKEN": receiver.token}
    command = ("findings", "--since", "7d", "--json", "--location", receiver.query_url)
    done = run_program("analytics", *command, env=env, cwd=receiver.data_dir)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
