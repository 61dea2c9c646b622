"""`clc-receiver restore`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from receiver.commands.options import EMPTY, take_data_dir
from receiver.commands.taking import taking
from receiver.data_directory.incidents import Incident, make_incident, read_incidents, settle_missing
from receiver.data_directory.node import has_store
from receiver.database.faults import has_whole_derived
from receiver.errors import StoreError
from receiver.keeping.backup_file import BackupInfo, inspect_all_but_refused
from receiver.keeping.objects.fetching import Fetched, fetched_newest
from receiver.keeping.objects.place import Advance, Manifest, Place, find_place
from receiver.keeping.restoring import LeftOut, count_left_out, count_rows_waiting, find_made_whole, install
from receiver.logs import make_visible
from receiver.processes.state import read_state
from receiver.senders import CENTURYLINK
from receiver.senders.keys import compute_fingerprint
from receiver.settings import Settings, read_settings
from receiver.spool import owners as spools
from receiver.store.loss import describe_loss_of_gone
from receiver.supervision.begin import check_driver

_DERIVED_AGAIN = (
    "Changes, accounts or counts in the backup are damaged, and its notifications are whole: `serve` derives the "
    "others again when it starts."
)
_WITHOUT_REFUSED = (
    "The refused notifications in the backup are damaged, and it is restored without them. Among them may be rows that "
    "were accepted and set aside."
)
_WAYS = "Name another CLC_DATA_DIR, or give --force to move it aside."


@click.command(short_help="Put a backup in the database's place, while `serve` is stopped.")
@click.argument("backup", metavar="FILE")
@click.option(
    "--force",
    is_flag=True,
    help="Move a database that is there already aside, restore where no store ran, and restore a backup whose refused "
    "notifications alone are damaged without them; nothing is deleted.",
)
@click.option("--other-key", is_flag=True, help="Allow a backup that was made under another public key.")
@take_data_dir
def restore(backup: str, force: bool, other_key: bool, data_dir: Path | None) -> None:
    """Make the backup FILE the database, while no `serve` is running.

    FILE is a file; or `objects`, the newest whole backup in the object storage that CLC_OBJECTS names; or such a place
    itself, such as s3://BUCKET/PREFIX. With --force the newest one whose notifications are whole is fetched.

    The spool stays as it is, and so does a shared one: what they hold beyond the backup goes in, once, when `serve`
    starts. Notifications that neither the backup nor a spool holds are counted first, and `status` shows their number
    from then on. The next start finishes a restore that was interrupted.
    """
    if not backup:
        raise click.BadParameter(EMPTY, param_hint="FILE")
    settings = read_settings(data_dir=data_dir)
    check_driver(settings)
    if not force:
        _check_role(settings)
    place = find_place(backup, settings)
    if place is None:
        info, has_whole_refused = _inspect_file(Path(backup), force=force)
        check_key(backup, info, settings, other_key=other_key)
        with taking(settings):
            put_in_place(Path(backup), info, settings, force=force, has_whole_refused=has_whole_refused)
        return
    with taking(settings):
        if settings.database.exists() and not force:
            raise StoreError(f"{settings.database} exists. {_WAYS}")
        with fetching(place, settings.data_dir, sparing=force) as (file, name, info, has_whole_refused, _):
            check_key(name, info, settings, other_key=other_key)
            put_in_place(file, info, settings, force=force, fetched=name, has_whole_refused=has_whole_refused)


def _check_role(settings: Settings) -> None:
    """Check that this machine has a store, unless none was ever started.

    Raises:
        StoreError: it only takes notifications, and a store here would have none that come.
    """
    state = read_state(settings.data_dir)
    if state and not has_store(state.role):
        raise StoreError(
            f"The `serve` of {settings.data_dir} ran with `--only listener` and has no store: restore on a machine "
            "with one, or give --force if this one is to have one from now on."
        )


@contextmanager
def fetching(
    place: Place, data_dir: Path, find_lack: Callable[[Path], str | None] = lambda _file: None, *, sparing: bool = False
) -> Iterator[Fetched]:
    """Fetch the newest whole backup and show the progress; see `fetched_newest`."""
    with ExitStack() as bars:

        def begin(manifest: Manifest) -> Advance:
            bars.close()
            words = f"{manifest.notifications:,} notifications of {manifest.machine}, as of {manifest.made_at[:19]} UTC"
            click.echo(make_visible(f"The backup {manifest.name} has {words}."), err=True)
            bar = click.progressbar(length=manifest.bytes, label="Fetching the backup", file=sys.stderr)
            return bars.enter_context(bar).update

        def pass_over(sentence: str) -> None:
            bars.close()
            click.echo(make_visible(sentence), err=True)

        with fetched_newest(place, data_dir, begin, pass_over, find_lack, sparing=sparing) as fetched:
            bars.close()
            if fetched.fault:
                click.echo(make_visible(f"{fetched.fault} Its notifications are whole, so it is used."), err=True)
            yield fetched


def check_key(backup: str, info: BackupInfo, settings: Settings, *, other_key: bool) -> None:
    """Check that a backup was made under the public key in use, unless another is allowed.

    Raises:
        StoreError: it was not.
    """
    fingerprint = compute_fingerprint(CENTURYLINK.verification.load_key(settings.public_key))
    if info.key_fingerprint != fingerprint and not other_key:
        raise StoreError(
            f"{backup} was made under the public key {info.key_fingerprint}, but CLC_PUBLIC_KEY is {fingerprint}: "
            "set the key of the backup, or give --other-key."
        )


def put_in_place(
    file: Path,
    info: BackupInfo,
    settings: Settings,
    *,
    force: bool = False,
    fetched: str | None = None,
    has_whole_refused: bool = True,
) -> None:
    """Make a checked backup the database, and say what that leaves out.

    Args:
        file: the backup.
        info: what it says of itself.
        settings: where the database lies.
        force: whether a database that is there goes aside.
        fetched: the name of the backup in object storage, if the file was fetched from there and can be moved.
        has_whole_refused: whether its refused notifications can be read; if not, they are left out.

    Raises:
        StoreError: there is a database already, and no `force`; or it failed.
    """
    is_whole = has_whole_derived(file)
    left_out, lost = _find_what_is_left_out(file, settings)
    lacking = [str(left_out)] if left_out.number != 0 else []
    if left_out.refused and has_whole_refused:
        lacking.append(left_out.describe_refused())
    if settings.database.exists() and not force:
        raise StoreError(" ".join([f"{settings.database} exists.", *(f"{each}." for each in lacking), _WAYS]))
    made_whole = find_made_whole(settings, file) if has_whole_refused else []
    if left_out.refused and has_whole_refused:
        click.echo(f"{left_out.describe_refused()}: they stay in the database that is moved aside.", err=True)
    with click.progressbar(length=file.stat().st_size, label="Copying the backup", file=sys.stderr) as bar:
        seq = max(left_out.seq, info.last_seq)
        incident = _make_incident(
            fetched or file.name, info, lost, number=left_out.number, has_whole_refused=has_whole_refused
        )
        aside = install(
            file,
            settings,
            bar.update,
            seq=seq,
            incident=incident,
            moving=fetched is not None,
            has_whole_derived=is_whole,
            has_whole_refused=has_whole_refused,
        )
    if not is_whole:
        click.echo(_DERIVED_AGAIN, err=True)
    if not has_whole_refused:
        click.echo(_WITHOUT_REFUSED, err=True)
    if aside and not incident:  # the incident has said so
        click.echo(f"What was there is kept in {aside}.", err=True)
    _describe(info, settings)
    _settle(settings.data_dir, made_whole, fetched or file.name)


def _settle(data_dir: Path, made_whole: list[Incident], name: str) -> None:
    """Note that nothing is missing any more since incidents before, and name the others."""
    try:
        settled = settle_missing(data_dir, made_whole, f"The backup {name} brought that back.")
    except OSError as error:
        raise StoreError(
            f"The backup is restored, but what it brought back can't be noted ({error.strerror}): make room, and "
            "restore it again."
        ) from None
    for each in settled:
        click.echo(f"What was missing since {each.at[:19]} UTC is there again.", err=True)
    missing = [each for each in read_incidents(data_dir) if each.missing]
    if missing:
        since = ", ".join(f"{each.at[:19]} UTC" for each in missing)
        click.echo(
            f"`status` is red for what is missing since {since}; `clc-receiver accept-loss` ends that.", err=True
        )


def _describe(info: BackupInfo, settings: Settings) -> None:
    waiting = count_rows_waiting(settings)
    click.echo(
        f"{settings.database}: {info.notifications:,} notifications up to seq {info.last_seq:,}, as of "
        f"{info.made_at:%Y-%m-%d %H:%M:%S} UTC. The spool holds {waiting.rows:,} more, which go in when "
        "`serve` starts.",
        err=True,
    )
    if waiting.unreadable:
        click.echo(f"The spool may hold more in unreadable segments: {', '.join(waiting.unreadable)}.", err=True)
    for former in spools.list_former_spools(settings):
        if former.trouble:
            click.echo(f"A former spool may hold more: {former.directory} {former.trouble}.", err=True)


def _inspect_file(file: Path, *, force: bool) -> tuple[BackupInfo, bool]:
    """Check a backup; with `force`, also one whose refused notifications, and nothing else, can't be read.

    Returns:
        What it says of itself, and whether its refused notifications can be read.

    Raises:
        StoreError: it can't be restored.
    """
    if file.is_dir():
        raise click.BadParameter(f"{file} is a directory: name the backup in it.", param_hint="FILE")
    if not file.is_file():
        raise click.BadParameter(f"there is no file {file}.", param_hint="FILE")
    info, error = inspect_all_but_refused(file)
    if error and not force:
        raise StoreError(f"{error} Or give --force: its refused notifications alone are damaged.")
    return info, error is None


def _find_what_is_left_out(file: Path, settings: Settings) -> tuple[LeftOut, str | None]:
    """Find what a checked backup and the spool lack of the present database; say it in sentences, None for nothing.

    If the database is gone, the note of how far the store came tells what it had.
    """
    if settings.database.exists():
        left_out = count_left_out(settings, file)
        return left_out, None if left_out.number == 0 else f"{left_out}. The database before it may hold them."
    lost = describe_loss_of_gone(settings, file)
    return LeftOut(None if lost else 0, None, None, 0), lost


def _make_incident(
    name: str, info: BackupInfo, lost: str | None, *, number: int | None, has_whole_refused: bool
) -> Incident | None:
    """Make the incident for rows that the restored database lacks, if there are any."""
    missing = lost or ""
    if not has_whole_refused:
        # No later restore is known to bring these back, so none of what is missing counts as settled by one.
        until = f"{info.made_at:%Y-%m-%d %H:%M:%S} UTC"
        missing = f"All refused notifications up to {until}, and what was set aside among them. {missing}".rstrip()
        number = None
    if not missing:
        return None
    what = f"The database was replaced by the backup {name} of {info.made_at:%Y-%m-%d %H:%M:%S} UTC."
    return make_incident(what, missing=missing, left_out=number)
