"""`clc-analytics sql`: one SELECT in, rows out."""

import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analytics.client.cancelling import LONGEST_QUERY_SECONDS
from analytics.client.client import connect
from analytics.client.parameters import PARAM, PairError, explain_mismatch, read_pairs
from analytics.commands.output import (
    check_target,
    find_format,
    is_standard,
    is_terminal,
    location_option,
    open_output,
    output_option,
    overwrite_option,
)
from analytics.errors import QueryError, TooManyRowsError
from analytics.export.sql_formats import BINARY, SUFFIXES, WRITERS, choose_widths
from analytics.text import format_count

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_COLUMNS = 120
MORE_ROWS = "The receiver's CLC_QUERY_MAX_ROWS allows more; `clc-analytics export` writes any number of notifications."


def read_query(query: str | None, file: Path | None) -> str:
    """Return the SQL from the argument, the file, or standard input (`-`, or a pipe)."""
    if query is not None and file is not None:
        raise click.UsageError("Give the SQL as an argument or with -f FILE, not both.")
    if file is not None and str(file) != "-":
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise click.BadParameter(f"{file} can't be read: {reason}.", param_hint="-f") from error
    if query is not None and query != "-":
        return query
    if not sys.stdin or (query is None and file is None and sys.stdin.isatty()):
        raise click.UsageError('Give the SQL as an argument ("SELECT …"), with -f FILE, or on standard input.')
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise click.UsageError("Standard input can't be read: it is not UTF-8 text.") from None


def read_parameters(given: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the values of `$name` from `name=value`: JSON where the value is JSON, else text."""
    try:
        return read_pairs(given, PARAM) or None
    except PairError as error:
        raise click.BadParameter(str(error), param_hint=PARAM) from None


def refuse_nan(_context: click.Context, _option: click.Parameter, seconds: float | None) -> float | None:
    """Return a time, or raise wrong usage for NaN, which is in every range."""
    if seconds is not None and math.isnan(seconds):
        raise click.BadParameter("It is no number.")
    return seconds


def write(table: "pa.Table", name: str, output: Path | None, *, overwrite: bool) -> None:
    """Write the answer, and its number of rows on standard error."""
    width = shutil.get_terminal_size((PAGE_COLUMNS, 24)).columns
    with open_output(output, overwrite=overwrite) as out:
        WRITERS[name](table, out, width)
    told = format_count(table.num_rows, "row") + ("" if is_standard(output) else f" written to {output}")
    hidden = table.num_columns - len(choose_widths(table, width)) if name == "table" else 0
    if hidden:
        told += f"; {format_count(hidden, 'column')} left out: choose fewer, or use another format, such as csv or json"
    if name == "table" or not is_standard(output):
        click.echo(told, err=True)


@click.command(short_help="Run one SELECT and print its rows.")
@click.argument("query", metavar="[SQL]", required=False)
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Read the SQL from a file; - is standard input.")
@click.option("--format", "name", type=click.Choice(list(WRITERS)), help="How rows are written.  [default: table]")
@output_option
@overwrite_option
@click.option(PARAM, "given", multiple=True, metavar="NAME=VALUE", help="Value of $NAME in the SQL; repeatable.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, LONGEST_QUERY_SECONDS, min_open=True),
    callback=refuse_nan,
    help="Longest time in seconds.",
)
@click.option("--max-rows", type=click.IntRange(min=1), help="Fail if there are more rows.")
@location_option
def sql(
    query: str | None,
    file: Path | None,
    name: str | None,
    output: Path | None,
    overwrite: bool,
    given: tuple[str, ...],
    timeout: float | None,
    max_rows: int | None,
    location: str | None,
) -> None:
    """Run one SELECT and print its rows.

    The SQL is the argument, a file (-f) or standard input (-). `table` is for reading, cut to the terminal's width;
    `parquet` and `arrow` (an IPC stream) keep values with their types, or as text where Arrow has no such type. In
    `csv`, NULL and an empty text are both an empty field. `json` is one array of objects, in which NaN and infinity are
    null, decimals may be rounded, and whole numbers of more than 64 bits are text.

    \b
    clc-analytics sql "SELECT event_type, count(*) FROM events GROUP BY 1"
    clc-analytics sql -f query.sql --param account=ACME -o servers.parquet
    """  # noqa: D301 - click wraps no lines after the escape
    name = name or find_format(output, SUFFIXES) or "table"
    if name in BINARY and is_standard(output) and is_terminal():
        raise click.UsageError(f"{name} is not for terminals; name a file with -o, or pipe it into a program.")
    text = read_query(query, file)
    if not text.strip():
        raise click.UsageError("There is no SQL: give it as the argument, in a file (-f) or on standard input.")
    parameters = read_parameters(given)
    check_target(output, overwrite=overwrite)
    with connect(location) as client:
        try:
            table = client.sql(text, parameters, timeout=timeout, max_rows=max_rows)
        except TooManyRowsError as error:
            if max_rows is not None:
                raise
            raise TooManyRowsError(f"{error} {MORE_ROWS}") from None
        except QueryError as error:
            if explained := explain_mismatch(str(error), parameters):
                raise QueryError(f"{str(error).rstrip()}\n{explained}") from None
            raise
    write(table, name, output, overwrite=overwrite)
