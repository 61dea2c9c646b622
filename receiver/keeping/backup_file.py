"""Backups: copies of the database, with the table `backup_info` and the learned accounts inside."""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from receiver import __version__
from receiver.data_directory.accounts import learn_accounts, read_learned_accounts
from receiver.database.extent import count_notifications, read_watermarks
from receiver.database.faults import is_damage, read_or_lose
from receiver.database.opening import BACKUP_TABLES, DERIVED_TABLES, check_catalogue, create_anew, run
from receiver.errors import StoreError, UndecidedError
from receiver.files import check_for_duckdb
from receiver.spool.layout import Positions, from_microseconds

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "memory_limit": "1GB",
    "threads": 1,
    # A checkpoint that merges row groups would read blocks of derived tables, which may be damaged.
    "max_vacuum_tasks": 0,
}
_MAGIC_AT, _MAGIC = 8, b"DUCK"
# This reads every block of a table and so compares its checksum; the value itself does not matter.
_READ_ALL = "SELECT bit_xor(hash({0})) FROM {0}"
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
_LEARNED = "SELECT alias FROM learned_accounts"
_REFUSED = "rejected"


class BackupInfo(NamedTuple):
    """A backup's description of itself, which a whole backup fulfils."""

    made_at: datetime
    program_version: str
    schema_version: int
    key_fingerprint: str
    notifications: int
    last_seq: int


_INFO = (
    f"SELECT {', '.join(BackupInfo._fields)} FROM (SELECT * REPLACE (epoch_us(made_at) AS made_at) FROM backup_info)"  # noqa: S608 - our own names
)


def seal(copy: Path, key_fingerprint: str, accounts: Path) -> BackupInfo:
    """Turn a plain copy of the database into a backup, and read all of it that `inspect` reads before a restore.

    Args:
        copy: the copy; nobody else has it open.
        key_fingerprint: of the public key that its signatures were verified with.
        accounts: the file of learned accounts, which may be missing.

    Raises:
        duckdb.Error, sqlite3.Error: there is no backup.
    """
    learned = [[alias] for alias in read_learned_accounts(accounts)]
    with duckdb.connect(str(copy), config=_CONFIG) as database:
        stored = count_notifications(partial(run, database))
        _read_all(database)
        schema_version = database.execute("SELECT max(version) FROM schema_version").fetchall()[0][0]
        info = BackupInfo(datetime.now(UTC), __version__, schema_version, key_fingerprint, *stored)
        for table in BACKUP_TABLES:
            database.execute(table).fetchall()
        database.execute("INSERT INTO backup_info VALUES (?, ?, ?, ?, ?, ?)", [*info]).fetchall()
        if learned:
            database.executemany("INSERT INTO learned_accounts VALUES (?)", learned)
        database.execute("CHECKPOINT").fetchall()
    return info


def inspect(path: Path, *, sparing_refused: bool = False) -> BackupInfo:
    """Read a backup's description of itself, and compare it with the content.

    Tables that can be derived again are not read; `receiver.database.faults.has_whole_derived` does.

    Args:
        path: the backup.
        sparing_refused: whether its refused notifications are not read either.

    Raises:
        StoreError: the file is no backup, is damaged, or is of a newer program.
        UndecidedError: it can't be read at the moment, for lack of memory for example.
    """
    with _open(path) as database:
        try:
            version = check_catalogue(database, str(path))
        except duckdb.Error as error:
            raise _make_reading_error(path, error) from None
        info = _read_info(database, path)
        if info.schema_version != version:
            raise StoreError(
                f"{path} says that version {info.program_version} wrote it with schema version {info.schema_version}, "
                f"but it has {version}."
            )
        try:
            stored = count_notifications(partial(run, database))
            _read_all(database, [_REFUSED] if sparing_refused else [])
        except duckdb.Error as error:
            raise _make_reading_error(path, error) from None
    if stored != (info.notifications, info.last_seq):
        raise StoreError(
            f"{path} is damaged: it has {stored.notifications} notifications up to seq {stored.last_seq}, and should "
            f"have {info.notifications} up to {info.last_seq}."
        )
    return info


def inspect_all_but_refused(path: Path) -> tuple[BackupInfo, StoreError | None]:
    """Inspect a backup, also one whose refused notifications, and nothing else, can't be read.

    Returns:
        What it says of itself, and the error if its refused notifications can't be read.

    Raises:
        StoreError: something else is wrong, see `inspect`.
        UndecidedError: what is wrong can't be told at the moment.
    """
    try:
        return inspect(path), None
    except UndecidedError:
        raise
    except StoreError as error:
        try:
            return inspect(path, sparing_refused=True), error
        except UndecidedError:
            raise
        except StoreError:
            raise error from None


def read_info(path: Path) -> BackupInfo:
    """Read a backup's description of itself; `inspect` compares it with the content, too.

    Raises:
        StoreError: the file is no backup, or can't be read.
    """
    with _open(path) as database:
        return _read_info(database, path)


def read_backup_watermarks(path: Path) -> Positions:
    """Read how many rows of each segment and kind a checked backup holds.

    Raises:
        StoreError: it can't be read.
    """
    with _open(path) as database:
        try:
            return read_watermarks(partial(run, database))
        except duckdb.Error as error:
            raise _make_reading_error(path, error) from None


def unseal(copy: Path, accounts: Path, *, emptying_refused: bool = False) -> None:
    """Turn a copy of a backup into a database again, and learn its accounts.

    Args:
        copy: the copy; nobody else has it open.
        accounts: the file of learned accounts, made if need be.
        emptying_refused: whether its refused notifications, which can't be read, are left out.

    Raises:
        duckdb.Error, sqlite3.Error: it can't be done.
        StoreError: something in it is foreign, or a newer program wrote it.
        UndecidedError: the copy could not be looked at, and is empty now; the backup may be whole.
    """
    with duckdb.connect(str(copy), config=_CONFIG) as database:
        version = check_catalogue(database, "The backup")  # again, as the file may have changed since
        if not version:  # where DuckDB can't look at a file, it takes it for missing and begins it anew
            raise UndecidedError(
                f"{copy} is empty, as it could not be looked at: whether the backup is whole is not known."
            )
        if emptying_refused:
            create_anew(database, [_REFUSED], version)
            database.execute("CHECKPOINT").fetchall()  # so it stays empty, whatever fails below
        learned = read_or_lose(database, _LEARNED, "its learned accounts are lost")
        for table in ("learned_accounts", "backup_info"):
            database.execute(f"DROP TABLE {table}").fetchall()
        database.execute("CHECKPOINT").fetchall()
    if learned:
        learn_accounts(accounts, [alias for (alias,) in learned])


def _read_all(database: duckdb.DuckDBPyConnection, spared: Iterable[str] = ()) -> None:
    """Read all tables that can't be derived again, but not those that are spared."""
    tables = {name for (name,) in database.execute(_TABLES).fetchall()}
    for table in sorted((tables - DERIVED_TABLES).difference(spared)):
        database.execute(_READ_ALL.format(table)).fetchall()


def _read_info(database: duckdb.DuckDBPyConnection, path: Path) -> BackupInfo:
    try:
        (row,) = database.execute(_INFO).fetchall()
    except (duckdb.CatalogException, ValueError):
        raise StoreError(f"{path} is no backup: it was not written by `clc-receiver backup`.") from None
    except duckdb.Error as error:
        raise _make_reading_error(path, error) from None
    made_at, *others = row
    return BackupInfo._make([from_microseconds(made_at), *others])


@contextlib.contextmanager
def _open(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        check_for_duckdb(path)
    except ValueError as error:
        raise StoreError(f"{path} can't be opened, {error}: rename it.") from None
    try:
        with path.open("rb") as file:
            begin = file.read(12)
        if begin[_MAGIC_AT:] != _MAGIC:
            raise StoreError(
                f"{path} is no backup: it is no DuckDB database. `clc-receiver import` takes in an archive."
            )
        database = duckdb.connect(str(path), read_only=True, config=_CONFIG)
    except (duckdb.Error, OSError) as error:
        if not is_damage(error):
            raise _make_reading_error(path, error) from None
        raise StoreError(f"{path} is no backup: DuckDB can't open it ({str(error).splitlines()[0]}).") from None
    with database:
        yield database


def _make_reading_error(path: Path, error: Exception) -> StoreError:
    """Make the error for a file that can't be read: it is damaged, or the machine is at fault."""
    reason = str(error).splitlines()[0]
    if is_damage(error):
        return StoreError(f"{path} is damaged ({reason}): take another backup.")
    return UndecidedError(f"{path} can't be read ({reason}): whether it is whole is not known.")


def main() -> None:
    """Seal a copy, in a process of its own because a damaged file may end it. Prints the info as JSON."""
    copy, key_fingerprint, accounts = sys.argv[1:]
    os.nice(10)
    info = seal(Path(copy), key_fingerprint, Path(accounts))
    json.dump({**info._asdict(), "made_at": info.made_at.isoformat()}, sys.stdout)


if __name__ == "__main__":
    main()
