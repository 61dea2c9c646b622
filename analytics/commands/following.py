"""Follows notifications as they are appended: each once, in the order of `seq`, though the receiver comes and goes."""

from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from analytics import queries
from analytics.client.client import Client
from analytics.words.sentences import Change, summary

PAGE_ROWS = 200
IDS_KEPT = 50_000
TIMEOUT_SECONDS = 20.0
CHANGED = ("category", "entity_id", "actor", "path", "kind", "old_value", "new_value")

Row = dict[str, Any]


class Watched(NamedTuple):
    """Which notifications: of these accounts and event types, of entities with this in their names; None is all."""

    accounts: list[str] | None = None
    event_types: list[str] | None = None
    entity: str | None = None


class Batch(NamedTuple):
    """Notifications in order, and whether more are waiting already."""

    rows: list[Row]
    more: bool


class Follower:
    """Asks for what is new since it asked last.

    An answer that does not come changes nothing: the next one has all. A store that lost its latest rows to a damaged
    disk has them from the spool again, under new numbers; so ids are remembered, and none comes twice.

    Args:
        client: where the notifications are.
        watched: which of them.
        with_payload: rows have `payload` and `signature`; else they have `words`, which say what was changed.
    """

    def __init__(self, client: Client, watched: Watched, *, with_payload: bool) -> None:
        self._client = client
        self._watched = watched
        self._with_payload = with_payload
        self._after = 0
        self._seen: dict[str, None] = {}

    def start(self, newest: int) -> None:
        """Begin with the newest notifications, this many of those watched.

        Raises:
            AnalyticsError: no answer.
        """
        last = self._last()
        seqs = [row["seq"] for row in self._ask("tail_newest", last=last, page_rows=newest)]
        self._after = min(seqs) - 1 if seqs else last

    def poll(self) -> Batch:
        """Return what came since the last call, a page at most.

        Raises:
            AnalyticsError: no answer.
        """
        last = self._last()
        if last <= self._after:
            self._after = last
            return Batch([], more=False)
        rows = self._ask("tail_page", first=self._after + 1, last=last, page_rows=PAGE_ROWS)
        more = len(rows) == PAGE_ROWS
        fresh = [row for row in rows if row["id"] not in self._seen]
        if not self._with_payload:
            self._add_words(fresh)
        self._after = rows[-1]["seq"] if more else last
        self._remember(fresh)
        return Batch(fresh, more)

    def _ask(self, name: str, **values: Any) -> list[Row]:
        values |= self._watched._asdict() | {"with_payload": self._with_payload or None}
        rows: list[Row] = self._client.sql(*queries.query(name, values), timeout=TIMEOUT_SECONDS).to_pylist()
        return rows

    def _last(self) -> int:
        (row,) = self._ask("tail_end")
        return int(row["last"])

    def _add_words(self, rows: list[Row]) -> None:
        if not rows:
            return
        actions = {row["seq"]: row["action"] for row in rows}
        ids = [row["id"] for row in rows]
        found = self._ask("tail_changes", first=min(actions), last=max(actions), ids=ids)
        words = {
            seq: summary(
                Change(**{name: change[name] for name in CHANGED}, action=actions.get(seq)) for change in group
            )
            for seq, group in groupby(found, key=itemgetter("seq"))
        }
        for row in rows:
            row["words"] = words.get(row["seq"], "")

    def _remember(self, rows: list[Row]) -> None:
        self._seen.update((row["id"], None) for row in rows)
        while len(self._seen) > IDS_KEPT:
            del self._seen[next(iter(self._seen))]
