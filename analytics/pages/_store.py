"""The dashboard's connection to the store."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.connections import BaseConnection

from analytics import queries
from analytics.client import Client, connect
from analytics.pages._answers import answer, away

AT_ONCE = 4  # as many as the query service runs; viewers share them, so that none is told that it is busy


class StoreConnection(BaseConnection[Client]):
    """A client as an `st.connection`, shared by all viewers."""

    def _connect(self, location: str | None = None, **_: Any) -> Client:
        return connect(location)

    def df(self, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
        """Run one SELECT and return a DataFrame."""
        return self._instance.df(sql, parameters)

    @property
    def client(self) -> Client:
        """Return the client itself."""
        return self._instance

    def status(self) -> dict[str, Any]:
        """Return how the receiver is."""
        return self._instance.status()

    def close(self) -> None:
        """Close the client."""
        if self._raw_instance is not None:
            self._raw_instance.close()


def location() -> str | None:
    """Return where the dashboard was told to read from, if it was."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--location")
    return str(found) if (found := parser.parse_known_args(sys.argv[1:])[0].location) else None


def connection() -> StoreConnection:
    """Return the connection, shared by all viewers."""
    return st.connection("store", type=StoreConnection, location=location())


def ask(name: str, **values: Any) -> pd.DataFrame:
    """Run one of the queries and return its rows.

    Raises:
        AnalyticsError: it can't be run now.
    """
    asked = queries.query(name, values)
    return answer(asked, lambda: connection().df(*asked))


@st.cache_resource(show_spinner=False)
def askers() -> ThreadPoolExecutor:
    """Return the threads that run queries for all viewers."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask")


def ask_together(asked: Mapping[str, Mapping[str, Any]]) -> Callable[[str], pd.DataFrame]:
    """Begin to run several of the queries, each with its values, in their order and some at a time.

    Returns:
        What waits for one of them and returns its rows, or raises `AnalyticsError` where it can't be run now. So what
        is there can be drawn while others still run.
    """
    df = connection().client.df
    texts = {name: queries.query(name, values) for name, values in asked.items()}
    running = {} if away() else {name: askers().submit(df, *query) for name, query in texts.items()}
    return lambda name: answer(texts[name], lambda: running[name].result())  # noqa: PLW0108 - while away none runs


def ask_status() -> dict[str, Any]:
    """Return how the receiver is.

    Raises:
        AnalyticsError: it can't be asked now.
    """
    return answer("status", connection().status)


def moment(value: Any) -> datetime | None:
    """Return a timestamp of a DataFrame as a moment in UTC; None where there is none."""
    return None if pd.isna(value) else pd.Timestamp(value).tz_convert(UTC).to_pydatetime()


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a DataFrame as named tuples."""
    yield from frame.itertuples()


def known(value: Any) -> Any:
    """Return a value of a DataFrame, None where it is NULL."""
    return None if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)) else value
