"""The months of the lake, and the manifest of each: the files that hold it. What no manifest names does not count.

Months are those of UTC. One is finished when no row of it is expected any more.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_GRACE = timedelta(days=2)
"""For machines that were down: what they took before may come so much later. What comes even later is written, too."""
_NAME = re.compile(r"\d{4}-\d{2}")
FORMAT = 1


class Month(NamedTuple):
    """A month of UTC, which sorts by time."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as `2026-03`."""
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """When the next one begins."""
        return datetime(self.year + self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)


def find_first_kept(now: datetime, months: int) -> Month:
    """Return the month so many months before the present one."""
    year, index = divmod(now.year * 12 + now.month - 1 - months, 12)
    return Month(year, index + 1)


def parse_month(name: str) -> Month:
    """Read a month such as `2026-03`.

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    begins = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return Month(begins.year, begins.month)


def choose_finished(names: Iterable[str], now: datetime) -> list[Month]:
    """Choose the finished ones of months, in their order.

    Rows may be dated ahead, as far as December 9999, whose end is no date.
    """
    present = Month(now.year, now.month)
    months = sorted(map(parse_month, names))
    return [month for month in months if month < present and month.ends + _GRACE <= now]


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
