"""Checks the small files of a data directory before `serve` relies on them.

A power cut, a full disk or an editor may leave one empty or damaged. Each can be made anew; so a damaged file is moved
aside, an incident names it, and `serve` starts. The recovery checks `appended.json`, because it knows the
consequences, and `receiver.data_directory.incidents` checks `recovery.json`.
"""

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from receiver.data_directory import tokens
from receiver.data_directory.incidents import put_aside
from receiver.errors import DataDirectoryError
from receiver.keeping.backup_file import FILE as BACKUP_NOTE
from receiver.keeping.backup_file import parse_backup_note, read_learned_accounts
from receiver.processes import state
from receiver.settings import Settings

_log = logging.getLogger(__name__)


class _Small(NamedTuple):
    """A small file: how to read it, and for a damaged one: the consequence, what is missing, and its companions."""

    name: str
    read: Callable[[Path], object]
    otherwise: str
    missing: str | None = None
    companions: tuple[str, ...] = ()


def check_small_files(settings: Settings) -> None:
    """Move damaged small files aside, and make the tokens where they are missing; only `serve` does, before it begins.

    Raises:
        DataDirectoryError: a damaged file can't be moved aside, or a token can't be made.
    """
    for small in _SMALL:
        path = settings.data_dir / small.name
        _sweep(path)
        if not path.exists():
            continue
        try:
            small.read(path)
        except (ValueError, TypeError, KeyError, AttributeError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or no permission: the listener says so
                continue
            _put_aside(settings, path, small)
        except OSError as error:
            _log.warning("%s can't be read: %s", path, error)
    tokens.query_token(settings)
    tokens.control_token(settings)


def _put_aside(settings: Settings, path: Path, small: _Small) -> None:
    try:
        files = [path, *(path.with_name(path.name + suffix) for suffix in small.companions)]
        put_aside(settings.data_dir, files, f"is empty or damaged: {small.otherwise}", small.missing)
    except OSError as error:
        raise DataDirectoryError(
            f"{path} is damaged and can't be moved aside ({error.strerror}): make room or move it yourself."
        ) from None


def _sweep(path: Path) -> None:
    """Delete unfinished files that killed processes left; they never had the file's name."""
    for unfinished in path.parent.glob(f".{path.name}.*"):
        with contextlib.suppress(OSError):
            unfinished.unlink()


def _check_places(path: Path) -> None:
    for segment, kind, position in json.loads(path.read_bytes()):
        (segment + kind, int(position))


def _check_refused(path: Path) -> None:
    for each in json.loads(path.read_bytes()):
        (each["sha256"] + "", datetime.fromisoformat(each["at"]))


def _check_accounts(path: Path) -> None:
    if not path.stat().st_size:
        raise ValueError(path.name)
    read_learned_accounts(path)


_SMALL = (
    _Small(tokens.QUERY, Path.stat, ""),
    _Small(tokens.CONTROL, Path.stat, ""),
    _Small("recovery.json", Path.stat, ""),
    _Small("appended.json", Path.stat, ""),
    _Small(state.FILE, lambda path: state.parse_state(path.read_bytes()), "it is written anew."),
    _Small(
        BACKUP_NOTE,
        lambda path: parse_backup_note(path.read_bytes()),
        "how the last backup went is not known until the next one is made.",
    ),
    _Small("refused_queries.json", _check_refused, "queries that ended the store's process may be asked again."),
    _Small("stumbled.json", _check_places, "a row that ended the store's process is looked for again."),
    _Small(
        "accounts.sqlite",
        _check_accounts,
        "it begins empty.",
        "The accounts learned from notifications: those not in CLC_ACCOUNTS are refused until a notification of their "
        "account tells of them again.",
        ("-wal", "-shm", "-journal"),
    ),
)
