"""The manifest of a month in the lake: the files that hold it. What no manifest names does not count."""

import json
from typing import Any, NamedTuple

from receiver.keeping.lake.months import Month

FORMAT = 1


class LakeFile(NamedTuple):
    """A Parquet file: its path below the lake, its size, and the number and checksum of its rows."""

    path: str
    bytes: int
    rows: int
    checksum: str


class TableFiles(NamedTuple):
    """The files of a table in a month, in their order, and the fingerprint of the store's rows that they hold."""

    rows: int
    fingerprint: str
    files: tuple[LakeFile, ...]


class Manifest(NamedTuple):
    """The files of a month by table, and who wrote them, when, and with which version of the schema."""

    month: Month
    written_at: str
    machine: str
    schema_version: int
    tables: dict[str, TableFiles]

    def list_files(self) -> list[LakeFile]:
        """Return the files of all tables."""
        return [file for table in self.tables.values() for file in table.files]


def write_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    tables = {
        name: {**table._asdict(), "files": [file._asdict() for file in table.files]}
        for name, table in manifest.tables.items()
    }
    content = {"format": FORMAT, **manifest._asdict(), "month": str(manifest.month), "tables": tables}
    return json.dumps(content, indent=1).encode()


def parse_manifest(content: bytes, month: Month) -> Manifest:
    """Read the manifest of a month.

    Raises:
        ValueError: it is damaged, or of another month.
    """
    try:
        fields = json.loads(content)
        if fields.pop("format") != FORMAT or fields.pop("month") != str(month):
            raise ValueError(str(month))
        tables = {name: _parse_table(table) for name, table in fields.pop("tables").items()}
        return Manifest(month=month, tables=tables, **fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(str(month)) from error


def _parse_table(fields: dict[str, Any]) -> TableFiles:
    return TableFiles(**{**fields, "files": tuple(LakeFile(**file) for file in fields["files"])})
