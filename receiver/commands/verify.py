"""`clc-receiver verify`."""

import sys
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import click

from receiver.reading import Reader, open_reader
from receiver.settings import Settings, read_settings
from receiver.shown import visible
from receiver.signature import key_fingerprint, load_public_key
from receiver.verification import can_check_changes, check_spooled, check_stored, check_whole, extent_of


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Overrides CLC_DATA_DIR.")
@click.option("--public-key", type=click.Path(path_type=Path), help="Overrides CLC_PUBLIC_KEY.")
def verify(data_dir: Path | None, public_key: Path | None) -> None:
    """Check all that is stored: each signature over the stored bytes, and that nothing is lost, doubled or altered.

    Works while `serve` is running and while it is not. Each row that fails is a line on stdout: what is wrong, seq, id
    and how; then the exit code is 1.
    """
    settings = read_settings(data_dir=data_dir, public_key=public_key)
    with open_reader(settings) as reader:
        failed = _run(settings, reader)
    if failed:
        raise click.exceptions.Exit(1)


def _run(settings: Settings, reader: Reader) -> Counter[str]:
    key = load_public_key(settings.public_key)
    began = time.monotonic()
    extent = extent_of(reader)
    failed: Counter[str] = Counter()
    with click.progressbar(length=extent.rows, label="Checking notifications", file=sys.stderr) as bar:
        found = chain(
            check_stored(reader, key, extent, bar.update),
            check_whole(reader, extent),
            check_spooled(reader, settings.spool_directory),
        )
        for violation in found:
            failed[violation.what] += 1
            click.echo(visible(str(violation)))
    seconds = time.monotonic() - began
    pace = f" in {seconds:.1f} s ({extent.rows / max(seconds, 1e-9):,.0f}/s)"
    click.echo(f"{extent.rows:,} notifications checked{pace} under the key {key_fingerprint(key)}.", err=True)
    changes_too = can_check_changes(reader)
    if not changes_too:
        click.echo(
            "Changes were not checked: they are being derived again, or the store is of before there were any.",
            err=True,
        )
    if failed:
        words = ", ".join(f"{number:,} {what}" for what, number in failed.most_common())
        click.echo(f"NOT as they must be: {words}.", err=True)
    else:
        click.echo(f"All {'' if changes_too else 'else '}is as it must be.", err=True)
    return failed
