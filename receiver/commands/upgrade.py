"""`clc-receiver upgrade`."""

import os
import signal
import time
from pathlib import Path

import click

from receiver.commands.options import take_data_dir
from receiver.data_directory.access import Running, find_running_serve
from receiver.errors import UpgradeError
from receiver.processes.state import ServeState, read_state
from receiver.settings import Settings, read_settings

_POLL_SECONDS = 0.1
_LONGEST_SECONDS = 900.0
_ENDED = ("done", "failed", "refused")


@click.command(short_help="Have the installed version take over from a running one.")
@take_data_dir
def upgrade(data_dir: Path | None) -> None:
    """Have the installed version take over from a running `serve`, failing no request.

    Install the new version first. New listeners start beside the old ones, which then finish the connections they
    have; the store restarts, and queries wait for it. If the installed version can't start, all goes on as before.
    """
    settings = read_settings(data_dir=data_dir)
    running = find_running_serve(settings.data_dir)
    before = read_state(settings.data_dir)
    if running is None:
        raise UpgradeError(f"No `clc-receiver serve` is using {settings.data_dir}: start it, which is an upgrade, too.")
    try:
        os.kill(running.pid, signal.SIGHUP)
    except ProcessLookupError:
        raise UpgradeError(
            f"Process {running.pid}, which used {settings.data_dir} last, is not there: if `serve` is starting, try "
            "again in a moment; if it runs in a container, run this there."
        ) from None
    except PermissionError:
        raise UpgradeError(
            f"Process {running.pid} belongs to another user: run this as that user, or as root."
        ) from None
    click.echo(f"Process {running.pid} tries the installed version …", err=True)
    # Until it has written its state, that of the `serve` before is there.
    last = before.upgrade.number if before and before.pid == running.pid else 0
    after = _wait(settings, running, last + 1)
    if after.upgrade.state != "done":
        raise UpgradeError(after.upgrade.detail)
    click.echo(after.upgrade.detail, err=True)
    if after.retiring:
        click.echo(
            f"{len(after.retiring)} of the old listeners finish their connections, for {settings.drain_seconds:g} s at "
            "most.",
            err=True,
        )


def _wait(settings: Settings, running: Running, number: int) -> ServeState:
    """Wait until an upgrade has ended, and return the state of `serve` then."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        # In this order: a `serve` that has ended since did not write the state that is read here.
        state = read_state(settings.data_dir)
        is_new = state and state.pid == running.pid and state.upgrade.number >= number
        if state and is_new and state.upgrade.state in _ENDED:
            return state
        if find_running_serve(settings.data_dir) != running:
            raise UpgradeError(f"Process {running.pid} has ended: its log says why.")
        time.sleep(_POLL_SECONDS)
    raise UpgradeError(f"The upgrade of process {running.pid} takes longer than {_LONGEST_SECONDS:g} s: see its log.")
