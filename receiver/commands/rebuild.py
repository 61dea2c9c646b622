"""`clc-receiver rebuild`."""

import sys
from pathlib import Path
from typing import Any

import click

from receiver.commands.options import take_data_dir
from receiver.database.reading import ask_store
from receiver.errors import StoreError
from receiver.settings import read_settings


@click.command(short_help="Derive the table `changes` from all notifications again.")
@take_data_dir
def rebuild(data_dir: Path | None) -> None:
    """Derive the table `changes` again from all notifications that a running `serve` has stored.

    It also corrects each `occurred_at` that a sender's profile derives otherwise now.

    Accepting, appending and queries go on; the new table takes the old one's place when it is complete. If this
    command is stopped, the store continues, even after a restart: run the command again to see its progress.
    """
    settings = read_settings(data_dir=data_dir)
    answer: dict[str, Any] = {}
    lines = ask_store(settings, "rebuild", "it is the store that derives changes")
    with click.progressbar(length=1, label="Deriving changes", file=sys.stderr) as bar:
        for answer in lines:
            if "derived" in answer:
                bar.length = max(1, answer["of"])
                bar.update(answer["derived"] - bar.pos)
        if answer.get("done"):
            bar.update((bar.length or 1) - bar.pos)
    if not answer.get("done"):
        raise StoreError(str(answer.get("detail", "The store stopped; it goes on with this when it starts again.")))
    click.echo("The changes of all notifications are derived again.", err=True)
