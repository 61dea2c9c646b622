"""Stages the backup that takes the place of a database which can't be used: a copy of it beside that database."""

import contextlib
import logging
from pathlib import Path
from typing import NamedTuple

import duckdb

from receiver.database.appended import Appended
from receiver.database.faults import has_whole_derived, is_damage, is_whole
from receiver.database.replacing import STAGED, clear_staged
from receiver.errors import NewerStoreError, StoreError, UndecidedError
from receiver.files import copy_whole, find_lack_of_room, sync_file
from receiver.keeping.backup_file import unseal
from receiver.keeping.backups import list_backups
from receiver.settings import Settings
from receiver.store.loss import read_extent

_log = logging.getLogger(__name__)


class Staged(NamedTuple):
    """A backup whose copy is staged: how far it goes, and what of it is whole.

    The copy has no refused notifications if those of the backup can't be read. Derived tables are left as they are.
    """

    backup: Path
    extent: Appended
    has_whole_refused: bool
    has_whole_derived: bool


def stage_backup(settings: Settings, tried: set[Path]) -> Staged | None:
    """Stage the newest backup whose notifications can be read, without its refused ones if those can't be.

    Args:
        settings: where the backups lie.
        tried: the backups to pass over; those that are tried now are added.

    Raises:
        UndecidedError: it can't be told at the moment which backups are whole, or one can't be read or put in place.
        OSError, sqlite3.Error: the copy or the learned accounts can't be written.
    """
    for backup in list_backups(settings.data_dir):
        if backup in tried:
            continue
        tried.add(backup)
        clear_staged(settings.data_dir)
        staged = _try_to_stage(settings, backup)
        if staged:
            return staged
    clear_staged(settings.data_dir)
    return None


def _try_to_stage(settings: Settings, backup: Path) -> Staged | None:
    copy = settings.data_dir / STAGED
    if not _copy(backup, copy):
        return None
    has_whole_refused = is_whole(copy)
    if not (has_whole_refused or is_whole(copy, sparing_refused=True)):
        return None
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            extent = read_extent(connection)
        with contextlib.suppress(duckdb.CatalogException):  # a plain copy has no learned accounts
            unseal(copy, settings.learned_accounts, emptying_refused=not has_whole_refused)
    except UndecidedError:
        raise
    except NewerStoreError as error:
        raise NewerStoreError(
            f"{error} Or move {backup} away, so that an older one takes the place of {settings.database}. Nothing was "
            "moved."
        ) from None
    except (StoreError, duckdb.Error) as error:  # some databases have no notifications
        if isinstance(error, duckdb.Error) and not is_damage(error):
            why = str(error).splitlines()[0]
            raise UndecidedError(f"The backup {backup} can't be put in place now ({why}): nothing was moved.") from None
        _log.error("the backup %s is passed over: %s", backup, error)
        return None
    sync_file(copy)
    return Staged(backup, extent, has_whole_refused, has_whole_derived(copy))


def _copy(backup: Path, copy: Path) -> bool:
    """Copy a backup, and tell whether it is still there.

    Raises:
        UndecidedError: it can't be read, or there is too little room. It may hold what no older one holds, and an
            operator can mend that, so no older one takes its place.
        OSError: the copy can't be written.
    """
    try:
        lack = find_lack_of_room(copy.parent, backup.stat().st_size)
        if not lack:
            copy_whole(backup, copy)
    except OSError as error:
        if error.filename != str(backup):
            raise
        if isinstance(error, FileNotFoundError) and not backup.is_symlink():
            return False
        raise UndecidedError(
            f"A backup must take the place of {copy.parent}'s database, and {backup} can't be read ({error.strerror}): "
            "make it readable, or move it away so that an older one is used. Nothing was moved."
        ) from None
    if lack:
        raise UndecidedError(f"The backup {backup} can't take the place of the database: {lack}. Nothing was moved.")
    return True
