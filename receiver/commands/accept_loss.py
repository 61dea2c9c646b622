"""`clc-receiver accept-loss`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from receiver.data_directory.incidents import read_incidents, settle_missing
from receiver.logs import make_visible
from receiver.settings import read_settings


@click.command("accept-loss")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Overrides CLC_DATA_DIR.")
def accept_loss(yes: bool, data_dir: Path | None) -> None:
    """Accept that notifications are missing which a restore left out or a recovery could not save.

    Prints what is missing and asks. From then on `verify` and `status` no longer count it as a fault. What happened,
    and when the loss was accepted, stays in the list of recoveries of `status --json`.
    """
    directory = read_settings(data_dir=data_dir).data_dir
    missing = [each for each in read_incidents(directory) if each.missing]
    if not missing:
        click.echo("Nothing is missing.", err=True)
        return
    for each in missing:
        click.echo(make_visible(f"Since {each.at[:19]} UTC: {each.missing}"))
    if not yes:
        click.confirm("Accept this loss?", abort=True, err=True)
    accepted = {each.missing for each in missing}
    how = f"This loss was accepted at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC."
    settle_missing(directory, lambda each: each.missing in accepted, how)
    click.echo("It is accepted. `status` keeps it among the recoveries.", err=True)
