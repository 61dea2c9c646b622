"""`clc-receiver backup`."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from receiver.commands.options import NamedPath, take_data_dir
from receiver.database.reading import ask_store
from receiver.errors import StoreError
from receiver.files import check_for_duckdb, find_lack_of_room, open_whole, sync_directory
from receiver.keeping.backup_file import inspect
from receiver.keeping.backups import backups_in
from receiver.logs import make_visible
from receiver.settings import Settings, read_settings

_BYTES_PER_STEP = 4 * 1024 * 1024


@click.command(short_help="Write a copy of a running store's database.")
@click.argument("file", type=NamedPath(dir_okay=False))
@take_data_dir
def backup(file: Path, data_dir: Path | None) -> None:
    """Write all that a running `serve` has acknowledged to FILE, for `restore`.

    FILE is a DuckDB database: it opens in the DuckDB command line, DBeaver and the like. While it is made, accepting
    goes on and appending waits. With CLC_OBJECTS the store uploads it, too, even if this command is stopped, and tries
    again if the upload fails.
    """
    settings = read_settings(data_dir=data_dir)
    if os.path.lexists(file):
        raise StoreError(f"{file} exists: name a file that does not, nothing is overwritten.")
    try:
        check_for_duckdb(file)
    except ValueError as error:
        raise click.BadParameter(f"{file}: {error}.", param_hint="FILE") from None
    if not file.absolute().parent.is_dir():
        raise StoreError(f"{file.parent} is no directory: make it, or name a file elsewhere.")
    lines = ask_store(settings, "backup", "it is the store that makes backups")
    made = _follow_copy(settings, lines)
    try:
        _put(made, file)
    except OSError as error:
        raise StoreError(f"{file} can't be written ({error.strerror}); the backup is kept as {made}.") from None
    info = inspect(file)
    click.echo(
        f"{file}: {info.notifications:,} notifications up to seq {info.last_seq:,}, {file.stat().st_size:,} bytes.",
        err=True,
    )
    _follow_upload(lines)


def _put(made: Path, file: Path) -> None:
    """Move a backup to its place, where no file is.

    Raises:
        OSError: it can't be moved, or the file exists now.
    """
    try:
        os.link(made, file)
        sync_directory(file.absolute().parent)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP}:  # another file system, or one without links
            raise
        if lack := find_lack_of_room(file.absolute().parent, made.stat().st_size):
            raise OSError(errno.ENOSPC, lack) from None
        with made.open("rb") as reading, open_whole(file, replacing=False) as writing:
            shutil.copyfileobj(reading, writing, _BYTES_PER_STEP)
    made.unlink()
    sync_directory(made.parent)


def _follow_copy(settings: Settings, lines: Iterator[dict[str, Any]]) -> Path:
    """Show the progress of a backup until it is made, and return its path."""
    answer: dict[str, Any] = {}
    with click.progressbar(length=1, label="Copying the database", file=sys.stderr) as bar:
        for answer in lines:
            if "copied" in answer:
                bar.length = answer["of"]
                bar.update(answer["copied"] - bar.pos)
            elif "name" in answer:
                return backups_in(settings.data_dir) / str(answer["name"])
    raise StoreError(str(answer.get("detail", "The store ended before the backup was made: try again.")))


def _follow_upload(lines: Iterator[dict[str, Any]]) -> None:
    """Show the progress of the upload, if there is one, and say how its first try ended."""
    if (line := next(lines, None)) is None:
        return
    with click.progressbar(length=1, label="Uploading and checking", file=sys.stderr) as bar:
        while line is not None and "uploaded" in line:
            if line["of"]:
                bar.length = line["of"]
                bar.update(line["uploaded"] - bar.pos)
            line = next(lines, None)
    failure = line["not_uploaded"] if line else "The store ended."
    words = f"Warning: it is not in object storage yet, the store tries again: {failure}"
    click.echo(make_visible(words) if failure else "It is in object storage, too.", err=True)
