"""`clc-receiver restore`."""

import sys
from pathlib import Path

import click

from receiver import data_directory
from receiver.backup_file import inspect
from receiver.errors import StoreError
from receiver.restoring import existing_data, install, rows_waiting
from receiver.settings import read_settings
from receiver.signature import key_fingerprint, load_public_key


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Move a database that is there already aside; nothing is deleted.")
@click.option("--other-key", is_flag=True, help="Allow a backup that was made under another public key.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Overrides CLC_DATA_DIR.")
def restore(file: Path, force: bool, other_key: bool, data_dir: Path | None) -> None:
    """Make the backup FILE the database, while no `serve` is running.

    The spool stays as it is: what it holds beyond the backup goes in, once, when `serve` starts.
    """
    settings = read_settings(data_dir=data_dir)
    info = inspect(file)
    fingerprint = key_fingerprint(load_public_key(settings.public_key))
    if info.key_fingerprint != fingerprint and not other_key:
        raise StoreError(
            f"{file} was made under the public key {info.key_fingerprint}, but CLC_PUBLIC_KEY is {fingerprint}: "
            "set the key of the backup, or give --other-key."
        )
    data_directory.prepare(settings)
    with data_directory.take(settings.data_dir):
        if existing_data(settings.data_dir) and not force:
            raise StoreError(
                f"{settings.database} exists: name another CLC_DATA_DIR, or give --force to move it aside."
            )
        with click.progressbar(length=file.stat().st_size, label="Copying the backup", file=sys.stderr) as bar:
            aside = install(file, settings, bar.update)
        waiting = rows_waiting(settings)
    if aside:
        click.echo(f"What was there is kept in {aside}.", err=True)
    click.echo(
        f"{settings.database}: {info.notifications:,} notifications up to seq {info.last_seq:,}, as of "
        f"{info.made_at:%Y-%m-%d %H:%M:%S} UTC. The spool holds {waiting:,} more, which go in when `serve` starts.",
        err=True,
    )
