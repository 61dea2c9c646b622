"""Reads a month of a running store for the lake, by its query service."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver.database.reading import ServiceReader
from receiver.files import read_sql_file
from receiver.keeping.lake.manifest import Month
from receiver.keeping.lake.parts import Key, LakeTable, Parameters, Part, select
from receiver.spool.layout import from_microseconds

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 128 * 1024 * 1024
"""Of the text of a part's rows: as much is sorted in memory, in the store, and held here twice."""


class Measure(NamedTuple):
    """The number of rows, the bytes of their text, and their checksum."""

    rows: int
    bytes: int
    checksum: str


class Fingerprint(NamedTuple):
    """The number of rows of a table in a month, and what tells whether other rows are the same."""

    rows: int
    fingerprint: str


class StoredMonth:
    """A month as the store has it at one moment: what is appended later is left out.

    Args:
        reader: asks the store.
        month: the month.
        last_seq: the last number of that moment.
        most_rows: the most rows that the store answers with.
    """

    def __init__(self, reader: ServiceReader, month: Month, last_seq: int, most_rows: int) -> None:
        self.month = month
        self._reader = reader
        self._most_rows = most_rows
        self._parameters = {
            "begins": month.begins.isoformat(),
            "ends": month.ends.isoformat(),
            "last_seq": last_seq,
        }

    def take_fingerprint(self, table: LakeTable) -> Fingerprint:
        """Return the fingerprint of a table's rows."""
        return Fingerprint(*self._ask_for_one(select("fingerprint", table)))

    def find_parts(self, table: LakeTable) -> Iterator[tuple[Part, Measure]]:
        """Find the parts of a table that have rows, in their order, each small enough."""
        for is_named in (False, True):
            waiting = self._cut(table, Part(is_named), min(table.rows_per_part, self._most_rows))
            while waiting:
                part = waiting.pop(0)
                measure = self.measure(table, part)
                smaller = measure.rows * MOST_BYTES // max(measure.bytes, 1)
                if measure.bytes > MOST_BYTES and measure.rows > 1:
                    waiting = [*self._cut(table, part, max(min(smaller, measure.rows // 2), 1)), *waiting]
                elif measure.rows:
                    yield part, measure

    def measure(self, table: LakeTable, part: Part) -> Measure:
        """Count and sum up the rows of a part."""
        return Measure(*self._ask_for_one(select("measure", table, part), part.make_parameters()))

    def read(self, table: LakeTable, part: Part) -> "pa.Table":
        """Read the rows of a part."""
        return self._reader.read_table(select("read_part", table, part), self._parameters | part.make_parameters())

    def read_ids(self, table: LakeTable, rows: int) -> "pa.Table":
        """Read the ids of a table's rows, of which there are so many."""
        import pyarrow as pa  # noqa: PLC0415 - half a second that others do not need

        slices = 2 * rows // self._most_rows + 1
        query, among = select("ids", table), {**self._parameters, "slices": slices}
        return pa.concat_tables([self._reader.read_table(query, {**among, "slice": each}) for each in range(slices)])

    def _cut(self, table: LakeTable, part: Part, rows: int) -> list[Part]:
        parameters = {**self._parameters, **part.make_parameters(), "rows_per_part": rows}
        found = self._reader.read_rows(select("cuts", table, part), parameters)
        return part.cut([Key(entity, from_microseconds(time).isoformat(), tie) for entity, time, tie in found])

    def _ask_for_one(self, query: str, parameters: Parameters | None = None) -> tuple[Any, ...]:
        (found,) = self._reader.read_rows(query, self._parameters | (parameters or {}))
        return found


def read_months(reader: ServiceReader) -> list[str]:
    """Return the months in which the store has rows, such as `2026-03`."""
    return [month for (month,) in reader.read_rows(read_sql_file(__package__, "months.sql"), [])]


def read_heads(reader: ServiceReader) -> tuple[int, int]:
    """Return the last number of the store, and the version of its schema."""
    ((last_seq, schema_version),) = reader.read_rows(read_sql_file(__package__, "heads.sql"), [])
    return last_seq, schema_version
