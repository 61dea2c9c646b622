"""Asks a lake in this process, with the protections of the query service."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import duckdb
import pyarrow as pa

from analytics.client.cancelling import Cancellation
from analytics.client.lake.files import LakeFiles
from analytics.client.local import PROTECTION, DuckDBSource, set_up
from analytics.errors import QueryError
from analytics.senders import sql_files

_TRIES = 3


class LakeSource(DuckDBSource):
    """A lake. Each query finds the months again, because some may have been added or replaced since the last query."""

    def __init__(self, location: str) -> None:
        """Find the lake.

        Raises:
            LocationError: there is none, or it can't be read.
        """
        self._files = LakeFiles(location)
        self._files.open_tables()
        views = [*(files(__package__) / "views").iterdir(), *sql_files("views")]
        self._views = [view.read_text(encoding="utf-8") for view in sorted(views, key=lambda view: view.name)]
        super().__init__(location)

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None,
        timeout: float | None,
        max_rows: int | None,
        cancellation: Cancellation | None = None,
        max_bytes: int | None = None,
    ) -> pa.Table:
        """Run one SELECT and return all its rows; again, if a month was replaced meanwhile and its files are gone."""
        tries = _TRIES
        while True:
            tables = self._files.open_tables()
            try:
                return super().sql(query, parameters, timeout, max_rows, cancellation, max_bytes)
            except QueryError as error:
                tries -= 1
                if not tries or type(error) is not QueryError or self._files.open_tables() is tables:
                    raise

    def _open(self) -> duckdb.DuckDBPyConnection:
        return set_up(duckdb.connect(config={**PROTECTION, "lock_configuration": False}))

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        tables = self._files.open_tables()
        cursor = super()._open_cursor()
        for name, dataset in tables.items():
            cursor.register(f"lake_{name}", dataset)
        for view in self._views:
            for statement in cursor.extract_statements(view):
                cursor.execute(statement)
        return cursor
