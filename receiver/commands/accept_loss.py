"""`clc-receiver accept-loss`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from receiver.commands.options import take_data_dir
from receiver.data_directory.access import check_is_used, check_user
from receiver.data_directory.incidents import FILE, Incident, read_or_replace_incidents, settle_missing
from receiver.errors import DataDirectoryError
from receiver.logs import make_visible
from receiver.settings import read_settings


@click.command("accept-loss", short_help="Accept that notifications are missing for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@take_data_dir
def accept_loss(yes: bool, data_dir: Path | None) -> None:
    """Accept that notifications are missing because a restore left them out or a recovery could not save them.

    Prints what is missing and asks. From then on `verify` and `status` no longer count it as a fault. What happened,
    and when the loss was accepted, stays in the list of recoveries of `status --json`.
    """
    settings = read_settings(data_dir=data_dir)
    check_is_used(settings)
    check_user(settings.data_dir)
    missing = _find_missing(settings.data_dir)
    if not missing:
        click.echo("Nothing is missing.", err=True)
        return
    for each in missing:
        click.echo(make_visible(f"Since {each.at[:19]} UTC: {each.missing}"))
    if not yes:
        _ask()
    how = f"This loss was accepted at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC."
    with _changing(settings.data_dir):
        settle_missing(settings.data_dir, missing, how)
    click.echo("It is accepted. `status` keeps it among the recoveries.", err=True)
    if _find_missing(settings.data_dir):
        click.echo("More is missing since you were asked: run this again.", err=True)


def _ask() -> None:
    """Ask whether the loss is accepted.

    Raises:
        click.Abort: it is not.
        DataDirectoryError: standard input has no answer.
    """
    try:
        is_accepted = click.confirm("Accept this loss?", err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise DataDirectoryError("Standard input has no answer, so nothing is accepted: give --yes.") from None
    if not is_accepted:
        raise click.Abort


def _find_missing(data_dir: Path) -> list[Incident]:
    with _changing(data_dir):
        return [each for each in read_or_replace_incidents(data_dir) if each.missing]


@contextmanager
def _changing(data_dir: Path) -> Iterator[None]:
    """Say in a sentence why incidents can't be changed.

    Raises:
        DataDirectoryError: they can't be.
    """
    try:
        yield
    except OSError as error:
        raise DataDirectoryError(
            f"{data_dir / FILE} can't be written ({error.strerror or error}), so the loss can't be accepted: make "
            "room, or make it writable, and try again."
        ) from None
