"""`clc-receiver join`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.commands.options import take_data_dir
from receiver.commands.restore import check_key, fetching, put_in_place
from receiver.commands.taking import taking
from receiver.data_directory.node import FILE as NODE_FILE
from receiver.data_directory.node import RUNS_FILE, begin_run, read_machine_name, read_node_id
from receiver.errors import DataDirectoryError, ObjectsError, ReceiverError, SettingsError
from receiver.keeping.backup_file import read_backup_watermarks
from receiver.keeping.objects.place import Place
from receiver.logs import make_visible
from receiver.settings import Settings, read_settings
from receiver.spool.owners import KNOWN, OWNER
from receiver.supervision.begin import check_driver

if TYPE_CHECKING:
    from receiver.shared_spool import SpoolServer

_LEFT_BY_A_TRY = {NODE_FILE, RUNS_FILE, "serve.lock", KNOWN, OWNER}


@click.command(short_help="Let a new machine share the spool.")
@click.option("--other-key", is_flag=True, help="Allow a backup that was made under another public key.")
@take_data_dir
def join(other_key: bool, data_dir: Path | None) -> None:
    """Let a new machine share the spool: give it the newest backup in object storage, and keep all rows since for it.

    It needs CLC_SHARED_SPOOL, CLC_OBJECTS and an empty data directory. Then start `serve`, which takes the rows. If it
    is stopped or fails, run it again.
    """
    settings = read_settings(data_dir=data_dir)
    place = _find_place(settings)
    _check_is_empty(settings)
    from receiver.shared_spool import look_ahead  # noqa: PLC0415 - psycopg belongs to an extra

    with taking(settings), _registered(settings) as server:
        with fetching(place, settings.data_dir, partial(_find_lack, server)) as (file, name, info, *_):
            check_key(name, info, settings, other_key=other_key)
            watermarks = read_backup_watermarks(file)
            put_in_place(file, info, settings, fetched=name)
        ahead = look_ahead(server, watermarks).rows
    click.echo(f"The shared spool has {ahead:,} rows more, which go in when `serve` starts. Start it soon.", err=True)


def _find_place(settings: Settings) -> Place:
    lacking = [name for name in ("shared_spool", "objects") if getattr(settings, name) is None]
    if settings.objects is None or lacking:
        names = " and ".join(f"CLC_{name.upper()}" for name in lacking)
        raise SettingsError(f"{names} must be set, as on the machines that share the spool already.")
    check_driver(settings)
    return Place(settings.objects)


def _check_is_empty(settings: Settings) -> None:
    """Refuse a data directory or a spool with other files than an earlier try leaves.

    Raises:
        DataDirectoryError: there are some.
    """
    for directory in (settings.data_dir, settings.spool_directory):
        for file in sorted(directory.rglob("*")):
            is_left = file.name in _LEFT_BY_A_TRY or file.name.startswith(("restoring.", "."))
            if not (is_left or file.is_dir()):
                raise DataDirectoryError(
                    f"{directory} is not empty ({file.name}): set CLC_DATA_DIR to an empty directory. If this machine "
                    "has joined before, start `serve`, or replace its store by `clc-receiver restore --force objects`."
                )


@contextmanager
def _registered(settings: Settings) -> Iterator["SpoolServer"]:
    """Put this machine on the list, and give the connection to a block; an error of the block says so."""
    from receiver.shared_spool import Identity, SpoolServer, register  # noqa: PLC0415 - as above

    server = SpoolServer(str(settings.shared_spool), "joining", is_tried_again=False)
    name = read_machine_name()
    try:
        node = read_node_id(settings.data_dir)
        register(server, Identity(node, name, runs=begin_run(settings.data_dir)))
        click.echo(make_visible(f"{name} is on the list of machines: rows are kept for it from now on."), err=True)
        try:
            yield server
        except ReceiverError as error:
            again = "run `clc-receiver join` again, or `clc-receiver forget` it"
            raise ObjectsError(f"{error} Rows are kept for this machine meanwhile: {again}.") from None
    finally:
        server.close()


def _find_lack(server: "SpoolServer", file: Path) -> str | None:
    """Say why a backup can't be gone on from; None if it can."""
    from receiver.shared_spool import look_ahead  # noqa: PLC0415 - as above

    gone = look_ahead(server, read_backup_watermarks(file)).gone
    return f"it lacks {gone:,} rows that are deleted in the shared spool." if gone else None
