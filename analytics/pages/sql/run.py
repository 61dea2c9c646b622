"""Runs the SQL page's query in its own thread, so that the page stays usable and the query can be cancelled.

A query ends when its tab is closed, or another page is opened in it.
"""

import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics.client.cancelling import Cancellation
from analytics.client.client import Client
from analytics.errors import AnalyticsError, CancelledError
from analytics.export.results import prepare_rows
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.going import on_leaving
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.store import open_connection
from analytics.text import format_count

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MEBIBYTE = 2**20
ANSWER_BYTES = 256 * MEBIBYTE
"""The most bytes of one answer, as Arrow counts them."""
KEPT_BYTES = 512 * MEBIBYTE
"""The most bytes of all answers that sessions keep, as Arrow counts them."""


class Answer(Protocol):
    """Rows that a session keeps for the next drawing."""

    def let_go(self) -> None:
        """Drop the rows."""


class AnswerCache:
    """The answers that all sessions keep; the oldest are dropped when all together are too large.

    Args:
        most: the most bytes of all answers; the newest stays whatever its size.
    """

    def __init__(self, most: int) -> None:
        """Begin with no answer."""
        self._most = most
        self._sizes: WeakKeyDictionary[Answer, int] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self.making_file = threading.Lock()
        """Allows one file at a time, because making it takes several times the memory of its rows."""

    def add(self, answer: Answer, size: int) -> None:
        """Keep an answer of so many bytes, and drop older ones to make room for it."""
        with self._lock:
            self._sizes[answer] = size
            older = [other for other in self._sizes if other is not answer]
            while older and sum(self._sizes.values()) > self._most:
                oldest = older.pop(0)
                del self._sizes[oldest]
                oldest.let_go()


@st.cache_resource(show_spinner=False)
def open_cache() -> AnswerCache:
    """Return the answers that all sessions keep."""
    return AnswerCache(KEPT_BYTES)


LET_GO = "Its rows were let go, to make room for later answers. Run it again to see them."
RUN = "_sql_run"
HISTORY = "_sql_history"
MOST_REMEMBERED = 5
"""A query is sent to the browser with the next drawing, and kept there."""
LOOK_SECONDS = 0.5
GONE_SECONDS = 2.0

numbers = itertools.count(1)


class Limits(NamedTuple):
    """The longest time of a query, in seconds, and its most rows."""

    seconds: float
    rows: int


class Run:
    """A query, from its start on."""

    def __init__(self, client: Client, sql: str, limits: Limits, gone: Callable[[], bool], cache: AnswerCache) -> None:
        """Start the query; cancel it when `gone` says that the viewer has left.

        Its rows stay until `cache` drops them.
        """
        self.number, self.sql, self.limits, self.at = next(numbers), sql, limits, read_now()
        self.table: pa.Table | None = None
        self.error: AnalyticsError | None = None
        self.seconds: float | None = None
        self._client, self._gone, self._cache = client, gone, cache
        self._frame: pd.DataFrame | None = None
        self._cancellation = Cancellation()
        self._began = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"sql {self.number}", daemon=True).start()
        threading.Thread(target=self._watch, name=f"watch sql {self.number}", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether the query still runs."""
        return not self._ended.is_set()

    @property
    def elapsed(self) -> float:
        """The seconds that the query has taken."""
        return time.monotonic() - self._began if self.seconds is None else self.seconds

    def cancel(self) -> None:
        """End the query in DuckDB."""
        self._cancellation.cancel()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long, and say whether it came."""
        return self._ended.wait(seconds)

    def summarize(self) -> dict[str, Any]:
        """Return the query for the history: how long it took, and its number of rows or the reason why it has none."""
        if self.table is not None:
            end = format_count(self.table.num_rows, "row")
        else:
            end = "failed" if self.error and not isinstance(self.error, CancelledError) else "cancelled"
        return {
            "id": f"{self.number} {self.at.isoformat()}",
            "sql": self.sql,
            "at": self.at.timestamp() * 1000,
            "facts": f"{end} · {format_duration(self.elapsed)}",
        }

    def prepare_frame(self, table: "pa.Table") -> "pd.DataFrame":
        """Return the rows for display, prepared once for all drawings of the page."""
        if self._frame is None:
            self._frame = prepare_rows(table)
        return self._frame

    def let_go(self) -> None:
        """Drop the rows; the page says so."""
        self.error = AnalyticsError(LET_GO)
        self.table = self._frame = None

    def _run(self) -> None:
        try:
            table = self._client.sql(
                self.sql,
                timeout=self.limits.seconds,
                max_rows=self.limits.rows,
                max_bytes=ANSWER_BYTES,
                cancellation=self._cancellation,
            )
            self.table = table
            self._cache.add(self, table.nbytes)
        except AnalyticsError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - the waiting page must learn of any error
            self.error = AnalyticsError(f"The answer can't be read: {type(error).__name__}: {error}")
        finally:
            self.seconds = time.monotonic() - self._began
            self._ended.set()

    def _watch(self) -> None:
        missed = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            missed = missed + LOOK_SECONDS if self._gone() else 0.0
            if missed >= GONE_SECONDS:  # longer than a browser takes to connect anew
                self.cancel()


def watch_session() -> Callable[[], bool]:
    """Return a function that says whether this session's browser has gone; without a session it says no."""
    context = get_script_run_ctx()
    if context is None or not exists():
        return lambda: False
    session, runtime = context.session_id, get_instance()
    return lambda: not runtime.is_active_session(session)


def read_run() -> Run | None:
    """Return this session's running or last query."""
    run: Run | None = read_memory().get(RUN)
    return run


def start(sql: str, limits: Limits) -> Run:
    """Run SQL; cancel a query that still runs."""
    cancel()
    on_leaving("query", cancel)
    # Streamlit may end a drawing where it looks at its state, so that is done before the query begins.
    memory = read_memory()
    memory[RUN] = run = Run(open_connection().client, sql, limits, watch_session(), open_cache())
    return run


def cancel() -> None:
    """Cancel this session's query, if one runs."""
    if (run := read_run()) and run.running:
        run.cancel()
        run.wait(LOOK_SECONDS)  # a thread that reads from a broken connection ends at once
        note_run(run)


def note_run(run: Run) -> None:
    """Add a query to the session's history, once."""
    past, latest = list_past(), run.summarize()
    if all(each["id"] != latest["id"] for each in past):
        st.session_state[HISTORY] = [latest, *past][:MOST_REMEMBERED]


def list_past() -> list[dict[str, Any]]:
    """Return the session's latest queries that are over, the newest first, for the browser to keep."""
    past: list[dict[str, Any]] = st.session_state.get(HISTORY, [])
    return past


def format_duration(seconds: float) -> str:
    """Return a duration as text."""
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"
