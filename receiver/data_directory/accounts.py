"""The accounts whose notifications are accepted: those of the settings, and those that listeners have learned.

The learned ones lie in one small SQLite file, which `receiver.settings.Settings.learned_accounts` names.
"""

import contextlib
import logging
import sqlite3
from pathlib import Path

from receiver.errors import DataDirectoryError
from receiver.files import sync_directory

_CREATE = "CREATE TABLE IF NOT EXISTS learned_accounts (alias TEXT PRIMARY KEY) STRICT"
_LEARN = "INSERT OR IGNORE INTO learned_accounts VALUES (?)"

_log = logging.getLogger(__name__)


class AllowedAccounts:
    """The allow-list, shared by all listeners through one small SQLite file.

    While that file can't be written (a full disk, say), this listener goes on with the accounts that it knows, and
    writes them down when it learns the next.

    Args:
        configured: upper-case aliases; None accepts every account.
        path: the file of learned aliases; made if need be.
    """

    def __init__(self, configured: frozenset[str] | None, path: Path) -> None:
        self._known = set(configured or ())
        self._everyone = configured is None
        self._path = path
        self._file: sqlite3.Connection | None = None
        self._unwritten: set[str] = set()
        if not self._everyone:
            with contextlib.suppress(sqlite3.Error):  # it is tried again
                self._open()

    def allows(self, alias: str | None) -> bool:
        """Tell whether an account's notifications are accepted; an unknown account (None) only if all are.

        Raises:
            DataDirectoryError: that can't be told, because the file can't be read.
        """
        if self._everyone or alias in self._known:
            return True
        return alias is not None and self._was_learned(alias)

    def learn(self, alias: str) -> None:
        """Accept an account from now on, here and in every other listener."""
        if self._everyone or (alias in self._known and not self._unwritten):
            return
        if alias not in self._known:
            self._unwritten.add(alias)
            self._known.add(alias)
        try:
            self._open().executemany(_LEARN, [[each] for each in self._unwritten])
            self._unwritten.clear()
        except sqlite3.Error as error:
            _log.error(
                "a learned account could not be written to %s (%s): only this listener knows it", self._path, error
            )

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _was_learned(self, alias: str) -> bool:
        # Another listener may have learned it a moment ago, so ask the file before refusing.
        try:
            row = self._open().execute("SELECT 1 FROM learned_accounts WHERE alias = ?", [alias]).fetchone()
        except sqlite3.Error as error:
            raise DataDirectoryError(f"{self._path} can't be read ({error}), which lists learned accounts.") from None
        if row:
            self._known.add(alias)
        return bool(row)

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            file = sqlite3.connect(self._path, isolation_level=None, timeout=5)
            try:
                file.execute("PRAGMA journal_mode=WAL")
                file.execute(_CREATE)
                sync_directory(self._path.parent)
            except (sqlite3.Error, OSError) as error:
                with contextlib.suppress(sqlite3.Error):
                    file.close()
                raise sqlite3.OperationalError(str(error)) from error
            self._file = file
        return self._file


def read_learned_accounts(path: Path) -> list[str]:
    """Read the aliases that listeners have learned, in order; none without a file."""
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as file:
        return [alias for (alias,) in file.execute("SELECT alias FROM learned_accounts ORDER BY alias")]


def learn_accounts(path: Path, aliases: list[str]) -> None:
    """Add aliases to a file of learned accounts, made if need be.

    Raises:
        sqlite3.Error: they can't be added.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as file:
        file.execute(_CREATE)
        file.executemany(_LEARN, [[alias] for alias in aliases])
