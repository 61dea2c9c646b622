"""Reads the notifications of a lake in the order of their receipt: each month once, in bounded memory.

The files of a month have an entity's rows side by side. DuckDB sorts them, on disk where they need more memory, and
long bodies are in a file of their own meanwhile.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import duckdb
import pyarrow as pa

from analytics.client.arrow_types import convert_types
from analytics.client.lake import LakeSource, Month, describe_failure
from analytics.client.local import PROTECTION, Options, interrupt, set_up
from analytics.errors import QueryError
from analytics.export.long_bodies import LongBodies
from analytics.times import EPOCH

ROWS_AT_A_TIME = 200
MEMORY = "400MB"
TABLE = "notifications"
NONE = Month(EPOCH, EPOCH, [])


class SortedLake(LakeSource):
    """A lake whose months are read one by one.

    Args:
        location: see `LakeSource`.

    Raises:
        LocationError: there is none, or it can't be read.
    """

    def __init__(self, location: str) -> None:
        """Find the lake."""
        self._directory = TemporaryDirectory(prefix="clc-")
        super().__init__(location)

    def read_notifications(
        self, query: str, parameters: Mapping[str, Any], since: datetime | None, until: datetime | None
    ) -> Iterator[pa.Table]:
        """Yield the rows of a query on `notifications` of each month in turn, in parts, at least an empty one.

        Args:
            query: what to select, in which order; each `payload` as a text.
            parameters: its parameters.
            since: the begin of the time that the query chooses, None for the first of all.
            until: its end.

        Raises:
            QueryError: the query fails, or a month was replaced meanwhile.
        """
        tables = self._files.open_tables()
        months = [each for each in self._files.list_months(TABLE) if each.lies_in(since, until)]
        try:
            for month in months or [NONE]:
                with TemporaryFile(dir=self._directory.name) as file:
                    stored = self._files.stream(TABLE, month, ROWS_AT_A_TIME)
                    yield from self._read(query, parameters, stored, LongBodies(file))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if self._files.open_tables() is tables:
                said = describe_failure(error).partition(" Detail: Python exception")[0]  # a traceback comes next
                raise QueryError(said) from error
            raise QueryError("A month of the lake was replaced meanwhile: run this again.") from error

    def close(self) -> None:
        """Close it, and delete what was sorted on disk."""
        super().close()
        self._directory.cleanup()

    def _open(self, path: str) -> duckdb.DuckDBPyConnection:  # noqa: ARG002 - a lake is no file
        sorting: Options = {"memory_limit": MEMORY, "threads": 1, "temp_directory": self._directory.name}
        return set_up(duckdb.connect(config={**PROTECTION, **sorting, "lock_configuration": False}))

    def _read(
        self, query: str, parameters: Mapping[str, Any], stored: pa.RecordBatchReader, bodies: LongBodies
    ) -> Iterator[pa.Table]:
        cursor = self._open_cursor()
        # DuckDB sorts to the end whatever signals come; in another thread it can be interrupted.
        worker = ThreadPoolExecutor(1)
        running: Future[Any] = Future()
        running.set_result(None)
        try:
            narrow = pa.RecordBatchReader.from_batches(stored.schema, map(bodies.put_aside, stored))
            cursor.register("lake_notifications", narrow)
            running = worker.submit(lambda: cursor.sql(query, params=parameters).to_arrow_reader(ROWS_AT_A_TIME))
            reader: pa.RecordBatchReader = running.result()
            yield reader.schema.empty_table()
            while True:
                running = worker.submit(next, reader, None)
                batch = running.result()
                if batch is None:
                    return
                yield convert_types(pa.Table.from_batches([bodies.restore(batch)]))
        finally:
            interrupt(cursor, running)
            worker.shutdown()
            self._reading.discard(cursor)
            cursor.close()
