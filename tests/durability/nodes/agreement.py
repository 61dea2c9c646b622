"""What must hold at the end: each store has what was acknowledged, once, byte for byte, and all agree row by row."""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import duckdb

from tests.durability.support.promise import Kept, broken
from tests.support.prepared import run_program
from tests.support.processes import Receiver, environment

WINDOW, LONGEST_WAIT = timedelta(seconds=10), timedelta(seconds=2)
"""The defaults of CLC_DUPLICATE_WINDOW_SECONDS and CLC_ACKNOWLEDGE_WAIT."""
ROWS = {
    "notifications": "SELECT seq, hash(each) AS digest FROM {store}.notifications AS each",
    "changes": "SELECT seq, sum(hash(each)) AS digest FROM {store}.changes AS each GROUP BY seq",
    "rejected": "SELECT id AS seq, hash(each) AS digest FROM {store}.rejected AS each",
}
DIFFERING = """
SELECT seq FROM ({one}) AS one FULL JOIN ({other}) AS other USING (seq) WHERE one.digest IS DISTINCT FROM other.digest
"""
STORED = """
SELECT seq, id::VARCHAR, sha256(payload), duplicate_of::VARCHAR, received_at, event_type, sender, category, entity_id
FROM store_0.notifications ORDER BY seq
"""


class Stored(NamedTuple):
    """A stored notification, as far as the end is judged by it."""

    seq: int
    id: str
    sha256: str
    duplicate_of: str | None
    received_at: datetime
    event_type: str | None
    entity: tuple[str, str, str | None]


class Report:
    """The senders' report. `promised` maps the id of each notification that got a 200 to the SHA-256 of its body."""

    def __init__(self, path: Path) -> None:
        self.promised: dict[UUID, str] = {}
        self.failed: list[dict[str, Any]] = []
        self._late: list[tuple[UUID, datetime]] = []
        with path.open() as lines:
            for line in lines:
                self._add(json.loads(line))

    def _add(self, line: dict[str, Any]) -> None:
        if line["status"] != 200:
            self.failed.append(line)
            return
        name = UUID(line["id"])
        self.promised[name] = line["sha256"]
        sent_at, answered_at = (datetime.fromisoformat(line[key]) for key in ("sent_at", "answered_at"))
        if answered_at - sent_at >= LONGEST_WAIT:
            self._late.append((name, answered_at))

    def find_excused(self, wiped_at: Sequence[datetime]) -> set[UUID]:
        """Find what was answered after CLC_ACKNOWLEDGE_WAIT, so on one disk alone, just before such a disk was lost."""
        return {
            name
            for name, answered_at in self._late
            if any(timedelta() <= wiped - answered_at < LONGEST_WAIT for wiped in wiped_at)
        }


def check_promise(report: Report, stored: Sequence[Stored], wiped_at: Sequence[datetime]) -> int:
    """Check that a store has all that was acknowledged, once, byte for byte, and return how much that is.

    Args:
        report: the senders'.
        stored: all rows of the store.
        wiped_at: the moments at which machines that take notifications lost their disks.
    """
    assert report.failed[:10] == [], "clients saw failures"
    promised = dict(report.promised)
    lost = promised.keys() - {UUID(row.id) for row in stored}
    for name in lost & report.find_excused(wiped_at):
        print(f"{name} was answered after the longest wait and was on a disk that was lost", flush=True)
        del promised[name]
    wrong = [str(one) for one in broken(promised, [Kept(UUID(row.id), row.sha256, row.seq) for row in stored])]
    assert wrong[:5] == [], f"{len(wrong)} are wrong"
    return len(promised)


def read_agreed(directories: Sequence[Path]) -> tuple[list[Stored], int]:
    """Read the notifications, and count the changes, of stopped stores, which must have the same, row by row."""
    with duckdb.connect() as stores:
        for number, directory in enumerate(directories):
            stores.execute(f"ATTACH '{directory / 'clc.duckdb'}' AS store_{number} (READ_ONLY)")
        for table, rows in ROWS.items():
            one, *others = (rows.format(store=f"store_{number}") for number in range(len(directories)))
            for number, other in enumerate(others, 2):
                differing = stores.execute(DIFFERING.format(one=one, other=other)).fetchall()
                assert differing[:3] == [], f"{len(differing)} {table} of store {number} differ from the first's"
        assert stores.execute("SELECT count(*) FROM store_0.rejected").fetchall() == [(0,)]
        ((changes,),) = stores.execute("SELECT count(*) FROM store_0.changes").fetchall()
        stored = [Stored._make((*each[:6], each[6:])) for each in stores.execute(STORED).fetchall()]
    return stored, changes


def count_retried(report: Report, stored: Sequence[Stored], retries: int) -> tuple[int, int]:
    """Check that nothing else is stored but what the proxy gave to one more machine.

    Args:
        report: the senders'.
        stored: all rows of a store.
        retries: how often the proxy did so.

    Returns:
        How many rows are there by a retry, and how many of those with the same bodies are marked as copies.
    """
    others = [row for row in stored if UUID(row.id) not in report.promised]
    bodies = {row.sha256 for row in others}
    assert len(others) <= retries
    assert bodies <= set(report.promised.values())
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
    """Count the findings of the audit rules of the last week, which must be the same on each."""
    now = datetime.now(UTC)  # the same for all: a rule's answer takes a while, and in that time a week has moved
    found = [_find(receiver, now - timedelta(days=7), now) for receiver in receivers]
    counted = Counter(line for each in found for line in each.splitlines())
    assert [line for line, count in counted.items() if count != len(found)][:3] == []
    return len(counted)


def _find(receiver: Receiver, since: datetime, until: datetime) -> str:
    env = environment(receiver.data_dir) | {"CLC_QUERY_TOKEN": receiver.token}
    span = ("--since", since.isoformat(), "--until", until.isoformat())
    command = ("findings", *span, "--json", "--location", receiver.query_url)
    done = run_program("analytics", *command, env=env, cwd=receiver.data_dir)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
