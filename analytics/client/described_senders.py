"""Reads the senders that the store describes, so that pages and notebooks have their colours and words."""

from collections import defaultdict
from typing import NamedTuple

from analytics import queries
from analytics.client.client import Client
from analytics.senders import learn
from analytics.senders.described import Seen, as_sender
from analytics.senders.sender import Sender


class Described(NamedTuple):
    """The senders that a store describes; `alone` where it has notifications of them and of no other."""

    senders: list[Sender]
    alone: bool


def learn_senders(client: Client) -> bool:
    """Learn the senders that the store describes, in place of those that were learned before; a lake describes none.

    Returns:
        Whether the store has a table of senders.

    Raises:
        AnalyticsError: the store does not answer.
    """
    has_table = client.sql(*queries.make_query("table_of_senders", {})).num_rows > 0
    described = read_senders(client) if has_table else Described([], alone=False)
    learn(described.senders, alone=described.alone)
    return has_table


def read_senders(client: Client) -> Described:
    """Return the senders that the store describes, each with the event types that it has of it.

    Raises:
        AnalyticsError: the store does not answer.
    """
    rows = client.sql(*queries.make_query("senders", {})).to_pylist()
    seen: defaultdict[str, list[Seen]] = defaultdict(list)
    if rows:
        for row in client.sql(*queries.make_query("event_types_of_senders", {})).to_pylist():
            seen[row["sender"]].append(Seen(row["event_type"] or "", row["category"], row["first"]))
    # Asked only where another sender was heard: a store with one sender is asked nothing more.
    alone = bool(seen) and not client.sql(*queries.make_query("one_of_shipped", {})).num_rows
    senders = [as_sender(row["name"], row["title"], row["description"], seen[row["name"]]) for row in rows]
    return Described(senders, alone)
