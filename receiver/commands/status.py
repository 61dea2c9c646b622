"""`clc-receiver status`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from receiver.commands.options import take_data_dir
from receiver.data_directory.access import find_running_serve, read_query_token
from receiver.data_directory.node import has_store
from receiver.database.reading import FileReader, ask_status
from receiver.database.replacing import finish_offline
from receiver.errors import StoreError
from receiver.keeping.care import gather, judge
from receiver.logs import make_visible
from receiver.processes.state import read_state
from receiver.settings import Settings, read_settings

_COLOURS = {"ok": "green", "amber": "yellow", "red": "red"}


@click.command(short_help="Say how the receiver is.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, as GET /status of the query service answers it.")
@take_data_dir
def status(as_json: bool, data_dir: Path | None) -> None:
    """Say how the receiver is: rates, lag, spool, checkpoints, backups, disks, restarts, silences, refusals.

    Each figure is ok, amber or red, by limits that docs/operate.md states. The exit code is 1 if `serve` is not running
    or any figure is red.
    """
    report = _ask_status(read_settings(data_dir=data_dir))
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        _print(report)
    if report["state"] == "red":
        raise click.exceptions.Exit(1)


def _ask_status(settings: Settings) -> dict[str, Any]:
    """Ask the store; where it does not answer, or there is none, look at the files."""
    state = read_state(settings.data_dir)
    if state and not has_store(state.role):
        return judge(gather(settings, None)).as_json()
    running = find_running_serve(settings.data_dir)
    if running is None:
        return _judge_files(settings)
    try:
        return ask_status(running.query_listen, read_query_token(settings))
    except StoreError as error:
        # The file stays closed: opening it would lock out a store that is starting.
        return judge(gather(settings, None, str(error))).as_json()


def _judge_files(settings: Settings) -> dict[str, Any]:
    try:
        finish_offline(settings)
        reader = FileReader(settings.database)
    except StoreError as error:
        return judge(gather(settings, None, str(error))).as_json()
    with closing(reader):
        return judge(gather(settings, reader)).as_json()


def _print(report: dict[str, Any]) -> None:
    for figure in report["figures"]:
        click.echo(f"{_colour_state(figure['state'])} {figure['label']:38} {make_visible(figure['text'])}")
    for refusal in report["refusals"] or []:
        counts = f"{refusal['last_hour']:,} in the last hour, {refusal['kept']:,} kept"
        click.echo(f"       refused: {make_visible(refusal['reason']):29} {counts}")
    for process in report["processes"]:
        which = f", process {process['pid']}" if process["pid"] is not None else ""
        ended = f", ended last with {process['last_exit']}" if process["last_exit"] is not None else ""
        words = f"{_describe_state(process)}{which}, {process['restarts']} restarts{ended}"
        click.echo(f"       {process['name']:38} {make_visible(words)}")
    _print_machines(report.get("machines", []))
    for recovery in report["recoveries"][-5:]:
        click.echo(f"       {recovery['at'][:19]} {make_visible(recovery['what'])}")
    for silence in report.get("silences") or []:
        span = f"{silence['process']} did not answer until {silence['until'][:19]}"
        click.echo(f"       {silence['since'][:19]} {make_visible(span)}: {make_visible(silence['why'])}")
    click.echo(_summarize([figure["state"] for figure in report["figures"]]))


def _describe_state(process: Mapping[str, Any]) -> str:
    """Return a process's state; one that runs and gives no sign of life is not called running."""
    still = process["state"] == "running" and process.get("silent_since")
    return f"no sign of life since {still}" if still else str(process["state"])


def _print_machines(machines: Sequence[dict[str, Any]]) -> None:
    """Print a line for each machine; of those with the same name, the name has the beginning of the id."""
    names = Counter(machine["name"] for machine in machines)
    for machine in machines:
        name, short = machine["name"], machine["id"][:8]
        name, which = (name, [short]) if names[name] == 1 else (f"{name} ({short})", [])
        which += [f"version {machine['version']}", *(["this machine"] if machine["this"] else [])]
        which += [machine["does"]] if machine.get("does") else []
        words = f"{', '.join(which)}, seen {machine['seen_at'][:19]}: {machine['text']}"
        click.echo(f"{_colour_state(machine['state'])} {make_visible(name):38} {make_visible(words)}")


def _colour_state(state: str) -> str:
    return click.style(f"{state:6}", fg=_COLOURS[state])


def _summarize(states: Sequence[str]) -> str:
    """Say in a sentence whether all is well."""
    troubled = [f"{states.count(state)} {state}" for state in ("red", "amber") if state in states]
    return f"Not all is well: {', '.join(troubled)}." if troubled else "All is well."
