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
from analytics.pages.shared.store import list_rows, null_to_none, open_connection
from analytics.senders import learn, read_edition
from analytics.senders.described import Seen, as_sender
from analytics.senders.sender import Sender

LOOK_AGAIN_SECONDS = 10.0
PATIENCE_SECONDS = 0.5
"""The first page waits so long; a silent store keeps no page from being drawn."""
DRAWN_WITH = "_senders"


class SenderWatch:
    """Reads the senders in a thread of its own, for all viewers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="senders")
        self._lock = Lock()
        self._reading: Future[tuple[list[Sender], bool]] | None = None
        self._again_at = 0.0

    def look(self, patience: float = 0.0) -> None:
        """Learn the senders that were read last, and read them again if that was some time ago.

        Args:
            patience: the seconds that the first look waits for its reading.
        """
        with self._lock:
            is_first = not self._again_at
            if self._reading is None and time.monotonic() >= self._again_at:
                self._again_at = time.monotonic() + LOOK_AGAIN_SECONDS
                self._reading = self._thread.submit(self._read)
            reading = self._reading
        if reading and is_first:
            wait([reading], patience)
        with self._lock:
            if self._reading and self._reading.done():
                reading, self._reading = self._reading, None
                with suppress(AnalyticsError):
                    described, alone = reading.result()
                    learn(described, alone=alone)

    def _read(self) -> tuple[list[Sender], bool]:
        described = self._client.sql(*queries.make_query("senders", {})).to_pandas()
        seen: defaultdict[str, list[Seen]] = defaultdict(list)
        if len(described):
            types = self._client.sql(*queries.make_query("event_types_of_senders", {})).to_pandas()
            for row in list_rows(types):
                seen[row.sender].append(Seen(row.event_type, row.category, null_to_none(row.action)))
        # Asked only where another sender was heard: a store with one sender is asked nothing more.
        alone = bool(seen) and not len(self._client.sql(*queries.make_query("one_of_shipped", {})).to_pandas())
        return [as_sender(row.name, row.title, row.description, seen[row.name]) for row in list_rows(described)], alone


@st.cache_resource(show_spinner=False)
def watch() -> SenderWatch:
    """Return the watch that all viewers share."""
    return SenderWatch(open_connection().client)


def learn_senders() -> None:
    """Learn the senders that the store describes, before a page is drawn."""
    with suppress(AnalyticsError):
        watch().look(PATIENCE_SECONDS)
    st.session_state[DRAWN_WITH] = read_edition()


def look_for_senders() -> int:
    """Look whether the store describes other senders; return the edition of what is known of them."""
    with suppress(AnalyticsError):
        watch().look()
    return read_edition()


def read_drawn_edition() -> int:
    """Return the edition with which the viewer's page was drawn."""
    drawn: int = st.session_state.setdefault(DRAWN_WITH, read_edition())
    return drawn
