"""Sorts the appender's errors by their cause: a row's own values, the deriving of changes, or anything else."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from receiver.errors import StoreError


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

NEEDS_NEW_PROCESS = (duckdb.FatalException, duckdb.InternalException)
"""After these the database can be used by a new process only."""

_BUGS_OF_DUCKDB = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)


@contextmanager
def check_conversion() -> Iterator[None]:
    """Turn the errors of values that can't be converted into an error of their own.

    Raises:
        UnstorableError: a value in the block could not be converted.
    """
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise UnstorableError(str(error)) from error


def is_bug(error: Exception) -> bool:
    """Tell whether an error would come again for the same input, whatever the machine's state.

    Disks, memory, descriptors and modules that can't be loaded are the machine's state.
    """
    if isinstance(error, duckdb.Error):
        # If DuckDB can't load a Python module, it reports an invalid input.
        return isinstance(error, _BUGS_OF_DUCKDB) and "failed to import" not in str(error)
    return not isinstance(error, (OSError, MemoryError, ImportError))
