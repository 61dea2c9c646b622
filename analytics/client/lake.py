"""Asks a lake in this process: months of Parquet files in object storage or a directory.

The place of a lake is a bucket of S3 with the credentials of AWS, or a directory. Its files that count are those that
the manifest of a month names. The views of the store are over them, and each query has the protections of the query
service.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb
import pyarrow as pa

from analytics.client.cancelling import Cancellation
from analytics.client.local import DuckDBSource, set_up
from analytics.errors import LocationError, QueryError
from analytics.senders import list_sql_files

if TYPE_CHECKING:
    from pyarrow import parquet
    from pyarrow.dataset import Dataset

_OPTIONS = {"endpoint_override", "region", "scheme", "tls_ca_file_path"}
_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 30.0
_OF_S3 = re.compile(r".*AWS Error (\w+) during \w+ operation: (?:curlCode: \d+, )?(.*)")
TABLES = ("notifications", "changes", "rejected")
_FORMAT = 1
_MANIFEST = re.compile(r"\d{4}-\d\d\.json")
_TRIES = 3


def is_lake(location: str) -> bool:
    """Tell whether a location has the form of a lake's: a URL of S3 or of a directory, or an existing directory."""
    try:
        return location.startswith(("s3://", "file://")) or ("://" not in location and Path(location).is_dir())
    except PermissionError:  # a directory above it can't be entered, which opening it as a file reports
        return False


def open_system(location: str) -> tuple[Any, str]:
    """Return the file system of pyarrow for a location, and the path in it.

    Args:
        location: `s3://BUCKET/PREFIX?OPTIONS`, a directory or its URL, as in `CLC_OBJECTS`.

    Raises:
        LocationError: it is none of them, has a part that would not count, or holds credentials.
        OSError, ArrowException: the place can't be reached.
    """
    from pyarrow import fs  # noqa: PLC0415 - it takes a while, and other locations need none

    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise LocationError(f"This place can't be opened ({error}): a place in S3 is s3://BUCKET/PREFIX.") from None
    if parts.scheme not in {"s3", "file"}:
        return fs.LocalFileSystem(), location
    if "#" in location:
        raise LocationError("This place can't be opened: a # in the path of a URL must be written as %23.")
    if parts.scheme == "file":
        if parts.netloc or "?" in location:
            raise LocationError("This place can't be opened: the URL of a directory is file:///DIRECTORY, a ? is %3F.")
        return fs.LocalFileSystem(), unquote(parts.path)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options: dict[str, Any] = {name: value for name, value in pairs if value}
    is_whole = len(options) == parts.query.count("&") + bool(parts.query)
    if not parts.netloc or "@" in parts.netloc or not options.keys() <= _OPTIONS or not is_whole:
        raise LocationError(
            "This place can't be opened: a place in S3 is s3://BUCKET/PREFIX, its options can be "
            f"{', '.join(sorted(_OPTIONS))}, each as NAME=VALUE and once, and credentials are in AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY."
        )
    if not options.keys() & {"region", "endpoint_override"}:
        options["region"] = fs.resolve_s3_region(parts.netloc)
    system = fs.S3FileSystem(**options, connect_timeout=_CONNECT_SECONDS, request_timeout=_ANSWER_SECONDS)
    return system, parts.netloc + unquote(parts.path)


def describe_failure(error: Exception) -> str:
    """Return the first line of an error of pyarrow, without what only S3 needs."""
    text = " ".join((str(error).splitlines() or [""])[0].split()).rstrip(".")
    text = re.sub(r"; Details: .*|\(Request ID: [^)]*\)", "", text).strip().rstrip(".")
    return _OF_S3.sub(r"\2 (\1)", text) or type(error).__name__


class Listed(NamedTuple):
    """A manifest that is there; the size and the time tell whether it was replaced."""

    path: str
    bytes: int
    written_at: Any


class Month(NamedTuple):
    """The files of a table in a month, which has a begin and an end."""

    begins: datetime
    ends: datetime
    paths: list[str]

    def lies_in(self, since: datetime | None, until: datetime | None) -> bool:
        """Say whether a part of the month lies between two moments; None is no bound."""
        return (since is None or self.ends > since) and (until is None or self.begins < until)


class LakeFiles:
    """The tables of a lake.

    Args:
        location: see `open_system`.

    Raises:
        LocationError: it has no form of a lake's, or can't be reached.
    """

    def __init__(self, location: str) -> None:
        from pyarrow import ArrowException  # noqa: PLC0415 - as in `open_system`

        self._location = location.partition("?")[0]
        self._failures = (OSError, ArrowException)
        try:
            self._system, top = open_system(location)
        except self._failures as error:
            raise self._make_read_error(error) from None
        self._top = f"{top.rstrip('/')}/lake"
        self._manifests: dict[Listed, dict[str, Any]] = {}
        self._tables: dict[str, Dataset] = {}

    def open_tables(self) -> dict[str, "Dataset"]:
        """Return each table as the manifests tell at this moment.

        Raises:
            LocationError: the lake can't be read, or has no month.
        """
        try:
            listed = self._list_manifests()
            if listed != list(self._manifests):
                manifests = {each: self._manifests.get(each) or self._read_manifest(each) for each in listed}
                self._tables = {name: self._open_table(name, list(manifests.values())) for name in TABLES}
                self._manifests = manifests
        except self._failures as error:
            raise self._make_read_error(error) from None
        return self._tables

    def list_months(self, table: str) -> list[Month]:
        """Return the months of a table, in their order, as `open_tables` has found them."""
        return [
            Month(*find_ends(manifest["month"]), [self._make_path(file) for file in manifest["tables"][table]["files"]])
            for manifest in self._manifests.values()
        ]

    def stream(self, table: str, month: Month, rows: int) -> pa.RecordBatchReader:
        """Return the rows of a month, so many at a time, with the columns of the newest month."""
        schema = self._tables[table].schema
        batches = (_fit(batch, schema) for file in self.open_files(month.paths) for batch in file.iter_batches(rows))
        return pa.RecordBatchReader.from_batches(schema, batches)

    def open_files(self, paths: list[str]) -> "Iterator[parquet.ParquetFile]":
        """Open the files of a month, one after the other."""
        from pyarrow import parquet  # noqa: PLC0415 - as in `open_system`

        for path in paths:
            with self._system.open_input_file(path) as file:
                yield parquet.ParquetFile(file, pre_buffer=False)

    def _make_path(self, file: Mapping[str, Any]) -> str:
        return f"{self._top}/{file['path']}"

    def _make_read_error(self, error: Exception) -> LocationError:
        return LocationError(f"{self._location} can't be read: {describe_failure(error)}.")

    def _list_manifests(self) -> list[Listed]:
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - as in `open_system`

        found = self._system.get_file_info(FileSelector(f"{self._top}/manifests", allow_not_found=True))
        listed = [
            Listed(each.path, each.size, each.mtime)
            for each in found
            if _MANIFEST.fullmatch(each.base_name)  # a copy of another name would count its month twice
        ]
        if not listed:
            raise LocationError(
                f"{self._location!r} has no lake: a receiver with CLC_LAKE=on writes one once a month is finished."
            )
        return sorted(listed)

    def _read_manifest(self, listed: Listed) -> dict[str, Any]:
        with self._system.open_input_stream(listed.path) as reading:
            content = reading.read()
        try:
            manifest: dict[str, Any] = json.loads(content)
            is_known = manifest["format"] == _FORMAT and all(manifest["tables"][name]["files"] for name in TABLES)
        except (ValueError, KeyError, TypeError):
            is_known = False
        if not is_known:
            raise LocationError(f"{listed.path} is damaged, or a newer version of the receiver wrote it.")
        return manifest

    def _open_table(self, name: str, manifests: list[dict[str, Any]]) -> "Dataset":
        """Open the files of a table; its columns are those of the newest month."""
        from pyarrow import dataset  # noqa: PLC0415 - as in `open_system`

        parquet = dataset.ParquetFileFormat()
        fragments = [
            parquet.make_fragment(self._make_path(file), self._system, _find_expected(name, manifest["month"]))
            for manifest in manifests
            for file in manifest["tables"][name]["files"]
        ]
        return dataset.FileSystemDataset(fragments, fragments[-1].physical_schema, parquet, self._system)


def _fit(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows with the columns of a newer month: NULL where an older one has none."""
    columns = [
        batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def find_ends(month: str) -> tuple[datetime, datetime]:
    """Return the begin of a month such as `2026-03`, and that of the next."""
    year, number = map(int, month.split("-"))
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _find_expected(table: str, month: str) -> Any:
    """Return what holds for all rows of a month's file, so that other months are passed over; None if nothing."""
    from pyarrow import compute, scalar, timestamp  # noqa: PLC0415 - as in `open_system`

    if table == "changes":
        return None
    begins, ends = find_ends(month)
    at, kind = compute.field("received_at"), timestamp("us", "UTC")
    return (at >= scalar(begins, kind)) & (at < scalar(ends, kind))


class LakeSource(DuckDBSource):
    """A lake. Each query finds the months again, because some may have been added or replaced since the last query."""

    def __init__(self, location: str) -> None:
        """Find the lake.

        Raises:
            LocationError: there is none, or it can't be read.
        """
        self._files = LakeFiles(location)
        self._files.open_tables()
        views = [*(files(__package__) / "views").iterdir(), *list_sql_files("views")]
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

    def _sign(self) -> None:
        """Return nothing: each query finds the files anew."""

    def _open(self, path: str) -> duckdb.DuckDBPyConnection:  # noqa: ARG002 - a lake is no file
        return set_up(duckdb.connect())

    def _prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        for name, dataset in self._files.open_tables().items():
            cursor.register(f"lake_{name}", dataset)
        for view in self._views:
            for statement in cursor.extract_statements(view):
                cursor.execute(statement)
