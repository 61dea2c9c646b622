"""`clc-receiver import`."""

import sys
from collections import Counter
from pathlib import Path

import click

from receiver.admission import Admission, AllowedAccounts
from receiver.data_directory import access as data_directory
from receiver.database.replacing import finish_offline
from receiver.importer import import_archive
from receiver.logs import make_visible
from receiver.senders import SENDER
from receiver.senders.keys import remember_key
from receiver.settings import Settings, read_settings
from receiver.spool import SpoolWriter
from receiver.spool import owners as spools


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--signatures", type=click.Choice(["require", "record"]), help="Overrides CLC_SIGNATURES.")
@click.option("--public-key", type=click.Path(path_type=Path), help="Overrides CLC_PUBLIC_KEY.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Overrides CLC_DATA_DIR.")
def import_command(file: Path, signatures: str | None, public_key: Path | None, data_dir: Path | None) -> None:
    """Take in the archive FILE, whether `serve` is running or not.

    FILE holds a JSON object a line: received_at, event, source_ip, headers, body. Each line is verified and
    classified as if it had been posted at its received_at. A line that is malformed, or whose body is larger than
    CLC_MAX_BODY_BYTES, is reported and skipped; the others are imported, and the exit code is 1. A file that is
    imported twice is stored twice.
    """
    settings = read_settings(signatures=signatures, public_key=public_key, data_dir=data_dir)
    data_directory.prepare(settings)
    spools.claim(settings)
    finish_offline(settings.data_dir)
    accounts = AllowedAccounts(settings.accounts, settings.data_dir / "accounts.sqlite")
    key = SENDER.verification.load_key(settings.public_key)
    remember_key(settings.data_dir, key)
    admission = Admission(key, settings.signatures, accounts)
    spool = SpoolWriter(settings.spool_directory)
    try:
        with click.progressbar(length=file.stat().st_size, label=f"Importing {file.name}", file=sys.stderr) as bar:
            results = import_archive(
                file,
                admission,
                spool,
                lambda text: click.echo(make_visible(text), err=True),
                bar.update,
                max_body_bytes=settings.max_body_bytes,
            )
    finally:
        spool.close()
        accounts.close()
    _summarise(results, settings)
    if results["malformed"] or results["too_large"]:
        raise click.exceptions.Exit(1)


def _summarise(results: Counter[str], settings: Settings) -> None:
    others = "".join(f", {count:,} {result}" for result, count in sorted(results.items()) if result != "accepted")
    click.echo(f"{results['accepted']:,} accepted{others}. Importing them again would store them again.", err=True)
    if data_directory.find_running_serve(settings.data_dir) is None:
        click.echo("They wait in the spool until `clc-receiver serve` starts on this data directory.", err=True)
