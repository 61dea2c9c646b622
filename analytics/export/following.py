"""Follows the notifications of a location in their order: each new one once, with its changes in words."""

from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from analytics import queries
from analytics.client.client import Client
from analytics.client.completeness import ask_dropped
from analytics.client.described_senders import learn_senders
from analytics.client.lake import is_lake
from analytics.senders import list_alerts, list_learned, list_shipped
from analytics.times import to_microseconds
from analytics.words.sentences import Change, MetricState, summarize_alert, summarize_changes

PAGE_ROWS = 200
IDS_KEPT = 50_000
TIMEOUT_SECONDS = 20.0
CHANGED = ("category", "entity_id", "actor", "path", "kind", "old_value", "new_value", "sender")

Row = dict[str, Any]


class TailFilter(NamedTuple):
    """A choice of notifications: by account, by event or category, and by a part of the entity's name; None is all."""

    accounts: list[str] | None = None
    events: list[str] | None = None
    entity: str | None = None


class Batch(NamedTuple):
    """Notifications in order, and whether more are waiting."""

    rows: list[Row]
    more: bool


class Place(NamedTuple):
    """A notification's place in their order: a number and its id."""

    number: int
    id: str


FIRST_ID, LAST_ID = (str(UUID(int=number)) for number in (0, 2**128 - 1))


class Follower:
    """Asks for the notifications since its last question.

    A failed question changes nothing: the next answer has everything. A store that lost its latest rows to a damaged
    disk gets them from the spool again, under new numbers; so the ids are kept, and none comes twice.

    Args:
        client: asks the store.
        watched: the choice of notifications.
        with_payload: rows have all columns, also `payload`; else they have `words`: the changes, or the alert, in the
            words that the store has of their sender.
    """

    def __init__(self, client: Client, watched: TailFilter, *, with_payload: bool) -> None:
        self._client = client
        self._watched = watched
        self._with_payload = with_payload
        self._after = Place(0, FIRST_ID)
        # Each month of a lake has the numbers of the store that wrote it.
        self._order = "by_time" if is_lake(client.location) else "by_seq"
        self._seen: dict[str, None] = {}
        # A store of an older version knows no sender, and rows with their payload have it in a place of its own.
        self._with_senders: bool | None = None
        self._looked_for: set[tuple[str, str]] = set()

    def start(self, newest: int) -> datetime | None:
        """Begin with so many of the newest chosen notifications.

        Returns:
            The earliest receipt among them; None if the store has no more than these, or has dropped later ones.

        Raises:
            AnalyticsError: no answer.
        """
        if not self._with_payload:
            self._with_senders = learn_senders(self._client) or self._order == "by_time" or None
        last = self._read_last()
        rows = self._ask_watched("tail_newest", last=last, page_rows=newest + 1)
        if len(rows) <= newest:
            return None
        self._after = Place(rows[newest]["number"], rows[newest]["id"])
        if self._order == "by_seq" and self._find_last_dropped() > self._after.number:
            return None  # of an archive that was imported after them
        # Those of an archive that was imported are among the newest, and were received long before.
        earliest: datetime = min(row["received_at"] for row in rows[: max(newest, 1)])
        return earliest

    def poll(self) -> Batch:
        """Return the notifications since the last call, at most a page.

        Raises:
            AnalyticsError: no answer.
        """
        last = self._read_last()
        end = Place(last, LAST_ID)
        if end <= self._after:
            self._after = end
            return Batch([], more=False)
        rows = self._ask_watched("tail_page", **self._after._asdict(), last=last, page_rows=PAGE_ROWS)
        more = len(rows) == PAGE_ROWS
        fresh = [row for row in rows if row["id"] not in self._seen]
        if not self._with_payload:
            self._add_words(fresh)
        self._after = self._find_place(rows[-1]) if more else end
        self._remember(fresh)
        return Batch(fresh, more)

    def _find_place(self, row: Row) -> Place:
        return Place(row["seq"] if self._order == "by_seq" else to_microseconds(row["received_at"]), row["id"])

    def _ask_watched(self, name: str, **values: Any) -> list[Row]:
        """Ask a query for chosen notifications."""
        return self._ask(name, **self._watched._asdict(), with_payload=self._with_payload or None, **values)

    def _ask(self, name: str, **values: Any) -> list[Row]:
        values |= {self._order: True, "with_senders": self._with_senders}
        rows: list[Row] = self._client.sql(*queries.make_query(name, values), timeout=TIMEOUT_SECONDS).to_pylist()
        return rows

    def _read_last(self) -> int:
        (row,) = self._ask("tail_end")
        return int(row["last" if self._order == "by_seq" else "latest"])

    def _find_last_dropped(self) -> int:
        (row,) = ask_dropped(lambda **given: self._ask("tail_end", **given))
        return int(row.get("last_dropped") or 0)

    def _add_words(self, rows: list[Row]) -> None:
        if not rows:
            return
        self._learn_new_senders(rows)
        actions = {row["id"]: row["action"] for row in rows}
        seqs = [row["seq"] for row in rows]
        changes = self._ask("tail_changes", first=min(seqs), last=max(seqs), ids=[*actions])
        words = {
            identity: summarize_changes(
                Change(**{name: change[name] for name in CHANGED if name in change}, action=actions[identity])
                for change in group
            )
            for identity, group in groupby(changes, key=itemgetter("id"))
        }
        words |= self._describe_alerts(rows)
        for row in rows:
            row["words"] = words.get(row["id"], "")

    def _learn_new_senders(self, rows: list[Row]) -> None:
        """Learn the store's senders again, once for each event of another sender that was not known to be theirs."""
        if not self._with_senders:
            return
        told = {(row["sender"], row["event_type"]) for row in rows if row["event_type"]}
        others = {each for each in told if each[0] not in {sender.name for sender in list_shipped()}}
        known = {(sender.name, event.name) for sender in list_learned() for event in sender.events}
        if new := others - known - self._looked_for:
            learn_senders(self._client)
            self._looked_for |= new

    def _describe_alerts(self, rows: list[Row]) -> dict[str, str]:
        words: dict[str, str] = {}
        for alert in list_alerts():
            if seqs := [row["seq"] for row in rows if row["category"] == alert.category]:
                for row in self._ask(alert.first_states, seqs=seqs, first=min(seqs), last=max(seqs)):
                    told = [MetricState(each["metric"], each["state"]) for each in row["states"]]
                    words[row["id"]] = summarize_alert(told, row["number"])
        return words

    def _remember(self, rows: list[Row]) -> None:
        self._seen.update((row["id"], None) for row in rows)
        while len(self._seen) > IDS_KEPT:
            del self._seen[next(iter(self._seen))]
