"""Counts the notifications that a restore would lose: neither backup nor spool holds them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from receiver.program import sql_file
from receiver.settings import Settings
from receiver.spool.looking import segment_paths, view

_ROWS_PER_STEP = 1_000
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "2GB", "threads": 2}


class LeftOut(NamedTuple):
    """How many notifications are left out, and when the first and last were received; `seq` is the database's last.

    `number` is None where the present database can't be read.
    """

    number: int | None
    first: datetime | None
    last: datetime | None
    seq: int

    def __str__(self) -> str:
        """Return it as the subject of a sentence."""
        if self.number is None:
            return "How many of its notifications neither the backup nor the spool holds is not known"
        times = f", received from {_minute(self.first)} to {_minute(self.last)} UTC" if self.first and self.last else ""
        return f"{self.number:,} of its notifications{times}, are neither in the backup nor in the spool"


def count_left_out(settings: Settings, backup: Path) -> LeftOut:
    """Compare the present database with a backup and the spool.

    This runs in another process: the present database may be damaged, and reading it may end that process.
    """
    command = [sys.executable, "-m", "receiver.keeping.left_out", str(settings.database), str(backup)]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, str(settings.spool_directory)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        return LeftOut(None, None, None, 0)
    number, first, last, seq = json.loads(done.stdout)
    return LeftOut(number, _moment(first), _moment(last), seq)


def _compare(database: Path, backup: Path, spool: Path) -> tuple[int, int | None, int | None, int]:
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        for name, path in (("present", database), ("backup", backup)):
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("CREATE TABLE spooled (id UUID)")
        positions = connection.execute("SELECT segment, kind, position FROM backup.watermarks").fetchall()
        for ids in _read_spooled_ids(spool, {(segment, kind): position for segment, kind, position in positions}):
            connection.execute("INSERT INTO spooled SELECT unnest(?::UUID[])", [ids])
        ((number, first, last, seq),) = connection.execute(sql_file(__package__, "left_out.sql")).fetchall()
        return number, first, last, seq


def _read_spooled_ids(spool: Path, watermarks: dict[tuple[str, str], int]) -> Iterator[list[str]]:
    """Read the ids that a store with these watermarks would still take from the spool."""
    for path in segment_paths(spool):
        with view(path) as segment:
            position = watermarks.get((segment.name, "notifications"), 0)
            while rows := segment.read("notifications", position, _ROWS_PER_STEP):
                position = rows[-1].position
                yield [str(row.id) for row in rows]


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def main() -> None:
    """Compare the database, the backup and the spool of the command line, and print the counts as JSON."""
    json.dump(_compare(*map(Path, sys.argv[1:])), sys.stdout)


if __name__ == "__main__":
    main()
