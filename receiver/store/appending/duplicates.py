"""Finds copies of notifications: the same body again within a window, and the same delivery again at any time."""

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from sys import intern
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.database.faults import read_or_lose
from receiver.database.rows import insert
from receiver.files import read_sql_file
from receiver.notification import Notification, NumberedNotification

_Entity = tuple[str, str, str]
_KEPT = timedelta(hours=1)
"""For how long the latest notifications of entities are kept in memory: hundreds of thousands may take 100 MB."""
_LOST = "copies of what came before are not told"
_FIRST, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _Latest(NamedTuple):
    id: UUID
    event_type: str | None
    received_at: datetime
    digest: str
    is_valid: bool


_received_at = attrgetter("received_at")


class _Delivery(NamedTuple):
    """What makes two deliveries the same."""

    sender: str
    delivery_id: str
    event_type: str | None
    digest: str

    @property
    def key(self) -> int:
        """Return what stands for it in `delivery_ids`, as derive_delivery_ids.sql computes it."""
        text = f"{self.sender}\n{self.digest}\n{self.event_type or ''}\n{self.delivery_id}"
        return int(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:15], 16)


class _DeliveryRow(NamedTuple):
    """A row of `delivery_ids`."""

    key: int
    seq: int


class DuplicateFinder:
    """Finds the original of each notification that is a copy.

    A notification is a copy when its body equals that of its entity's latest, the event is the same, and they were
    received within the window. The window counts from the original: a stream of equal bodies is no endless copy. What
    comes late, from another machine or an archive, is compared with what was received before it and after it. What has
    a valid signature copies nothing without one, because a stranger could post the same body first.

    If the sender gives its deliveries ids, a notification is also a copy, at any time, when an earlier one with a valid
    signature has the same id, event and body.

    Args:
        connection: the appender's.
        window_seconds: the window.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, window_seconds: float) -> None:
        self._connection = connection
        self._window = timedelta(seconds=window_seconds)
        self._latest: dict[_Entity, _Latest] = {}
        # Those received since this moment are in memory; the store has all.
        self._since = _NEVER
        self._forgot_at = time.monotonic()
        # What was received around the late rows of this batch, of their entities, in order of time.
        self._around: dict[_Entity, list[_Latest]] = {}
        self._originals: dict[_Delivery, UUID] = {}
        self._first: dict[UUID, int] = {}

    def find_originals(self, rows: Iterable[Notification]) -> list[UUID | None]:
        """Return the id of the notification that each of the next rows copies; None for one that is no copy."""
        digests = [(row, sha256(row.payload).hexdigest()) for row in rows]
        self._remember([row.received_at for row, _ in digests])
        self._around = self._read_around(self._find_late(row for row, _ in digests if row.entity_id is not None))
        deliveries = [
            _Delivery(row.sender, row.delivery_id, row.event_type, digest) if row.delivery_id is not None else None
            for row, digest in digests
        ]
        self._first = {}
        self._originals = self._read_originals({each.key for each in deliveries if each})
        return [self._find_original(*each, delivery) for each, delivery in zip(digests, deliveries, strict=True)]

    def _remember(self, times: Sequence[datetime]) -> None:
        """Load the possible originals of notifications received at these times, and forget older ones."""
        if not times:
            return
        needed = _subtract(min(times), self._window)
        if needed < self._since:
            self._load(_subtract(needed, _KEPT))
        elif time.monotonic() - self._forgot_at > _KEPT.total_seconds():
            self._forgot_at, self._since = time.monotonic(), _subtract(needed, _KEPT)
            self._latest = {name: each for name, each in self._latest.items() if each.received_at >= self._since}

    def _load(self, since: datetime) -> None:
        """Read the latest notification of each entity, where it was received since a moment."""
        query = read_sql_file(__package__, "latest_of_each_entity.sql")
        rows = read_or_lose(self._connection, query, _LOST, [since])
        # `intern`, because memory would hold the same few names once more for each entity.
        self._latest = {
            (intern(sender), intern(category), name): _Latest._make(latest) for sender, category, name, *latest in rows
        }
        self._since = since

    def _find_late(self, rows: Iterable[Notification]) -> list[Notification]:
        """Return the rows that come after later ones of their entities."""
        newest: dict[_Entity, datetime] = {}
        late = []
        for row in rows:
            entity = _find_entity(row)
            known = newest.get(entity) or self._find_last_receipt(entity)
            if known and row.received_at < known:
                late.append(row)
            else:
                newest[entity] = row.received_at
        return late

    def _find_last_receipt(self, entity: _Entity) -> datetime | None:
        latest = self._latest.get(entity)
        return latest.received_at if latest else None

    def _read_around(self, late: Sequence[Notification]) -> dict[_Entity, list[_Latest]]:
        """Read what the store has of the entities of late rows that these may copy."""
        around: dict[_Entity, list[_Latest]] = {_find_entity(row): [] for row in late}
        if around:
            times = [row.received_at for row in late]
            begin, end = _subtract(min(times), self._window), _add(max(times), self._window)
            query = read_sql_file(__package__, "around_late_rows.sql")
            parameters = [begin, end, list({row.entity_id for row in late})]
            for sender, category, name, *each in read_or_lose(self._connection, query, _LOST, parameters):
                if (sender, category, name) in around:
                    around[sender, category, name].append(_Latest._make(each))
        return around

    def _find_original(self, row: Notification, digest: str, delivery: _Delivery | None) -> UUID | None:
        delivered = self._originals.get(delivery) if delivery else None
        original = delivered or self._find_original_in_window(row, digest)
        if delivery and delivered is None and row.signature_status == "valid":
            self._originals[delivery] = original or row.id
            self._first[row.id] = delivery.key
        return original

    def _find_original_in_window(self, row: Notification, digest: str) -> UUID | None:
        """Return the entity's latest notification if this one copies it; if not, this one becomes the latest."""
        if row.entity_id is None:
            return None
        entity = _find_entity(row)
        this = _Latest(row.id, row.event_type, row.received_at, digest, row.signature_status == "valid")
        latest, around = self._latest.get(entity), self._around.get(entity)
        if around is None:  # none of this entity's rows is late
            if latest and self._is_copy(this, latest):
                return latest.id
            self._latest[entity] = this
            return None
        place = bisect_right(around, row.received_at, key=_received_at)
        is_late = latest is not None and row.received_at < latest.received_at
        candidates = around[max(place - 1, 0) : place + 1] if is_late else [latest] if latest else []
        for original in candidates:
            if self._is_copy(this, original):
                return original.id
        around.insert(place, this)
        if not is_late:
            self._latest[entity] = this
        return None

    def _is_copy(self, this: _Latest, other: _Latest) -> bool:
        return (
            this.digest == other.digest
            and this.event_type == other.event_type
            and (other.is_valid or not this.is_valid)
            and abs(this.received_at - other.received_at) <= self._window
        )

    def write_deliveries(self, rows: Sequence[NumberedNotification]) -> None:
        """Note the deliveries that came first with these rows, inside the transaction that stores them."""
        first = [_DeliveryRow(self._first[row.id], seq) for seq, row, _ in rows if row.id in self._first]
        insert(self._connection, "delivery_ids", _DeliveryRow, first)

    def _read_originals(self, keys: set[int]) -> dict[_Delivery, UUID]:
        if not keys:
            return {}
        lost = "copies of earlier deliveries are not told"
        found = read_or_lose(self._connection, read_sql_file(__package__, "delivered.sql"), lost, [list(keys)])
        if not found:
            return {}
        query = read_sql_file(__package__, "deliveries.sql")
        rows = read_or_lose(self._connection, query, lost, [[seq for (seq,) in found]])
        return {_Delivery._make(delivery): original for original, *delivery in rows}


def _find_entity(row: Notification) -> _Entity:
    return row.sender, row.category, row.entity_id or ""


def _add(at: datetime, span: timedelta) -> datetime:
    """Return a moment and a span later, or the last of all moments."""
    return at + span if _NEVER - at > span else _NEVER


def _subtract(at: datetime, span: timedelta) -> datetime:
    """Return a moment less a span, or the first of all moments."""
    return at - span if at - _FIRST > span else _FIRST
