"""`clc-receiver check`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from receiver.commands.options import take_data_dir
from receiver.configuration import split_objects_url
from receiver.data_directory.access import check_database, find_running_serve
from receiver.data_directory.node import read_machine_name
from receiver.errors import DataDirectoryError, ListenError, ReceiverError, SettingsError
from receiver.files import find_write_trouble
from receiver.keeping.care.limits import format_bytes
from receiver.keeping.lake.place import LakePlace, list_months
from receiver.keeping.objects.place import Place, Unusable
from receiver.keeping.objects.storage import Storage
from receiver.listener.sources import TrustedProxies
from receiver.logs import make_visible
from receiver.network.sockets import is_one_of, listen
from receiver.network.tls import make_tls_context, read_validity
from receiver.senders import CENTURYLINK
from receiver.senders.keys import compute_fingerprint
from receiver.senders.set_up import find_taken, find_unclaimed, make_target_url, name_variable
from receiver.settings import Settings, list_variables, read_settings
from receiver.supervision.begin import check_driver

_OK = click.style("ok   ", fg="green")
_WRONG = click.style("WRONG", fg="red")
_NOTE = click.style("note ", fg="yellow")


@click.command(short_help="Say whether settings, paths, keys and ports could be used.")
@take_data_dir
def check(data_dir: Path | None) -> None:
    """Say whether settings, paths, keys, ports, senders and rules could be used; start nothing.

    To try object storage, it writes a small object, reads it and deletes it. An empty object that marks its folder
    stays. If the credentials may not delete, each check leaves its small object, too. Nothing else is changed.

    The exit code is 1 if anything could not be used.
    """
    settings = read_settings(data_dir=data_dir)
    results = [_check(subject, look, settings) for subject, look in _CHECKS]
    results.append(_check_senders(settings))
    # The reading side reports on its own settings and rules in the same form. It tries the rules on the tables of a
    # running serve.
    offline = [] if _is_running(settings) else ["--offline"]
    command = [sys.executable, "-m", "analytics", "check", *offline]
    read = subprocess.run(command, env=list_variables(settings), check=False)  # noqa: S603 - our own command
    if read.returncode or not all(results):
        raise click.exceptions.Exit(1)


def _is_running(settings: Settings) -> bool:
    try:
        return find_running_serve(settings.data_dir) is not None
    except DataDirectoryError:  # its own line says so
        return False


def _check(subject: str, look: Callable[[Settings], str], settings: Settings) -> bool:
    try:
        text, state = look(settings), _OK
    except ReceiverError as error:
        text, state = str(error), _WRONG
    _print(state, subject, text)
    return state is _OK


def _check_senders(settings: Settings) -> bool:
    """Print a line for each sender with a profile that is taken or lacks a secret, and for what belongs to none."""
    try:
        taken, lacking = find_taken(settings)
        unclaimed = find_unclaimed(settings)
    except ReceiverError as error:
        _print(_WRONG, "Sender", str(error))
        return False
    for name in taken:
        _print(_OK, "Sender", f"{name} is taken at {make_target_url(settings, settings.listen, name)}")
    for name in lacking:
        _print(_NOTE, "Sender", f"{name} is not taken: set {name_variable(name)}")
    for sentence in unclaimed:
        _print(_NOTE, "Sender", sentence)
    return True


def _print(state: str, subject: str, text: str) -> None:
    click.echo(f"{state}  {subject:15} {make_visible(text)}")


def _describe_settings(settings: Settings) -> str:
    given = ", ".join(f"CLC_{name.upper()}" for name in sorted(settings.model_fields_set))
    return f"set: {given}" if given else "all by default"


def _look_at_data(settings: Settings) -> str:
    """Say how the data directory is, as `_look_at_directory`.

    Raises:
        DataDirectoryError: it or the database in it can't be used.
    """
    text = _look_at_directory(settings.data_dir, "CLC_DATA_DIR")
    check_database(settings.database)
    if settings.database.exists() and not os.access(settings.database, os.R_OK | os.W_OK):
        raise DataDirectoryError(
            f"{settings.database} can't be read and written by this user: run this as the user of `serve`, or give "
            "that user the file."
        )
    return text


def _look_at_directory(directory: Path, variable: str) -> str:
    """Say how a directory is, or that it will be made.

    Raises:
        DataDirectoryError: it can't be used.
    """
    path = directory.absolute()
    try:
        existing = next(each for each in (path, *path.parents) if each.exists() or each.is_symlink())
    except OSError as error:
        raise DataDirectoryError(f"{path} can't be used ({error.strerror}): set {variable} to another.") from None
    if not existing.exists():
        raise DataDirectoryError(f"{existing} leads nowhere: mount what it leads to, or set {variable} to another.")
    if not existing.is_dir():
        raise DataDirectoryError(f"{existing} is no directory: set {variable} to another.")
    if trouble := find_write_trouble(existing):
        raise DataDirectoryError(
            f"{existing} can't be written ({trouble}): make it writable, make room, or set {variable} to another."
        )
    left = format_bytes(shutil.disk_usage(existing).free)
    return f"{path}, {left} left" + ("" if existing == path else "; it will be made")


def _look_at_objects(settings: Settings) -> str:
    """Say how many backups are in object storage.

    Raises:
        ObjectsError: it can't be read or written.
        DataDirectoryError: it is a directory that can't be written.
    """
    if settings.objects is None:
        return "not used: backups stay on this machine"
    remark = _check_writable(settings.objects, "backups")
    place = Place(settings.objects)
    backups = [*place.list_all()]
    unusable = [f"; {each.name} can't be used: {each.why}" for each in backups if isinstance(each, Unusable)]
    return f"{place}, {len(backups) - len(unusable):,} whole backups{''.join(unusable)}{remark}"


def _check_writable(objects: str, folder: str) -> str:
    """Check that a place for objects can be written, a directory without writing there; return a remark.

    Raises:
        ObjectsError, DataDirectoryError: it can't.
    """
    place = split_objects_url(objects)
    if place.scheme == "file":
        _look_at_directory(Path(place.path) / folder, "CLC_OBJECTS")
        return ""
    kept = Storage(objects).prove_writable(folder, read_machine_name())
    return f"; nothing there can be deleted, so what is old stays ({kept.rstrip('.')})" if kept else ""


def _look_at_shared_spool(settings: Settings) -> str:
    """Say how many machines share the spool.

    Raises:
        SettingsError: its driver is not installed.
        SharedSpoolError: it can't be used.
    """
    if settings.shared_spool is None:
        return "not used: this machine has its own"
    check_driver(settings)
    from receiver.shared_spool import count_nodes  # noqa: PLC0415 - psycopg belongs to an extra

    number = count_nodes(settings.shared_spool)
    return f"can be used, {number:,} machine{'' if number == 1 else 's'} known to it"


def _look_at_lake(settings: Settings) -> str:
    """Say which months are in the lake.

    Raises:
        ObjectsError: its place can't be read or written.
        DataDirectoryError: it is a directory that can't be written.
    """
    if settings.objects is None or settings.lake != "on":
        return "not written: CLC_LAKE is off"
    remark = _check_writable(settings.objects, "lake")
    months = list_months(LakePlace(settings.objects).list_objects())
    return (f"{len(months):,} months up to {months[-1]}" if months else "no month yet") + remark


def _look_at_key(settings: Settings) -> str:
    fingerprint = compute_fingerprint(CENTURYLINK.verification.load_key(settings.public_key))
    return f"{settings.public_key or 'the one that the platform published'}, fingerprint {fingerprint}"


def _look_at_tls(settings: Settings) -> str:
    """Say until when the certificate is valid, or that it ends soon.

    Raises:
        SettingsError: it can't be used, or no sender trusts it today.
    """
    make_tls_context(settings)
    if settings.tls_cert is None:
        return "not used: a proxy before the listener should have it"
    validity, now = read_validity(settings.tls_cert), datetime.now(UTC)
    if validity is None:
        return str(settings.tls_cert)
    trouble = validity.find_trouble(now)
    if trouble and not validity.is_valid(now):
        raise SettingsError(f"CLC_TLS_CERT ({settings.tls_cert}) {trouble}")
    return f"{settings.tls_cert} {trouble}" if trouble else f"{settings.tls_cert}, valid until {validity.ends:%Y-%m-%d}"


def _look_at_proxies(settings: Settings) -> str:
    TrustedProxies(settings.trusted_proxies)
    return ", ".join(sorted(settings.trusted_proxies)) or "none"


def _look_at_listener(settings: Settings) -> str:
    running = find_running_serve(settings.data_dir)
    return _look_at_address(settings.listen, "CLC_LISTEN", running.listen if running else None)


def _look_at_queries(settings: Settings) -> str:
    running = find_running_serve(settings.data_dir)
    with ExitStack() as held:
        # The listener has its address then, so that one that serves both is not called free twice.
        if running is None:
            with suppress(ListenError):
                for each in listen(settings.listen, 1, "CLC_LISTEN"):
                    held.enter_context(each)
        return _look_at_address(settings.query_listen, "CLC_QUERY_LISTEN", running.query_listen if running else None)


def _look_at_address(address: str, variable: str, running: str | None) -> str:
    """Say whether an address is free.

    Raises:
        ListenError: it can't be listened on.
    """
    if running and is_one_of(address, [running]):
        return f"{address}, used by the running serve"
    for each in listen(address, 1, variable):
        each.close()
    return f"{address} is free"


_CHECKS: tuple[tuple[str, Callable[[Settings], str]], ...] = (
    ("Settings", _describe_settings),
    ("Data directory", _look_at_data),
    ("Spool", lambda settings: _look_at_directory(settings.spool_directory, "CLC_SPOOL_DIR")),
    ("Shared spool", _look_at_shared_spool),
    ("Object storage", _look_at_objects),
    ("Lake", _look_at_lake),
    ("Public key", _look_at_key),
    ("TLS", _look_at_tls),
    ("Trusted proxies", _look_at_proxies),
    ("Listener", _look_at_listener),
    ("Query service", _look_at_queries),
)
