"""The dashboard's connection to the store."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd
import streamlit as st
from streamlit.connections import BaseConnection
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics import queries
from analytics.client.arrow_types import make_frame
from analytics.client.cancelling import Cancellation
from analytics.client.client import Client, connect
from analytics.client.keeping import begin
from analytics.client.pulse import ListenerPulse, Pulse, find_store_failure
from analytics.errors import NoStatusError, SilentError
from analytics.pages.shared.answers import answer, read_silence
from analytics.settings import as_url, read_settings

AT_ONCE = 4  # as many as the query service runs; viewers share them, so that it never answers "busy"
LOOK_SECONDS = 0.1
PATH_HINT = "Replace SECRET with the value of CLC_URL_SECRET, which no page shows."

T = TypeVar("T")


class StoreConnection(BaseConnection[Client]):
    """A client as an `st.connection`, shared by all viewers."""

    def _connect(self, location: str | None = None, **_: Any) -> Client:
        return connect(location)

    def df(self, sql: str, parameters: Mapping[str, Any], cancellation: Cancellation | None = None) -> pd.DataFrame:
        """Run one SELECT and return a DataFrame."""
        return make_frame(self._instance.sql(sql, parameters, cancellation=cancellation))

    @property
    def client(self) -> Client:
        """Return the client itself."""
        return self._instance

    def status(self) -> dict[str, Any]:
        """Return the receiver's status."""
        return self._instance.status()

    def close(self) -> None:
        """Close the client."""
        if self._raw_instance is not None:
            self._raw_instance.close()


def find_location() -> str | None:
    """Return the location in the dashboard's arguments; None without one."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--location")
    return str(place) if (place := parser.parse_known_args(sys.argv[1:])[0].location) else None


def open_connection() -> StoreConnection:
    """Return the connection, shared by all viewers."""
    return st.connection("store", type=StoreConnection, location=find_location())


@st.cache_resource(show_spinner=False)
def open_pulse() -> Pulse:
    """Return the watch over the store, shared by all viewers."""
    return Pulse(open_connection().client, lambda: find_store_failure(read_settings()))


@st.cache_resource(show_spinner=False)
def open_listener_pulse() -> ListenerPulse:
    """Return the watch over the listeners, shared by all viewers."""
    return ListenerPulse(read_settings)


@st.cache_resource(show_spinner=False)
def open_askers() -> ThreadPoolExecutor:
    """Return the threads that ask the store for all viewers."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask")


class Question(Generic[T]):
    """A question that a thread asks the store; the page waits for it only while the store answers at all."""

    def __init__(self, question: Callable[[Cancellation], T]) -> None:
        self._cancellation = Cancellation()
        self._running: Future[T] = begin(open_askers(), question, self._cancellation)

    def await_result(self) -> T:
        """Wait for the answer; withdraw the question when the store falls silent, or the viewer goes elsewhere.

        Raises:
            AnalyticsError: it can't be answered now.
        """
        try:
            while not wait([self._running], LOOK_SECONDS).done:
                end_if_silent()
                end_if_left()
        except BaseException:
            self._running.cancel()
            self._cancellation.cancel()
            raise
        return self._running.result()


def end_if_silent() -> None:
    """Raise an error where the store does not answer.

    Raises:
        SilentError: it does not answer.
    """
    if silence := open_pulse().find_silence():
        raise SilentError(silence.reason)


def end_if_left() -> None:
    """End the current drawing where the viewer has clicked something else."""
    if context := get_script_run_ctx():
        context.yield_check()


@contextmanager
def hold(lock: Lock) -> Iterator[None]:
    """Hold a lock that another viewer's drawing may have; the wait ends as that for an answer does.

    Raises:
        SilentError: the store does not answer.
    """
    while not lock.acquire(timeout=LOOK_SECONDS):
        end_if_silent()
        end_if_left()
    try:
        yield
    finally:
        lock.release()


def run(name: str, **values: Any) -> pd.DataFrame:
    """Run one of the queries and return its rows, without kept answers.

    Raises:
        AnalyticsError: it can't be run now.
    """
    return run_query(queries.make_query(name, values))


def run_query(query: tuple[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Run a query, given as SQL and values, and return its rows.

    Raises:
        AnalyticsError: it can't be run now.
    """
    df = open_connection().df
    return Question(lambda cancellation: df(*query, cancellation)).await_result()


def ask(name: str, **values: Any) -> pd.DataFrame:
    """Run one of the queries and return its rows, or the kept answer of the same drawing.

    Raises:
        AnalyticsError: it can't be run now.
    """
    return answer(queries.make_query(name, values), lambda: run(name, **values))


def ask_together(values_by_name: Mapping[str, Mapping[str, Any]]) -> Callable[[str], pd.DataFrame]:
    """Start several queries with their values, in their order and some at a time.

    Returns:
        A function that waits for one of them and returns its rows, or raises `AnalyticsError` where it can't be run
        now. So answers can be drawn while other queries run.
    """
    df = open_connection().df
    texts = {name: queries.make_query(name, values) for name, values in values_by_name.items()}

    def begin(query: tuple[str, dict[str, Any]]) -> Question[pd.DataFrame]:
        return Question(lambda cancellation: df(*query, cancellation))

    running = {} if read_silence() else {name: begin(query) for name, query in texts.items()}
    return lambda name: answer(texts[name], lambda: running[name].await_result())  # noqa: PLW0108 - while away none runs


def ask_status() -> dict[str, Any]:
    """Return the receiver's status.

    Raises:
        AnalyticsError: it can't be asked now.
    """
    status = open_connection().status
    return answer("status", lambda: Question(lambda _: status()).await_result())


class Receiver(NamedTuple):
    """Where the receiver takes notifications: its URL as its machine reaches it, and whether paths hold a secret."""

    url: str
    has_url_secret: bool

    @property
    def secret_part(self) -> str:
        """Return what stands in paths for the secret that no page shows; empty where there is none."""
        return "SECRET/" if self.has_url_secret else ""


def find_receiver() -> Receiver:
    """Return where the receiver takes notifications: what it says itself, else what the settings of this machine say.

    Raises:
        AnalyticsError: it can't be asked now.
    """
    settings = read_settings()
    by_settings = Receiver(as_url(settings.listen), settings.url_secret is not None)
    try:
        values = {str(figure["name"]): figure.get("value") for figure in ask_status().get("figures") or []}
    except NoStatusError:
        return by_settings
    scheme, _, listen = str(values.get("listen") or "").partition("://")
    return Receiver(as_url(listen).replace("http", scheme, 1), "url_secret" in values) if listen else by_settings


def to_moment(value: Any) -> datetime | None:
    """Convert a timestamp of a DataFrame to a moment in UTC; None where it is missing."""
    return None if pd.isna(value) else pd.Timestamp(value).tz_convert(UTC).to_pydatetime()


def list_rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a DataFrame as named tuples."""
    yield from frame.itertuples()


def find_sender_of_row(row: Any) -> str | None:
    """Return the sender of a row; None where the store has one sender, because rows don't name it then."""
    name: str | None = getattr(row, "sender", None)
    return name


def null_to_none(value: Any) -> Any:
    """Return a value of a DataFrame; None where it is NULL."""
    return None if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)) else value
