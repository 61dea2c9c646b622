"""Sorts DuckDB's errors by their cause: a row's values, the deriving of changes, a damaged file, or the machine."""

import contextlib
import errno
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from receiver.database.opening import DERIVED_TABLES, bring_up_to_date, connect
from receiver.errors import StoreError, UndecidedError
from receiver.files import read_sql_file, write_whole
from receiver.spool.layout import measure_size

# The machine, an operator or a newer version may refuse these for a while; the file is as good as it was.
_REFUSED = re.compile(
    r"Could not set lock|Permission denied|No space left|Read-only file system|Too many open files|"
    r"Cannot allocate memory|Input/output error|Disk quota|Stale file handle|Is a directory|"
    r"fsync failed|Could not (?:write|fsync|truncate)|memory_limit|version number|newer version",
    re.IGNORECASE,
)
# A damaged file leads DuckDB to read at impossible places, which the system answers with these.
_OF_A_FILE = {errno.EINVAL, errno.EFBIG, errno.EOVERFLOW, errno.EBADMSG, errno.EILSEQ, errno.ERANGE, errno.EDOM}
_OF_THE_SYSTEM = re.compile(
    r'": (?:'
    + "|".join(re.escape(os.strerror(number)) for number in set(errno.errorcode) - _OF_A_FILE - {errno.ENOENT})
    + ")"
)
# In our own queries these mean a bug, or a connection in a wrong state.
_NO_DAMAGE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
)
_REFUSED_ROWS, _NEW, _IN_MEMORY = "rejected", "clc-trial-", Path(":memory:")
_TRIAL_SECONDS, _TRIAL_BYTES_PER_SECOND = 3600, 10 * 2**20  # a disk that works reads more in a second
# Exit codes of a trial. An error before it begins (the program's own files can't be read, say) ends it with 1, too.
_UNDECIDED, _DAMAGED = 1, 3

_log = logging.getLogger(__name__)


class UnstorableError(Exception):
    """Raised when a value of a row can't be made a value of DuckDB's."""


class UnderivableError(Exception):
    """Raised when changes can't be derived from notifications, because of a bug or an unforeseen body."""


class OutOfStepError(StoreError):
    """Raised when the store is not as far as the appender believes; nothing was written."""


class CommitError(StoreError):
    """Raised when COMMIT fails; only reading the watermarks again tells whether the rows are stored."""


class NotOneRowError(StoreError):
    """Raised when the store takes no row at all, not even a row that is known to be storable."""


FAULTS_OF_A_ROW = (duckdb.DataError, duckdb.IntegrityError, UnstorableError)
"""The errors about the values of a row; no other error is a row's fault."""

OUT_OF_MEMORY = (duckdb.OutOfMemoryException, MemoryError)
"""Less at once may have room."""

NEEDS_NEW_PROCESS = (duckdb.FatalException, duckdb.InternalException)
"""After these the database can be used by a new process only."""

_BUGS_OF_DUCKDB = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)


def is_bug(error: Exception) -> bool:
    """Tell whether an error would come again for the same input, whatever the machine's state.

    Disks, memory, descriptors and modules that can't be loaded are the machine's state.
    """
    if isinstance(error, duckdb.Error):
        # If DuckDB can't load a Python module, it reports an invalid input.
        return isinstance(error, _BUGS_OF_DUCKDB) and "failed to import" not in str(error)
    return not isinstance(error, (OSError, MemoryError, ImportError))


def is_damage(error: Exception) -> bool:
    """Tell whether an error in opening or reading a database may mean that its file is damaged, or no database at all.

    A damaged file raises whatever DuckDB makes of its bytes, and so may a wrong setting: see `check_fault_is_of`.
    """
    if isinstance(error, (*OUT_OF_MEMORY, duckdb.InterruptException, OSError)):
        return False
    return not _REFUSED.search(str(error)) and not _OF_THE_SYSTEM.search(str(error))


def check_fault_is_of(database: Path, memory_limit: str) -> None:
    """Check that a new, empty database can be used, so that what `is_damage` says of this one is its own fault.

    Nothing is written beside the database: its disk may be full, which is no fault of a setting.

    Raises:
        StoreError: it can't: a setting, the machine or the program is at fault.
    """
    try:
        _use_new(_IN_MEMORY, memory_limit)
        try:
            with TemporaryDirectory(prefix=_NEW) as directory:
                _use_new(Path(directory, "new.duckdb"), memory_limit)
        except Exception as error:
            if is_damage(error):  # else there is only no room for a trial
                raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not about the other file
        raise StoreError(
            f"{database} can't be opened, and neither can a new, empty database ({str(error).splitlines()[0]}): a "
            "setting or this machine is at fault. Nothing was moved."
        ) from None


def _use_new(new: Path, memory_limit: str) -> None:
    with bring_up_to_date(connect(new, memory_limit), new, memory_limit) as connection:
        read_through(connection)


def read_through(connection: duckdb.DuckDBPyConnection, *, sparing_refused: bool = False) -> bool:
    """Read the tables that the store needs, and tell whether there are any: a new database has none.

    Args:
        connection: to the database.
        sparing_refused: whether its refused notifications are not read.

    Raises:
        duckdb.Error: it can't be read.
        DoubledError: a place has several watermarks, so a WAL was replayed twice.
    """
    if "schema_version" not in _list_tables(connection):
        return False
    for statement in connection.extract_statements(read_sql_file(__package__, "read_through.sql")):
        if not (sparing_refused and f"FROM {_REFUSED_ROWS}" in statement.query):
            rows = connection.execute(statement).fetchall()
    if rows:
        raise DoubledError(f"It has several watermarks for {rows[0][0]}.")
    return True


def _list_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def suspect(data_dir: Path, error: Exception) -> None:
    """Leave a sign for the next start if an error says that a block of the database can't be read."""
    if "Corrupt database file" in str(error):
        with contextlib.suppress(OSError):
            write_whole(_sign(data_dir), str(error).splitlines()[0])


def suspect_derived(data_dir: Path) -> None:
    """Leave the sign because derived tables of a backup can't be read: they are derived again.

    Raises:
        OSError: it can't be written.
    """
    write_whole(_sign(data_dir), "Corrupt database file: a part of the backup that can be derived again")


def read_suspicion(data_dir: Path) -> str | None:
    """Read the sign that `suspect` left; it counts even if its text is lost."""
    try:
        return _sign(data_dir).read_bytes().decode("utf-8", "replace").strip("\0 \n") or "an earlier reading failed"
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"an earlier reading failed, and its note can't be read: {error.strerror}"


def settle(data_dir: Path) -> None:
    """Remove the sign."""
    _sign(data_dir).unlink(missing_ok=True)


def _sign(data_dir: Path) -> Path:
    return data_dir / "suspect"


def read_or_lose(
    connection: duckdb.DuckDBPyConnection, sql: str, lost: str, parameters: list[Any] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a query whose answer is optional; if it meets a damaged block, log what is lost, and none.

    Raises:
        duckdb.Error: something else is wrong.
    """
    try:
        return connection.execute(sql, parameters).fetchall()
    except duckdb.Error as error:
        if isinstance(error, _NO_DAMAGE) or "failed to import" in str(error) or not is_damage(error):
            raise
        _log.error("the database is damaged (%s): %s; `clc-receiver verify` names what can't be read", error, lost)
        return []


class DoubledError(Exception):
    """Raised when a database holds a row twice that must be unique."""


def crashes(database: Path) -> bool:
    """Open a database in another process, which makes one that is missing, and tell whether that process dies of it."""
    return _try_out(database) < 0


def is_whole(database: Path, *, sparing_refused: bool = False) -> bool:
    """Read all received rows in another process, perhaps but refused ones, and tell whether that was possible.

    Raises:
        UndecidedError: it can't be tried at the moment; the file may be whole.
    """
    return _is_readable(database, "notifications", *([] if sparing_refused else [_REFUSED_ROWS]))


def has_whole_derived(database: Path) -> bool:
    """Read all derived rows in another process, and tell whether that was possible.

    Raises:
        UndecidedError: it can't be tried at the moment; the file may be whole.
    """
    return _is_readable(database, *DERIVED_TABLES)


def _is_readable(database: Path, *tables: str) -> bool:
    code = _try_out(database, *tables)
    if code > 0 and code != _DAMAGED:
        raise UndecidedError(f"{database} can't be tried out now, the log says why: nothing was moved.")
    return code == 0


def _try_out(database: Path, *tables: str) -> int:
    """Return the process's exit code: minus a signal's number if it died of the file."""
    code = _run_trial(database, *tables)
    if (code < 0 or code == _DAMAGED) and not _is_new_one_usable():
        return _UNDECIDED
    return code


def _is_new_one_usable() -> bool:
    """Tell whether a new, empty database can be used, in memory where there is no room for a file."""
    try:
        with TemporaryDirectory(prefix=_NEW) as directory:
            code = _run_trial(Path(directory, "new.duckdb"))
    except OSError as error:
        _log.warning("no database can be tried out in a file: %s", error)
        code = _UNDECIDED
    return (_run_trial(_IN_MEMORY) if code == _UNDECIDED else code) == 0


def _run_trial(database: Path, *tables: str) -> int:
    command = [sys.executable, "-m", "receiver.database.faults", str(database), *tables]
    seconds = _TRIAL_SECONDS + measure_size(database) // _TRIAL_BYTES_PER_SECOND
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=seconds)  # noqa: S603
    except subprocess.TimeoutExpired:
        _log.error("%s was tried out for %d s without an end: does its disk stand still?", database, seconds)
        return _UNDECIDED
    code = done.returncode
    if code == -signal.SIGKILL:  # no file ends a process so: a user, or a lack of memory, did
        code = _UNDECIDED
    if code < 0:
        _log.error("opening %s ends a process with signal %d", database, -code)
    elif code:
        _log.error("%s was tried out: %s", database, done.stderr.decode(errors="replace").strip()[-500:])
    return code


def _main() -> None:
    config: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": "false"}
    database, *tables = sys.argv[1:]
    sparing_refused = bool(tables) and _REFUSED_ROWS not in tables
    try:
        with duckdb.connect(database, read_only=Path(database).exists(), config=config) as connection:
            read_through(connection, sparing_refused=sparing_refused)
            for table in _list_tables(connection).intersection(tables):
                connection.execute(f"SELECT bit_xor(hash({table})) FROM {table}").fetchall()  # noqa: S608 - our own names
    except Exception as error:  # noqa: BLE001 - a damaged file raises whatever it makes of its bytes
        sys.stderr.write(f"{error}\n")
        sys.exit(_DAMAGED if is_damage(error) else _UNDECIDED)


if __name__ == "__main__":
    _main()
