"""The files of a lake that count: those that the manifest of a month names."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.client.lake.place import describe_failure, open_system
from analytics.errors import LocationError

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

TABLES = ("notifications", "changes", "rejected")
_FORMAT = 1


class Listed(NamedTuple):
    """A manifest that is there; the size and the time tell whether it was replaced."""

    path: str
    bytes: int
    written_at: Any


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
            raise self._cannot_read(error) from None
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
            raise self._cannot_read(error) from None
        return self._tables

    def _cannot_read(self, error: Exception) -> LocationError:
        return LocationError(f"{self._location} can't be read: {describe_failure(error)}.")

    def _list_manifests(self) -> list[Listed]:
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - as in `open_system`

        found = self._system.get_file_info(FileSelector(f"{self._top}/manifests", allow_not_found=True))
        listed = [
            Listed(each.path, each.size, each.mtime)
            for each in found
            if each.base_name.endswith(".json") and not each.base_name.startswith(".")
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
            parquet.make_fragment(f"{self._top}/{file['path']}", self._system, _expect(name, manifest["month"]))
            for manifest in manifests
            for file in manifest["tables"][name]["files"]
        ]
        return dataset.FileSystemDataset(fragments, fragments[-1].physical_schema, parquet, self._system)


def _expect(table: str, month: str) -> Any:
    """Return what holds for all rows of a month's file, so that other months are passed over; None if nothing."""
    from pyarrow import compute, scalar, timestamp  # noqa: PLC0415 - as in `open_system`

    if table == "changes":
        return None
    year, number = map(int, month.split("-"))
    begins = datetime(year, number, 1, tzinfo=UTC)
    ends = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    at, kind = compute.field("received_at"), timestamp("us", "UTC")
    return (at >= scalar(begins, kind)) & (at < scalar(ends, kind))
