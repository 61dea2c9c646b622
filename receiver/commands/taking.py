"""Takes the data directory, the spool and the database for a command that replaces them, while no `serve` runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from receiver.data_directory import access as data_directory
from receiver.database import replacing
from receiver.database.checkpoints import undo_interrupted
from receiver.errors import DataDirectoryError, StoreError
from receiver.settings import Settings
from receiver.spool import owners as spools


@contextmanager
def taking(settings: Settings) -> Iterator[None]:
    """Have the data directory and the spool for a block, once an interrupted restore or checkpoint is settled.

    Raises:
        ReceiverError: that is impossible.
    """
    data_directory.check_database(settings.database)
    data_directory.check_user(settings.data_dir)
    data_directory.prepare(settings)
    with data_directory.take_offline(settings.data_dir):
        spools.claim(settings)
        with spools.hold(settings):  # also against a `serve` whose lock file somebody has deleted
            _check_is_closed(settings.database)
            _settle_the_last(settings)
            yield


def _check_is_closed(database: Path) -> None:
    """Check that no process has a database open to write into it.

    The store of a `serve` that was killed takes rows out of the spool for some seconds more, and a `serve` without
    listeners holds no spool.

    Raises:
        DataDirectoryError: one has.
    """
    with suppress(OSError), database.open("rb") as file:  # --force moves aside what can't be opened, too
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # DuckDB locks it in the same way
        except (BlockingIOError, PermissionError):
            raise DataDirectoryError(
                f"Another process still uses {database}: wait until it has ended, or stop it."
            ) from None


def _settle_the_last(settings: Settings) -> None:
    """Finish an interrupted restore, and undo an interrupted checkpoint, so that the old database can be counted."""
    try:
        replacing.finish(settings.data_dir)
    except OSError as error:
        raise StoreError(
            f"A restore in {settings.data_dir} was interrupted and can't be finished ({error.strerror}): make room."
        ) from None
    try:
        undo_interrupted(settings.database)
    except OSError as error:  # it goes aside as it is
        click.echo(f"A checkpoint was interrupted, and what it left can't be undone ({error.strerror}).", err=True)
