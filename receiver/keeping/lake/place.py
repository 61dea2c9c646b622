"""The lake's place: Parquet files and manifests, below `lake/` in object storage or a directory.

`lake/TABLE/month=2026-03/part-….parquet` holds rows, as other programs know such trees. The manifest
`lake/manifests/2026-03.json` says which files count. It is written last, once each file was read back, and replaced in
one step: whatever is killed, a month is there as before or as after, whole.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import duckdb

from receiver.database.opening import run
from receiver.errors import DamagedObjectError
from receiver.files import read_sql_file
from receiver.keeping.lake.manifest import LakeFile, Manifest, Month, parse_manifest, parse_month, write_manifest
from receiver.keeping.lake.parts import TABLES, LakeTable
from receiver.keeping.objects.storage import Storage

if TYPE_CHECKING:
    import pyarrow as pa

_FOLDER, _MANIFESTS, _ENDING = "lake", "manifests", ".json"
_OWN_FILE = re.compile(rf"({'|'.join(table.name for table in TABLES)})/month=[\d-]+/part-\d+-[0-9a-f]{{12}}\.parquet")
_OWN_MANIFEST = re.compile(rf"{_MANIFESTS}/(\d{{4}}-(?:0[1-9]|1[0-2])){_ENDING}")
_ROWS_AT_A_TIME = 4_096
_WITHOUT_DICTIONARY = {"id", "notification_id", "signature", "payload", "headers", "body", "seq"}
_LEVEL = 6
_LEFT_OVER = timedelta(hours=1)
"""How old a file is at least that no manifest names, until it goes: another machine may be writing it now."""
_MEMORY = "512MB"


class Listed(NamedTuple):
    """An object that is there: its size, and when it was written."""

    bytes: int
    written_at: datetime


class CheckedRows(NamedTuple):
    """Rows, and the checksum that they must have, by `measure.sql`."""

    rows: "pa.Table"
    checksum: str


class LakePlace:
    """The place of a lake.

    Args:
        url: see `Storage`.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, url: str) -> None:
        self._storage = Storage(url)

    def __str__(self) -> str:
        """Return it as messages name it."""
        return str(self._storage)

    def list_objects(self) -> dict[str, Listed]:
        """Return all objects of the lake by their path below it.

        Raises:
            ObjectsError: the place can't be used.
        """
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - as `Storage.files`

        top = self._make_path("")
        with self._storage.errors():
            found = self._storage.files.get_file_info(FileSelector(top, recursive=True, allow_not_found=True))
        return {each.path.removeprefix(top): Listed(each.size, each.mtime) for each in found if each.is_file}

    def read_manifest(self, month: Month) -> Manifest:
        """Read the manifest of a month that has one.

        Raises:
            DamagedObjectError: it is damaged.
            ObjectsError: the place can't be used.
        """
        name = name_manifest(month)
        with self._storage.errors():
            content = b"".join(self._storage.read(self._make_path(name)))
        try:
            return parse_manifest(content, month)
        except ValueError:
            raise DamagedObjectError(
                f"{self}: {_FOLDER}/{name} is damaged, so nothing of {month} is written: delete it, and a machine that "
                "has the month writes it anew."
            ) from None

    def write_manifest(self, manifest: Manifest) -> None:
        """Make the files of a manifest those of its month.

        Raises:
            ObjectsError: the place can't be used.
        """
        with self._storage.errors():
            self._storage.make_folder(self._make_path(_MANIFESTS))
            self._storage.write(self._make_path(name_manifest(manifest.month)), write_manifest(manifest))

    def write_file(self, parts: Iterable[CheckedRows], table: str, month: Month, number: int) -> LakeFile:
        """Write parts as a file of a table, and read it back.

        Args:
            parts: the parts, at least one, in order.
            table: the table.
            month: the month.
            number: the file's place among those of the table.

        Raises:
            DamagedObjectError: other rows came back.
            ObjectsError: the place can't be used.
        """
        folder = f"{table}/month={month}"
        name = f"{folder}/part-{number:05d}-{uuid4().hex[:12]}.parquet"
        with self._storage.errors():
            self._storage.make_folder(self._make_path(folder))
            with self._storage.files.open_output_stream(self._make_path(name)) as writing:
                count, checksum = _write_parquet(parts, writing)
            self._storage.sync(self._make_path(name))
            size = self._storage.files.get_file_info(self._make_path(name)).size
            measured = self._measure(name)
        if measured != (count, str(checksum)):
            raise DamagedObjectError(
                f"{self}: {_FOLDER}/{name} has other rows than the store: those changed meanwhile, or it is damaged."
            )
        return LakeFile(name, size, count, str(checksum))

    def read_missing(self, old: Sequence[LakeFile], new: Sequence[LakeFile]) -> "pa.Table":
        """Read the rows of a table's old files, at least one, whose ids are in none of the new ones.

        Raises:
            ObjectsError: the place can't be used, or has not all of these files.
        """
        with self._storage.errors():
            return query_tables("missing.sql", one=self._open_files(old), other=self._open_files(new))

    def find_missing(self, ids: "pa.Table", files: Sequence[LakeFile]) -> "pa.Table":
        """Find the ids that are in none of a table's files.

        Raises:
            ObjectsError: as `read_missing`.
        """
        with self._storage.errors():
            return query_tables("missing.sql", one=ids, other=self._open_files(files))

    def read_changes(self, ids: "pa.Table", files: Sequence[LakeFile]) -> "pa.Table":
        """Read the changes of some notifications from files of `changes`, at least one.

        Raises:
            ObjectsError: as `read_missing`.
        """
        with self._storage.errors():
            return query_tables("changes_of.sql", ids=ids, file=self._open_files(files))

    def check_file(self, file: LakeFile) -> None:
        """Read a file back, and check that it has the rows that its manifest tells.

        Raises:
            DamagedObjectError: it has others.
            ObjectsError: the place can't be used, or has no such file.
        """
        with self._storage.errors():
            measured = self._measure(file.path)
        if measured != (file.rows, file.checksum):
            raise DamagedObjectError(f"{self}: {_FOLDER}/{file.path} has other rows than its manifest says.")

    def find_left(self, objects: dict[str, Listed], manifests: Sequence[Manifest], at: datetime) -> list[str]:
        """Find the files of ours that no manifest names and that nobody writes any more; other names are others'."""
        named = {file.path for manifest in manifests for file in manifest.list_files()}
        return [
            path
            for path, listed in objects.items()
            if _OWN_FILE.fullmatch(path) and path not in named and at - listed.written_at > _LEFT_OVER
        ]

    def delete(self, paths: Sequence[str]) -> None:
        """Delete files; one that is gone already is no error.

        Raises:
            ObjectsError: one is still there, or the place can't be used.
        """
        for path in paths:
            self._storage.delete(self._make_path(path))

    def _measure(self, name: str) -> tuple[int, str]:
        with self._storage.files.open_input_file(self._make_path(name)) as reading:
            return sum_up(_read_parquet(reading))

    def _make_path(self, name: str) -> str:
        return self._storage.make_path(f"{_FOLDER}/{name}")

    def _open_files(self, files: Sequence[LakeFile]) -> Any:
        from pyarrow import dataset  # noqa: PLC0415 - as `Storage.files`

        paths = [self._make_path(file.path) for file in files]
        return dataset.dataset(paths, filesystem=self._storage.files, format="parquet")


def name_manifest(month: Month) -> str:
    """Return the path of a month's manifest below the lake."""
    return f"{_MANIFESTS}/{month}{_ENDING}"


def find_month(path: str) -> Month | None:
    """Return the month of a file below the lake; None if it is of none."""
    with suppress(ValueError):
        return parse_month(path.partition("month=")[2].partition("/")[0])
    return None


def list_months(objects: dict[str, Listed]) -> list[str]:
    """Return the months that have a manifest; one that somebody has moved into a folder there is none."""
    return sorted(match[1] for match in map(_OWN_MANIFEST.fullmatch, objects) if match)


def read_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def sum_up(rows: Any) -> tuple[int, str]:
    """Return the number of rows, of an Arrow table or reader, and their checksum as `measure.sql` has it."""
    with _open_memory() as memory:
        memory.register("file", rows)
        ((count, checksum),) = run(memory, read_sql_file(__package__, "measure_file.sql"))
    return count, checksum


def take_fingerprint(rows: Any, table: LakeTable) -> int:
    """Return the fingerprint of a table's rows as `fingerprint.sql` has it, of an Arrow table."""
    query = read_sql_file(__package__, "fingerprint.sql").replace("/* told */", table.told)
    with _open_memory() as memory:
        memory.register("rows", rows)
        ((_, fingerprint),) = run(memory, query.replace("(/* rows */) AS rows", "rows"))
    return int(fingerprint)


def _write_parquet(parts: Iterable[CheckedRows], writing: Any) -> tuple[int, int]:
    """Write each part as a row group, and return how many rows they have and the sum of their checksums."""
    from pyarrow import parquet  # noqa: PLC0415 - as `Storage.files`

    count, checksum, writer = 0, 0, None
    for part in parts:
        names = [name for name in part.rows.column_names if name not in _WITHOUT_DICTIONARY]
        writer = writer or parquet.ParquetWriter(
            writing,
            part.rows.schema,
            compression="zstd",
            compression_level=_LEVEL,
            use_dictionary=names,  # type: ignore[arg-type]  # the stubs know no list
            write_statistics=[*names, "seq"],
            write_page_checksum=True,
            store_schema=False,
        )
        writer.write_table(part.rows, row_group_size=max(part.rows.num_rows, 1))
        count, checksum = count + part.rows.num_rows, checksum + int(part.checksum)
    if writer:
        writer.close()
    return count, checksum


def _read_parquet(reading: Any) -> "pa.RecordBatchReader":
    """Read a file of Parquet a little at a time."""
    import pyarrow as pa  # noqa: PLC0415 - as `Storage.files`
    from pyarrow import parquet  # noqa: PLC0415 - the same

    file = parquet.ParquetFile(reading, page_checksum_verification=True)
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_ROWS_AT_A_TIME))


def query_tables(query: str, **tables: Any) -> "pa.Table":
    """Run a query of `tables/` on Arrow tables, or on files of Parquet, by their names."""
    with _open_memory() as memory:
        for name, table in tables.items():
            memory.register(name, table)
        found: pa.Table = memory.sql(read_sql_file(f"{__package__}.tables", query)).to_arrow_table()
    return found


def _open_memory() -> duckdb.DuckDBPyConnection:
    """Open a small database in memory."""
    memory = duckdb.connect(config={"memory_limit": _MEMORY, "threads": 1})
    run(memory, "SET TimeZone = 'UTC'")
    return memory
