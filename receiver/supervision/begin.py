"""The beginning of `serve`: checks whether it can start, and takes the data directory and the addresses."""

import logging
import os
from pathlib import Path
from typing import IO

from receiver import __version__
from receiver.data_directory import lock as data_directory
from receiver.data_directory.lock import Running
from receiver.database import replacing
from receiver.errors import DataDirectoryError
from receiver.keeping.small_files import check_small_files
from receiver.listener.peers import TrustedProxies
from receiver.network.sockets import address_of, listen_patiently, make_tls_context
from receiver.senders import SENDER
from receiver.settings import Settings, is_loopback
from receiver.spool import owners as spools
from receiver.supervision.handover import Handover, Held, read_handover
from receiver.supervision.systemd import take_passed_sockets

KEPT = ("data_dir", "spool_dir", "listen", "query_listen", "listeners")
"""Settings that can't change while `serve` holds the data directory and the sockets."""

_log = logging.getLogger(__name__)


def check(settings: Settings) -> str:
    """Check that `serve` could start with these settings, and return its version.

    Raises:
        ReceiverError: it could not start.
    """
    import receiver.listener.process  # noqa: PLC0415
    import receiver.store.process  # noqa: F401, PLC0415 - what can't be imported could not be started

    read_handover()
    check_files(settings)
    return __version__


def check_files(settings: Settings) -> None:
    """Check that the files and networks in the settings can be used.

    Raises:
        ReceiverError: one of them can't be.
    """
    make_tls_context(settings)
    SENDER.verification.load_key(settings.public_key)
    TrustedProxies(settings.trusted_proxies)


def take_hold(settings: Settings) -> Held:
    """Take the data directory and the addresses, or the sockets that systemd has opened already.

    Raises:
        ReceiverError: one of them can't be taken.
    """
    data_directory.prepare(settings)
    lock = data_directory.take(settings.data_dir)
    try:
        take_spool(settings)
        return _open_sockets(settings, lock)
    except BaseException:
        lock.close()
        raise


def take_spool(settings: Settings) -> None:
    """Mark the spool as this data directory's, and log the former spools with rows.

    Raises:
        DataDirectoryError: it belongs to another.
    """
    spools.claim(settings)
    for former in spools.list_former_spools(settings):
        _log.error("the former spool %s %s", former.directory, former.trouble or "still has rows, which are taken now")


def keep_spool(settings: Settings) -> None:
    """Do the same if the version before this one had the spool already, but only log an error."""
    try:
        take_spool(settings)
    except DataDirectoryError as error:
        _log.error("%s", error)


def _open_sockets(settings: Settings, lock: IO[str]) -> Held:
    try:
        replacing.finish(settings.data_dir)
    except OSError as error:
        _log.error("an interrupted restore can't be finished yet, the store tries again: %s", error)
    check_small_files(settings)
    passed = take_passed_sockets(os.environ)
    # The processes of a killed `serve` give their addresses up a moment later.
    last = data_directory.read_last_holder(lock)
    taken = {last.listen, last.query_listen} if last else set()
    query = passed.query or listen_patiently(settings.query_listen, 1, "CLC_QUERY_LISTEN", taken)[0]
    listeners = passed.listeners or listen_patiently(settings.listen, settings.listeners, "CLC_LISTEN", taken)
    running = Running(os.getpid(), address_of(listeners[0]), address_of(query))
    data_directory.announce(lock, running)
    scheme = "https" if settings.tls_cert else "http"
    part = "CLC_URL_SECRET/" if settings.url_secret else ""
    _log.info("notifications are taken at %s://%s/webhooks/%sEVENT", scheme, running.listen, part)
    _log.info("queries are answered at http://%s/query", running.query_listen)
    if not is_loopback(running.query_listen):
        _log.warning(
            "the query service takes connections from other machines and does not encrypt: its token and all answers "
            "can be read on the way; set CLC_QUERY_LISTEN to 127.0.0.1 and put a proxy with TLS before it"
        )
    return Held(lock, *os.pipe(), query, listeners)


def keep_settings(settings: Settings, before: Handover) -> Settings:
    """Keep what can't change while the data directory and the sockets are held."""
    kept = {name: Path(str(value)) if name.endswith("_dir") and value else value for name, value in before.kept.items()}
    for name, value in kept.items():
        if getattr(settings, name) != value:
            _log.warning("CLC_%s has changed; that takes a stop and a start of serve", name.upper())
    return settings.model_copy(update=kept)
