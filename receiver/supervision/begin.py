"""The beginning of `serve`: checks whether it can start, and takes the data directory and the addresses."""

import contextlib
import json
import logging
import os
import socket
import sqlite3
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple

from receiver import __version__
from receiver.data_directory import access as data_directory
from receiver.data_directory.access import Running
from receiver.data_directory.accounts import read_learned_accounts
from receiver.data_directory.incidents import FILE as INCIDENTS
from receiver.data_directory.incidents import put_aside
from receiver.data_directory.node import ALL_PARTS, has_listener, has_store
from receiver.database import replacing
from receiver.database.appended import FILE as APPENDED_NOTE
from receiver.database.stumble import FILE as STUMBLE_NOTE
from receiver.errors import DataDirectoryError, SettingsError
from receiver.keeping.notes import BACKUP_NOTE, UPLOAD_NOTE, parse_note
from receiver.keeping.objects.fetching import clear_fetched
from receiver.listener.sources import TrustedProxies
from receiver.network.sockets import format_address, listen_patiently, take_passed_sockets
from receiver.network.tls import make_tls_context
from receiver.processes import state
from receiver.senders import CENTURYLINK
from receiver.senders.set_up import find_taken, load_profiles, load_secrets, make_target_url, name_variable
from receiver.settings import LEARNED_ACCOUNTS, Settings, is_loopback
from receiver.spool import owners as spools
from receiver.supervision.handover import Handover, Held, read_handover

KEPT = ("data_dir", "spool_dir", "listen", "query_listen", "listeners")
"""Settings that can't change while `serve` holds the data directory and the sockets."""

_log = logging.getLogger(__name__)


def check(settings: Settings, role: str) -> str:
    """Check that `serve` could start with these settings in a role, and return its version.

    Raises:
        ReceiverError: it could not start.
    """
    import receiver.listener.process  # noqa: PLC0415
    import receiver.shipping.process  # noqa: PLC0415
    import receiver.store.process  # noqa: F401, PLC0415 - what can't be imported could not be started

    read_handover()
    check_files(settings)
    check_role(settings, role)
    return __version__


def check_files(settings: Settings) -> None:
    """Check that the files and networks in the settings, and the database, can be used.

    Raises:
        ReceiverError: one of them can't be.
    """
    data_directory.check_database(settings.database)
    make_tls_context(settings)
    CENTURYLINK.verification.load_key(settings.public_key)
    TrustedProxies(settings.trusted_proxies)
    load_secrets(settings, load_profiles(settings).values())
    check_driver(settings)


def check_role(settings: Settings, role: str) -> None:
    """Check that a machine with these settings can have a role.

    Raises:
        SettingsError: it has no shared spool, by which the parts on different machines know each other.
    """
    if role != ALL_PARTS and settings.shared_spool is None:
        raise SettingsError(
            f"CLC_SHARED_SPOOL is not set, and `serve --only {role}` needs it: the URL of the PostgreSQL database "
            "through which the machines share their notifications."
        )


def check_driver(settings: Settings) -> None:
    """Check that the driver of the shared spool is installed, if there is one.

    Raises:
        SettingsError: it is not.
    """
    if settings.shared_spool is not None and find_spec("psycopg") is None:
        raise SettingsError("CLC_SHARED_SPOOL needs the extra `cluster`: pip install 'clc-webhook-analytics[cluster]'.")


def take_hold(settings: Settings, role: str) -> Held:
    """Take the data directory and the addresses, or the sockets that systemd has opened already.

    Raises:
        ReceiverError: one of them can't be taken.
    """
    data_directory.prepare(settings, has_spool=has_listener(role))
    lock = data_directory.take(settings.data_dir)
    try:
        take_spool(settings, role)
        return _open_sockets(settings, role, lock)
    except BaseException:
        lock.close()
        raise


def take_spool(settings: Settings, role: str) -> None:
    """Mark the spool as this data directory's, and log the former spools with rows; without a listener there is none.

    Raises:
        DataDirectoryError: it belongs to another, or rows wait in it and this machine has no listener any more.
    """
    if not has_listener(role):
        _check_nothing_waits(settings)
        return
    spools.claim(settings)
    for former in spools.list_former_spools(settings):
        _log.error("the former spool %s %s", former.directory, former.trouble or "still has rows, which are taken now")


def _check_nothing_waits(settings: Settings) -> None:
    waiting = spools.count_whole_backlog(settings, spools.list_former_spools(settings), {})
    if waiting.rows or waiting.unreadable:
        raise DataDirectoryError(
            f"The spool {settings.spool_directory} has rows that this machine took, and `serve --only store` sends "
            "none: run `clc-receiver serve` here until its status says that spool_rows is 0, and stop it."
        )


def keep_spool(settings: Settings, role: str) -> None:
    """Do the same if the version before this one had the spool already, but only log an error."""
    try:
        take_spool(settings, role)
    except DataDirectoryError as error:
        _log.error("%s", error)


def _open_sockets(settings: Settings, role: str, lock: IO[str]) -> Held:
    try:
        replacing.finish(settings.data_dir)
    except OSError as error:
        _log.error("an interrupted restore can't be finished yet, the store tries again: %s", error)
    with contextlib.suppress(OSError):
        clear_fetched(settings.data_dir)
    check_small_files(settings)
    passed = take_passed_sockets(os.environ)
    # The processes of a killed `serve` give their addresses up a moment later.
    last = data_directory.read_holder(lock)
    taken = {last.listen, last.query_listen} if last else set()
    query, listeners = None, list[socket.socket]()
    if has_store(role):
        query = passed.query or listen_patiently(settings.query_listen, 1, "CLC_QUERY_LISTEN", taken)[0]
    if has_listener(role):
        listeners = passed.listeners or listen_patiently(settings.listen, settings.listeners, "CLC_LISTEN", taken)
    if (passed.listeners and not listeners) or (passed.query and not query):
        _log.warning("systemd passed sockets that `--only %s` does not use: take them out of the socket unit", role)
    running = Running(
        os.getpid(), format_address(listeners[0]) if listeners else "", format_address(query) if query else ""
    )
    data_directory.announce(lock, running)
    if listeners:
        _log_targets(settings, running)
    if query:
        _log_queries(running)
    return Held(lock, *os.pipe(), query, listeners)


def _log_targets(settings: Settings, running: Running) -> None:
    scheme = "https" if settings.tls_cert else "http"
    part = "CLC_URL_SECRET/" if settings.url_secret else ""
    _log.info("notifications are taken at %s://%s/webhooks/%sEVENT", scheme, running.listen, part)
    names, lacking = find_taken(settings)
    for name in names:
        _log.info("notifications of %s are taken at %s", name, make_target_url(settings, running.listen, name))
    for name in lacking:
        _log.warning("notifications of %s are not taken: set %s", name, name_variable(name))


def _log_queries(running: Running) -> None:
    _log.info("queries are answered at http://%s/query", running.query_listen)
    if not is_loopback(running.query_listen):
        _log.warning(
            "the query service takes connections from other machines and does not encrypt: its token and all answers "
            "can be read on the way; set CLC_QUERY_LISTEN to 127.0.0.1 and put a proxy with TLS before it"
        )


def keep_settings(settings: Settings, before: Handover) -> Settings:
    """Keep what can't change while the data directory and the sockets are held, and note in the handover what has."""
    kept = {name: Path(str(value)) if name.endswith("_dir") and value else value for name, value in before.kept.items()}
    for name, value in kept.items():
        if getattr(settings, name) != value:
            _log.warning("CLC_%s has changed; that takes a stop and a start of serve", name.upper())
            before.not_taken_over.append(f"CLC_{name.upper()}")
    return settings.model_copy(update=kept)


class _Small(NamedTuple):
    """A small file: how to read it, and for a damaged one: the consequence, what is missing, and its companions."""

    name: str
    read: Callable[[Path], object]
    otherwise: str
    missing: str | None = None
    companions: tuple[str, ...] = ()


def check_small_files(settings: Settings) -> None:
    """Move damaged small files aside, and make the tokens where they are missing; only `serve` does, before it begins.

    A power cut, a full disk or an editor may leave one empty or damaged, and each can be made anew. The recovery checks
    `appended.json`, because it knows the consequences, and `receiver.data_directory.incidents` checks `recovery.json`.

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
    data_directory.read_query_token(settings)
    data_directory.control_token(settings)


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


def _check_accounts(path: Path) -> None:
    if not path.stat().st_size:
        raise ValueError(path.name)
    read_learned_accounts(path)


_SMALL = (
    _Small(data_directory.QUERY_TOKEN, Path.stat, ""),
    _Small(data_directory.CONTROL_TOKEN, Path.stat, ""),
    _Small(INCIDENTS, Path.stat, ""),
    _Small(APPENDED_NOTE, Path.stat, ""),
    _Small(state.FILE, lambda path: state.ServeState.model_validate_json(path.read_bytes()), "it is written anew."),
    _Small(
        BACKUP_NOTE,
        lambda path: parse_note(path.read_bytes()),
        "how the last backup went is not known until the next one is made.",
    ),
    _Small(
        UPLOAD_NOTE,
        lambda path: parse_note(path.read_bytes()),
        "when a backup came into object storage last is not known until the next one does.",
    ),
    _Small(STUMBLE_NOTE, _check_places, "a row that ended the store's process is looked for again."),
    _Small(
        LEARNED_ACCOUNTS,
        _check_accounts,
        "it begins empty.",
        "The accounts learned from notifications: those not in CLC_ACCOUNTS are refused until a notification of their "
        "account tells of them again.",
        ("-wal", "-shm", "-journal"),
    ),
)
