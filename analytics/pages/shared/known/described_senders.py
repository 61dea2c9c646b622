"""Has the pages learn of the senders that the store describes, at most some seconds late."""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Lock

import streamlit as st

from analytics.client.client import Client
from analytics.client.described_senders import Described, read_senders
from analytics.client.keeping import begin
from analytics.errors import AnalyticsError
from analytics.pages.shared.store import open_connection
from analytics.senders import learn, read_edition

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
        self._reading: Future[Described] | None = None
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
                self._reading = begin(self._thread, read_senders, self._client)
            reading = self._reading
        if reading and is_first:
            wait([reading], patience)
        with self._lock:
            if self._reading and self._reading.done():
                reading, self._reading = self._reading, None
                with suppress(AnalyticsError):
                    described = reading.result()
                    learn(described.senders, alone=described.alone)


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
