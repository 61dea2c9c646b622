"""`clc-receiver serve`."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Literal

import click

from receiver.commands.options import take_data_dir, take_public_key
from receiver.data_directory.node import ALL_PARTS, LISTENER, STORE
from receiver.errors import ReceiverError
from receiver.logs import set_up_logging
from receiver.settings import find_unknown_variables, read_settings

_log = logging.getLogger(__name__)


@click.command(short_help="Take notifications, store them, and answer queries.")
@click.option(
    "--only",
    type=click.Choice([LISTENER, STORE]),
    help="Run this part alone, of several machines that share a spool (CLC_SHARED_SPOOL).",
)
@take_data_dir
@click.option("--listen", metavar="HOST:PORT", help="Overrides CLC_LISTEN; port 0 takes a free one.")
@click.option("--query-listen", metavar="HOST:PORT", help="Overrides CLC_QUERY_LISTEN; port 0 takes a free one.")
@click.option("--listeners", type=int, metavar="N", help="Overrides CLC_LISTENERS.")
@take_public_key
@click.option("--signatures", type=click.Choice(["require", "record"]), help="Overrides CLC_SIGNATURES.")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Overrides CLC_LOG_FORMAT.")
@click.option("--check", is_flag=True, help="Only say whether it could start with these settings, and which version.")
def serve(
    *,
    only: str | None,
    data_dir: Path | None,
    listen: str | None,
    query_listen: str | None,
    listeners: int | None,
    public_key: Path | None,
    signatures: str | None,
    log_format: Literal["text", "json"] | None,
    check: bool,
) -> None:
    """Take notifications, store them, and answer queries, until SIGTERM or Ctrl-C.

    With `--only listener` it takes notifications and sends them to the shared spool, and has no store. With `--only
    store` it stores what is there and answers queries, and takes none.

    Every setting is an environment variable (docs/settings.md lists them); the options override the most used ones.
    SIGHUP makes the installed version take over, as `clc-receiver upgrade` does.
    """
    # This keeps `--help` and other commands fast.
    from receiver.senders.set_up import find_unclaimed  # noqa: PLC0415
    from receiver.supervision import begin, supervisor  # noqa: PLC0415

    settings = read_settings(
        data_dir=data_dir,
        listen=listen,
        query_listen=query_listen,
        listeners=listeners,
        public_key=public_key,
        signatures=signatures,
        log_format=log_format,
    )
    if check:
        click.echo(begin.check(settings, only or ALL_PARTS))
        return
    set_up_logging("serve", settings.log_format)
    for sentence in find_unknown_variables():
        _log.warning("%s", sentence)
    with suppress(ReceiverError, OSError):  # where it matters, the start says so
        for sentence in find_unclaimed(settings):
            _log.warning("%s", sentence)
    supervisor.serve(settings, only or ALL_PARTS)
