"""Adds late notifications to a month of the lake that the store has dropped: the files that are there stay."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from receiver.database.opening import run
from receiver.files import sql_file
from receiver.keeping.lake.manifest import LakeFile, TableFiles
from receiver.keeping.lake.parts import LakeTable
from receiver.keeping.lake.place import CheckedRows, open_memory, sum_up

if TYPE_CHECKING:
    import pyarrow as pa


class LateRows:
    """The rows of parts that have some ids.

    Args:
        table: their table.
        parts: rows of the store.
        ids: the ids.
    """

    def __init__(self, table: LakeTable, parts: Iterable["pa.Table"], ids: "pa.Table") -> None:
        self._table = table
        self._parts = parts
        self._ids = ids
        self._fingerprint = 0

    def read(self) -> Iterator[CheckedRows]:
        """Read them, part by part."""
        for part in self._parts:
            rows = self._choose(part)
            if rows.num_rows:
                yield CheckedRows(rows, sum_up(rows)[1])

    def add_to(self, before: TableFiles, file: LakeFile) -> TableFiles:
        """Return the files of a table with the one into which all these rows were written."""
        fingerprint = str(int(before.fingerprint) + self._fingerprint)
        return TableFiles(before.rows + file.rows, fingerprint, (*before.files, file))

    def _choose(self, part: "pa.Table") -> "pa.Table":
        with open_memory() as memory:
            memory.register("file", part)
            memory.register("ids", self._ids)
            rows: pa.Table = memory.sql(sql_file(__package__, "late_rows.sql")).to_arrow_table()
            memory.register("rows", rows)
            query = sql_file("receiver.keeping.lake", "fingerprint.sql").replace("/* told */", self._table.told)
            ((_, fingerprint),) = run(memory, query.replace("(/* rows */) AS rows", "rows"))
        self._fingerprint += int(fingerprint)
        return rows
