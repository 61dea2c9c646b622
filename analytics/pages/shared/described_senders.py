"""Has the pages learn of the senders that the store describes, at most some seconds late."""

import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Lock

import streamlit as st

from analytics import queries
from analytics.client.client import Client
from analytics.errors import AnalyticsError
from analytics.pages.shared.store import connection, null_to_none, records
from analytics.senders import learn
from analytics.senders.described import Seen, as_sender
from analytics.senders.sender import Sender

LOOK_AGAIN_SECONDS = 10.0
PATIENCE_SECONDS = 0.5
"""The first page waits so long; a silent store keeps no page from being drawn."""


class SenderWatch:
    """Reads the senders in a thread of its own, for all viewers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="senders")
        self._lock = Lock()
        self._reading: Future[tuple[list[Sender], bool]] | None = None
        self._again_at = 0.0

    def look(self) -> None:
        """Learn the senders that were read last, and read them again if that was some time ago."""
        with self._lock:
            if self._reading is None:
                if time.monotonic() < self._again_at:
                    return
                patience = 0.0 if self._again_at else PATIENCE_SECONDS
                self._again_at = time.monotonic() + LOOK_AGAIN_SECONDS
                self._reading = self._thread.submit(self._read)
                wait([self._reading], patience)
            if self._reading.done():
                reading, self._reading = self._reading, None
                with suppress(AnalyticsError):
                    described, alone = reading.result()
                    learn(described, alone=alone)

    def _read(self) -> tuple[list[Sender], bool]:
        described = self._client.sql(*queries.query("senders", {})).to_pandas()
        seen: defaultdict[str, list[Seen]] = defaultdict(list)
        if len(described):
            types = self._client.sql(*queries.query("event_types_of_senders", {})).to_pandas()
            for row in records(types):
                seen[row.sender].append(Seen(row.event_type, row.category, null_to_none(row.action)))
        # Asked only where another sender was heard: a store with one sender is asked nothing more.
        alone = bool(seen) and not len(self._client.sql(*queries.query("one_of_shipped", {})).to_pandas())
        return [as_sender(row.name, row.title, row.description, seen[row.name]) for row in records(described)], alone


@st.cache_resource(show_spinner=False)
def watch() -> SenderWatch:
    """Return the watch that all viewers share."""
    return SenderWatch(connection().client)


def learn_senders() -> None:
    """Learn the senders that the store describes."""
    with suppress(AnalyticsError):
        watch().look()
