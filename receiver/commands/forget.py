"""`clc-receiver forget`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.commands.options import take_data_dir
from receiver.data_directory.node import has_store
from receiver.errors import SettingsError, StoreError
from receiver.keeping.care.limits import format_seconds
from receiver.logs import make_visible
from receiver.settings import read_settings
from receiver.supervision.begin import check_driver

if TYPE_CHECKING:
    from receiver.shared_spool import NodeRow

_LIVELY_SECONDS = 60.0
_SHORT_ID = 8
_SHORTEST_BEGINNING = 4
"""Letters of an id: fewer may be a slip of the fingers."""


@click.command(short_help="Forget a machine that no longer shares the spool.")
@click.argument("machine")
@click.option("--force", is_flag=True, help="Forget it though it was seen within the last minute.")
@take_data_dir
def forget(machine: str, force: bool, data_dir: Path | None) -> None:
    """Forget MACHINE, so that the shared spool keeps no more rows for it.

    MACHINE is its name, its id or the beginning of its id, of 4 letters or more, as `status` shows them. If it comes
    back and needs rows that are deleted by then, it says so: restore a backup of another machine there.
    """
    settings = read_settings(data_dir=data_dir)
    if settings.shared_spool is None:
        raise SettingsError("CLC_SHARED_SPOOL is not set: machines are known where they share a spool.")
    check_driver(settings)
    from receiver.shared_spool import (  # noqa: PLC0415 - psycopg belongs to an extra
        SpoolServer,
        forget,
        read_overview,
        transaction,
    )

    server = SpoolServer(settings.shared_spool, "forgetting", is_tried_again=False)
    try:
        with server.session() as connection, transaction(connection):
            node = _find(machine, read_overview(connection).nodes)
            _check_is_gone(node, force=force)
            forget(connection, node.node)
    finally:
        server.close()
    click.echo(_describe(node))


def _find(machine: str, nodes: Sequence["NodeRow"]) -> "NodeRow":
    wanted = machine.lower()
    by_name = [node for node in nodes if node.name.lower() == wanted]
    by_id = [node for node in nodes if wanted and str(node.node).startswith(wanted)]
    if by_id and not by_name and len(wanted) < _SHORTEST_BEGINNING:
        raise StoreError(f"No machine is called {machine}. Give {_SHORTEST_BEGINNING} letters or more of an id.")
    matches = by_name or by_id
    if len(matches) == 1:
        return matches[0]
    listed = ", ".join(f"{node.name} ({_shorten(node, nodes)})" for node in matches or nodes) or "none"
    if by_name:
        raise StoreError(f"Several machines are called {machine}: {listed}. Name one by its id.")
    if matches:
        raise StoreError(f"The ids of several machines begin with {machine}: {listed}. Give more of the id.")
    raise StoreError(f"No machine that shares the spool is called {machine}. There are: {listed}.")


def _shorten(node: "NodeRow", nodes: Sequence["NodeRow"]) -> str:
    """Return the beginning of a machine's id, long enough to tell it from the others."""
    name = str(node.node)
    lengths = range(_SHORT_ID, len(name))
    return next((name[:n] for n in lengths if sum(str(each.node).startswith(name[:n]) for each in nodes) == 1), name)


def _check_is_gone(node: "NodeRow", *, force: bool) -> None:
    if node.unseen_seconds < _LIVELY_SECONDS and not force:
        ago = format_seconds(node.unseen_seconds)
        raise StoreError(f"{node.name} was seen {ago} ago, so it runs: stop it first, or use --force.")


def _describe(node: "NodeRow") -> str:
    return make_visible(
        f"{node.name} ({node.node}) is forgotten. It was last seen {format_seconds(node.unseen_seconds)} ago. "
        f"{_describe_store(node)} What is still in its own spool is sent if it runs again."
    )


def _describe_store(node: "NodeRow") -> str:
    if not has_store(node.role):
        return "It had no store."
    if node.rows_behind:
        return f"The shared spool kept {node.rows_behind:,} rows that it has not stored."
    return "It has stored all rows of the shared spool."
