"""Reads the notifications of a lake in the order of their receipt: each month once, in bounded memory.

The files of a month have an entity's rows side by side. A month that is too large to be sorted in memory is divided by
time into files on disk, which are sorted one after the other: DuckDB's sort keeps a part of each of its runs in memory,
which long bodies fill.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from analytics.client.arrow_types import convert_types
from analytics.client.lake import LakeSource, Month, describe_failure
from analytics.client.local import Options, interrupt, set_up
from analytics.errors import QueryError
from analytics.times import EPOCH

ROWS_AT_A_TIME = 2_048
BYTES_OF_A_SLICE = 100_000_000
MOST_SLICES = 500  # each is an open file
UTC_MOMENT = pa.timestamp("us", "UTC")
MEMORY = "400MB"
TABLE = "notifications"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NONE = Month(EPOCH, EPOCH, [])


class SortedLake(LakeSource):
    """A lake whose months are read one by one.

    Args:
        location: see `LakeSource`.

    Raises:
        LocationError: there is none, or it can't be read.
        QueryError: no directory for temporary files can be written.
    """

    def __init__(self, location: str) -> None:
        """Find the lake."""
        try:
            self._directory = TemporaryDirectory(prefix="clc-")
        except OSError as error:
            raise QueryError(f"{error.strerror}: make room in one of them, or set TMPDIR to another.") from None
        super().__init__(location)

    def read_notifications(
        self, query: str, parameters: Mapping[str, Any], since: datetime | None, until: datetime | None
    ) -> Iterator[pa.Table]:
        """Yield the rows of a query on `notifications` of each month in turn, in parts, at least an empty one.

        Args:
            query: what to select, in which order.
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
                for rows in self._divide(month):
                    yield from self._read(query, parameters, rows)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:  # nothing else is written
                raise QueryError(
                    f"Months are sorted in {self._directory.name}, which has too little room "
                    f"({os.strerror(error.errno)}): make room there, or set TMPDIR to another directory."
                ) from error
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
        return set_up(duckdb.connect(config=sorting))

    def _divide(self, month: Month) -> Iterator[pa.RecordBatchReader]:
        """Yield the rows of a month in slices of time, the earliest first."""
        rows = self._files.stream(TABLE, month, ROWS_AT_A_TIME)
        size, times = self._measure(month)
        count = min(ceil(size / BYTES_OF_A_SLICE), MOST_SLICES)
        if count <= 1:
            yield rows
            return
        begins = np.quantile(times, [at / count for at in range(1, count)], method="nearest")
        files = [Path(self._directory.name, f"{at}.arrow") for at in range(count)]
        with ExitStack() as opened:
            slices = [opened.enter_context(pa.ipc.new_stream(str(file), rows.schema)) for file in files]
            for batch in rows:
                places = np.searchsorted(begins, as_numbers(batch.column("received_at")), side="right")
                for place in np.unique(places):
                    slices[place].write_batch(batch.filter(pa.array(places == place)))
        for file in files:
            with pa.OSFile(str(file), "rb") as reading:
                yield pa.ipc.open_stream(reading)
            file.unlink()

    def _measure(self, month: Month) -> "tuple[int, pa.ChunkedArray[Any]]":
        """Return the bytes of a month's rows, as its files count them, and the times of their receipt as numbers."""
        size = 0
        times: list[pa.Array[Any]] = []
        for file in self._files.open_files(month.paths):
            size += sum(file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups))
            times += map(as_numbers, file.read(["received_at"]).column(0).chunks)
        return size, pa.chunked_array(times, pa.int64())

    def _read(
        self, query: str, parameters: Mapping[str, Any], notifications: pa.RecordBatchReader
    ) -> Iterator[pa.Table]:
        cursor = self._open_cursor()
        # DuckDB sorts to the end whatever signals come; in another thread it can be interrupted.
        worker = ThreadPoolExecutor(1)
        running: Future[Any] = Future()
        running.set_result(None)
        try:
            cursor.register("lake_notifications", notifications)
            running = worker.submit(lambda: cursor.sql(query, params=parameters).to_arrow_reader(ROWS_AT_A_TIME))
            reader: pa.RecordBatchReader = running.result()
            yield reader.schema.empty_table()
            while True:
                running = worker.submit(next, reader, None)
                batch = running.result()
                if batch is None:
                    return
                yield convert_types(pa.Table.from_batches([batch]))
        finally:
            interrupt(cursor, running)
            worker.shutdown()
            self._end_reading(cursor)


def as_numbers(times: "pa.Array[Any]") -> "pa.Array[Any]":
    """Return times as microseconds since 1970."""
    return times.cast(UTC_MOMENT).cast(pa.int64())
