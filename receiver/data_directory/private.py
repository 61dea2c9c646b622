"""Keeps the data directory and the spool to their owner: bodies hold names, addresses and telephone numbers."""

import logging
import os
from pathlib import Path

from receiver.files import OWNER_ONLY_DIRECTORY, OWNER_ONLY_FILE, keep_to_owner
from receiver.settings import LEARNED_ACCOUNTS, OWN_DIRECTORIES, Settings

_JSON = (
    *("appended", "backup", "lake", "recovery", "refused", "replacing", "scrub", "sent", "serve"),
    *("sharing", "shipped", "spools", "stumbled", "upload"),
)
# In a directory with other files, too, only files that are surely ours are touched.
_OWN = (
    "clc.duckdb*",
    "clc-*.duckdb",
    "query.token",
    "control.token",
    *(f"{name}.json" for name in _JSON),
    f"{LEARNED_ACCOUNTS}*",
    "last_bodies.sqlite*",
    "serve.lock",
    "restoring.*",
    "suspect",
    "arranging",
    "owner",
    "node.id",
    "node.runs",
    "demo.log",
    "history.jsonl",
    "history-*.jsonl",
    "simulator.pem*",
)
_WRITER = "[0-9a-f]" * 32
_OF_THE_SPOOL = (f"{_WRITER}-*.sqlite*", f"{_WRITER}-*.new*", f"{_WRITER}.lock")

_log = logging.getLogger(__name__)


def keep_private(settings: Settings) -> None:
    """Take other users' permissions away from the data directory, the spool and their files, and log it."""
    try:
        taken = _take_all(settings)
    except OSError as error:
        _log.warning("whether others may read the files in %s can't be found out: %s", settings.data_dir, error)
        return
    if taken:
        _log.warning(
            "other users of this machine could read %d files and directories in %s; now only their owner can",
            taken,
            settings.data_dir,
        )


def _take_all(settings: Settings) -> int:
    taken = 0
    for directory in filter(Path.is_dir, {settings.data_dir, settings.spool_directory}):
        trees = {directory / name for name in OWN_DIRECTORIES} | {settings.spool_directory}
        files = {path for pattern in (*_OWN, *_OF_THE_SPOOL) for path in directory.glob(pattern)}
        others = [path for path in directory.iterdir() if path not in files | trees and not path.name.startswith(".")]
        if others:
            _log.warning("%s holds other things, too, such as %s: its mode stays", directory, others[0].name)
        else:
            taken += _take(directory)
        for tree in trees - {settings.spool_directory}:
            files |= {tree, *tree.glob("**/*")}
        taken += sum(map(_take, files))
    return taken


def _take(path: Path) -> bool:
    try:
        return keep_to_owner(path, OWNER_ONLY_DIRECTORY if path.is_dir() else OWNER_ONLY_FILE)
    except FileNotFoundError:
        return False
    except OSError as error:
        _log.warning("other users may read %s, and that can't be changed: %s", path, error)
        return False


def restrict() -> None:
    """Keep the files that this process makes to its user: others get no permission on them."""
    os.umask(0o077)
