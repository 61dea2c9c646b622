"""`clc-analytics export`: any number of notifications as an archive, CSV or Parquet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import pyarrow as pa

from analytics.client.client import Client, connect
from analytics.client.lake import is_lake
from analytics.commands.findings import parse_option
from analytics.commands.output import (
    LACKING_ROWS,
    account_option,
    describe_lacking,
    describe_unknown_accounts,
    event_option,
    find_events,
    find_format,
    find_senders,
    is_standard,
    is_terminal,
    list_aliases,
    location_option,
    open_output,
    output_option,
    overwrite_option,
    sender_option,
)
from analytics.export.archives import (
    WRITERS,
    ExportFilter,
    SeqRange,
    count_chosen,
    find_range,
    read_lake,
    read_parts,
)
from analytics.text import format_count

SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}

Advance = Callable[[int], None]


def read_ends(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the moments of `--since` and `--until`; None for a missing option."""
    now = datetime.now(UTC)
    begin = None if since is None else parse_option("--since", since, now)
    end = None if until is None else parse_option("--until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise click.BadParameter(f"{since} is not before --until: give an earlier --since.", param_hint="--since")
    return begin, end


@contextmanager
def show_progress(length: int, output: Path | None) -> Iterator[Advance]:
    """Show the progress on standard error, unless the rows go to the same terminal."""
    if is_standard(output) and is_terminal():
        yield lambda _: None
        return
    label = f"Exporting to {output.name}" if output is not None and not is_standard(output) else "Exporting"
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


def read_months(location: str, chosen: ExportFilter, advance: Advance) -> Iterator[pa.Table]:
    """Yield the notifications of a lake in parts, and report the progress in their number."""
    for table in read_lake(location, chosen):
        yield table
        advance(table.num_rows)


def read_tables(client: Client, chosen: ExportFilter, extent: SeqRange, advance: Advance) -> Iterator[pa.Table]:
    """Yield the notifications in parts, and report the progress in numbers of `seq`."""
    done = extent.first - 1
    for part in read_parts(client, chosen, extent):
        yield part.table
        advance(part.reached - done)
        done = part.reached


def prepare(client: Client, chosen: ExportFilter) -> tuple[int, Callable[[Advance], Iterator[pa.Table]]]:
    """Return the length of an export, and a function that reads it and reports the progress."""
    if is_lake(client.location):
        return count_chosen(client, chosen), partial(read_months, client.location, chosen)
    extent = find_range(client, chosen)
    return extent.last - extent.first + 1, partial(read_tables, client, chosen, extent)


@click.command(short_help="Write notifications as an archive, CSV or Parquet.")
@click.option("--since", metavar="WHEN", help="Received from then on: an age (24h, 7d) or an ISO time.")
@click.option("--until", metavar="WHEN", help="Received before then.")
@account_option
@event_option
@sender_option
@output_option
@overwrite_option
@click.option("--format", "name", type=click.Choice(list(WRITERS)), help="How they are written.  [default: jsonl]")
@location_option
def export(
    since: str | None,
    until: str | None,
    accounts: tuple[str, ...],
    events: tuple[str, ...],
    sender_names: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    name: str | None,
    location: str | None,
) -> None:
    """Write notifications, copies too, in the order of storing; those of a lake in the order of their receipt.

    `jsonl` is the archive that `clc-receiver import` takes in: a JSON object a line with received_at, event,
    source_ip, headers (the signature) and body, byte for byte; of other senders also with sender and row. `csv` and
    `parquet` have all columns, exactly as they are. But in `csv` NULL and an empty text are both an empty field, and a
    spreadsheet takes a field that begins with = for a formula.

    The export runs in parts, needs little memory, and covers what was stored when it began. A file appears under its
    name only when it is complete: run a stopped export again.

    \b
    clc-analytics export --since 2026-03-01 --until 2026-04-01 -o march.jsonl
    clc-analytics export --account ACME --event Server -o servers.parquet
    clc-analytics export --sender github -o github.csv
    clc-analytics export --since 24h | jq -r .event | sort | uniq -c
    """  # noqa: D301 - click wraps no lines after the escape
    name = name or find_format(output, SUFFIXES) or "jsonl"
    if name == "parquet" and is_standard(output) and is_terminal():
        raise click.UsageError("parquet is not for terminals; name a file with -o, or pipe it into a program.")
    begin, end = read_ends(since, until)
    count = None
    with connect(location) as client:
        senders = find_senders(client, sender_names)
        chosen = ExportFilter(begin, end, list_aliases(accounts), find_events(client, events), senders)
        length, read = prepare(client, chosen)
        with open_output(output, overwrite=overwrite) as out, show_progress(length, output) as advance:
            count = WRITERS[name](read(advance), out)
        told = [*describe_lacking(client, begin, LACKING_ROWS), *describe_unknown_accounts(client, accounts)]
    if count is not None:
        where = "" if is_standard(output) else f" to {output}"
        click.echo(f"{format_count(count, 'notification')} exported{where}", err=True)
    for sentence in told:
        click.echo(sentence, err=True)
