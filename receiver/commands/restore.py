"""`clc-receiver restore`."""

import sys
from pathlib import Path

import click

from receiver.data_directory import access as data_directory
from receiver.data_directory.incidents import Incident, make_incident
from receiver.database import replacing
from receiver.errors import StoreError
from receiver.keeping.backup_file import BackupInfo, inspect
from receiver.keeping.restoring import LeftOut, count_left_out, count_rows_waiting, install
from receiver.senders import CENTURYLINK
from receiver.senders.keys import key_fingerprint
from receiver.settings import Settings, read_settings
from receiver.spool import owners as spools


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Move a database that is there already aside; nothing is deleted.")
@click.option("--other-key", is_flag=True, help="Allow a backup that was made under another public key.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Overrides CLC_DATA_DIR.")
def restore(file: Path, force: bool, other_key: bool, data_dir: Path | None) -> None:
    """Make the backup FILE the database, while no `serve` is running.

    The spool stays as it is: what it holds beyond the backup goes in, once, when `serve` starts. Notifications that
    neither of the two holds are counted first, and `status` shows the count from then on. The next start finishes a
    restore that was interrupted.
    """
    settings = read_settings(data_dir=data_dir)
    info = inspect(file)
    fingerprint = key_fingerprint(CENTURYLINK.verification.load_key(settings.public_key))
    if info.key_fingerprint != fingerprint and not other_key:
        raise StoreError(
            f"{file} was made under the public key {info.key_fingerprint}, but CLC_PUBLIC_KEY is {fingerprint}: "
            "set the key of the backup, or give --other-key."
        )
    data_directory.prepare(settings)
    with data_directory.take(settings.data_dir):
        spools.claim(settings)
        _finish_the_last(settings)
        left_out = count_left_out(settings, file) if settings.database.exists() else LeftOut(0, None, None, 0)
        if settings.database.exists() and not force:
            lacking = f" {left_out}." if left_out.number != 0 else ""
            raise StoreError(
                f"{settings.database} exists.{lacking} Name another CLC_DATA_DIR, or give --force to move it aside."
            )
        if left_out.number != 0:
            click.echo(f"{left_out}: they stay in the database that is moved aside.", err=True)
        with click.progressbar(length=file.stat().st_size, label="Copying the backup", file=sys.stderr) as bar:
            seq = max(left_out.seq, info.last_seq)
            aside = install(file, settings, bar.update, seq=seq, incident=_incident(file, info, left_out))
        waiting = count_rows_waiting(settings)
    if aside:
        click.echo(f"What was there is kept in {aside}.", err=True)
    click.echo(
        f"{settings.database}: {info.notifications:,} notifications up to seq {info.last_seq:,}, as of "
        f"{info.made_at:%Y-%m-%d %H:%M:%S} UTC. The spool holds {waiting.rows:,} more, which go in when "
        "`serve` starts.",
        err=True,
    )
    if waiting.unreadable:
        click.echo(f"The spool may hold more in unreadable segments: {', '.join(waiting.unreadable)}.", err=True)


def _finish_the_last(settings: Settings) -> None:
    try:
        replacing.finish(settings.data_dir)
    except OSError as error:
        raise StoreError(
            f"A restore in {settings.data_dir} was interrupted and can't be finished ({error.strerror}): make room."
        ) from None


def _incident(file: Path, info: BackupInfo, left_out: LeftOut) -> Incident | None:
    """Make the incident for rows that the restored database lacks, if there are any."""
    if left_out.number == 0:
        return None
    what = f"The database was replaced by the backup {file.name} of {info.made_at:%Y-%m-%d %H:%M:%S} UTC."
    return make_incident(what, missing=f"{left_out}. The database before it may hold them.")
