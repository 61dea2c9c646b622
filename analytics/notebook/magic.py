"""The magic `clc` of notebooks: SQL with the notebook's variables gives a DataFrame or a chart."""

import argparse
import shlex
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from keyword import iskeyword
from math import isnan
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import duckdb
import pyarrow as pa
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from analytics.charts.choice import ChartKind, Choice, Holds, classify_columns, find_fewest, list_measures, repeats
from analytics.charts.quick_chart import draw
from analytics.client.arrow_types import make_frame
from analytics.client.client import Client, connect
from analytics.client.parameters import PairError, read_pairs
from analytics.client.typed import convert_named
from analytics.errors import AnalyticsError, QueryError
from analytics.notebook.charts import NO_ROWS, draw_charts_offline
from analytics.text import format_count, shorten

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

BEGINS_SECONDS = 0.5
EVERY_SECONDS = 0.5
KINDS: Mapping[str, ChartKind] = {"line": "line", "bar": "bar", "area": "area", "point": "points"}
WIDTH = 700


class ParameterError(AnalyticsError):
    """Raised when a parameter of the SQL has no value, or a value that can't be sent."""


def find_names(query: str) -> list[str] | None:
    """Return the names of a query's parameters; None where it is no SQL, which running it will report."""
    with duckdb.connect(":memory:") as connection:
        try:
            statements = connection.extract_statements(query)
        except duckdb.Error:
            return None
    return sorted({name for statement in statements for name in statement.named_parameters})


def read_chosen(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the values of the options `-p NAME=VALUE`.

    Raises:
        ParameterError: a pair has another form.
    """
    try:
        return read_pairs(pairs, "-p")
    except PairError as error:
        raise ParameterError(f"%%clc: {error}") from None


def find_values(query: str, chosen: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each parameter of a query.

    Args:
        query: the SQL.
        chosen: values from the magic's options; they come first.
        variables: the notebook's variables by name.

    Raises:
        ParameterError: a parameter has no value or no name, or an option names no parameter of the query.
    """
    names = find_names(query)
    if names is None:
        return dict(chosen)
    if numbered := [name for name in names if name.isdigit()]:
        raise ParameterError(
            f"%%clc: parameter {numbered[0]} has no name; write $name instead of a question mark or a number."
        )
    if unused := sorted(set(chosen) - set(names)):
        raise ParameterError(f"%%clc: the SQL has no ${unused[0]}.")
    return {name: find_value(name, chosen, variables) for name in names}


def find_value(name: str, chosen: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """Return the value of one parameter."""
    if name in chosen:
        return chosen[name]
    if name not in variables:
        raise ParameterError(f"%%clc: ${name} is no variable of this notebook; make one, or add -p {name}=VALUE.")
    return as_parameter(name, variables[name])


def as_parameter(name: str, value: Any) -> Any:
    """Convert a Python value for DuckDB: collections become lists, missing values become None."""
    try:
        return replace_nan(convert_named(value, f"${name}"))
    except QueryError as error:
        raise ParameterError(f"%%clc: {error}") from None


def replace_nan(value: Any) -> Any:
    """Replace NaN, which a column of numbers has for a missing value, also in lists and dictionaries."""
    if isinstance(value, list):
        return [replace_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: replace_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and isnan(value) else value


class PlainText:
    """Text that can replace text: IPython prints its `repr`."""

    def __init__(self, text: str) -> None:
        """Hold this text."""
        self.text = text

    def __repr__(self) -> str:
        """Return the text."""
        return self.text


class Progress:
    """Shows how long a block has been running, unless it is quick. `done` is the block's result in words."""

    def __init__(self, shell: "InteractiveShell | None") -> None:
        """Show it in this shell."""
        self.done = ""
        self._in_kernel = hasattr(shell, "kernel")
        self._handle: Any = None
        self._shown = 0
        self._ended = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._began = time.monotonic()
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; show the time that it took, if anything was shown before."""
        self._ended.set()
        self._teller.join()
        if self._shown:
            took = f"{time.monotonic() - self._began:.1f} s"
            self._say(f"{self.done} in {took}" if kind is None else f"Ended after {took}", last=True)

    def _tell(self) -> None:
        wait = BEGINS_SECONDS
        while not self._ended.wait(wait):
            self._say(f"Running for {time.monotonic() - self._began:.0f} s; interrupting the kernel ends the query.")
            wait = EVERY_SECONDS

    def _say(self, text: str, *, last: bool = False) -> None:
        if self._in_kernel:
            if self._handle is None:
                self._handle = display(PlainText(text), display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._handle.update(PlainText(text))
        elif sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self._shown) + ("\n" if last else ""))
            sys.stderr.flush()
        self._shown = max(self._shown, len(text))


class OptionParser(argparse.ArgumentParser):
    """Reads the options of the magic's first line."""

    def error(self, message: str) -> NoReturn:
        """Show a wrong option as IPython shows wrong usage."""
        raise UsageError(f"%%clc: {message}")


def make_parser() -> OptionParser:
    """Return the parser of the magic's first line."""
    parser = OptionParser(prog="%%clc", add_help=False)
    add = parser.add_argument
    add("--location", "-l", help="query service URL, DuckDB file or lake")
    add("--out", "-o", metavar="NAME", help="variable that gets the DataFrame; then it is not shown")
    add("--param", "-p", metavar="NAME=VALUE", action="append", default=[], help="value of $NAME in the SQL")
    add("--chart", choices=list(KINDS), help="show a chart instead of the DataFrame")
    add("--x", metavar="COLUMN", help="column that goes along the chart's x axis")
    add("--y", metavar="COLUMN", help="column of the numbers that are drawn")
    add("--color", metavar="COLUMN", help="column that tells the chart's colours")
    add("--title", help="the chart's title")
    return parser


def read_options(line: str) -> argparse.Namespace:
    """Return the options of the magic's first line.

    Raises:
        UsageError: the line has anything else.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%%clc: {error}") from None
    chosen = make_parser().parse_args(words)
    if chosen.out is not None and (not chosen.out.isidentifier() or iskeyword(chosen.out)):
        raise UsageError(f"%%clc: {chosen.out!r} is no name of a variable.")
    if chosen.chart is None and any((chosen.x, chosen.y, chosen.color, chosen.title)):
        raise UsageError(f"%%clc: --x, --y, --color and --title need --chart {'|'.join(KINDS)}.")
    return chosen


@magics_class
class ClcMagics(Magics):
    """Runs SQL from a notebook. Keeps one client for each location."""

    def __init__(self, shell: "InteractiveShell") -> None:
        """Start without any client."""
        super().__init__(shell)
        self._clients: dict[str | None, Client] = {}
        self._variables = shell.user_ns

    # IPython would put variables into the SQL as text; here they go along with it, as values.
    @no_var_expand
    @line_cell_magic
    def clc(self, line: str, cell: str | None = None) -> "pd.DataFrame | alt.Chart | None":
        """Run one SELECT and return a DataFrame, or a chart of it.

        ``%clc SELECT …`` runs the rest of the line.
        ``%%clc [--location L] [-o NAME] [-p NAME=VALUE …]`` runs the cell; with -o the DataFrame goes into that
        variable. ``--chart line|bar|area|point [--x X] [--y Y] [--color C] [--title T]`` shows a chart: without
        --x of the first column of times, else the first column; without --y of the first other column of numbers,
        else of how many rows there are.
        ``$name`` in the SQL is the value of that -p, else of the notebook's variable of that name.
        Interrupting the kernel ends the query.
        """
        chosen = read_options("" if cell is None else line)
        query = line if cell is None else cell
        try:
            values = find_values(query, read_chosen(chosen.param), self._variables)
            table = self._run(self._find_client(chosen.location), query, values)
            frame = make_frame(table)
            if chosen.out is not None:
                self._variables[chosen.out] = frame
            if chosen.chart is not None:
                return draw_chart(table, chosen)
        except AnalyticsError as error:
            raise UsageError(str(error)) from None
        return frame if chosen.out is None else None

    def _run(self, client: Client, query: str, values: dict[str, Any]) -> pa.Table:
        """Run a query and show its progress."""
        began = time.monotonic()
        with Progress(self.shell) as progress:
            try:
                table = client.sql(query, values or None)
            except KeyboardInterrupt:
                raise UsageError(f"The query was interrupted after {time.monotonic() - began:.1f} s.") from None
            progress.done = format_count(table.num_rows, "row")
        return table

    def _find_client(self, location: str | None) -> Client:
        if location not in self._clients:
            self._clients[location] = connect(location)
        return self._clients[location]


class ChartError(AnalyticsError):
    """Raised when rows can't be drawn as asked."""


def draw_chart(table: pa.Table, chosen: argparse.Namespace) -> "alt.Chart | None":
    """Return the chart that the options choose, and print notes on what it leaves out; None if nothing can be drawn.

    Raises:
        ChartError: a named column does not exist, or y holds no numbers.
    """
    choice = choose_columns(table, chosen)
    if not table.num_rows:
        sys.stdout.write(f"{NO_ROWS}\n")
        return None
    chart, notes = draw(table, choice)
    for note in notes:
        sys.stdout.write(f"{note}\n")
    if chart is None:
        return None
    title = chart.title.to_dict() | ({"text": shorten(chosen.title, 200)} if chosen.title else {})
    # Fitted into a width, the chart would have fewer columns in its legend than its height was measured with.
    return chart.properties(width=WIDTH, autosize="pad", title=title)


def choose_columns(table: pa.Table, chosen: argparse.Namespace) -> Choice:
    """Choose the columns to draw: times first along x, numbers along y, else the number of rows.

    Raises:
        ChartError: a named column does not exist, or y holds no numbers.
    """
    columns = classify_columns(table)
    for option, name in (("--x", chosen.x), ("--y", chosen.y), ("--color", chosen.color)):
        if name is not None and name not in columns:
            raise ChartError(f"%%clc: {option} {shorten(name)} is no column; there are {', '.join(columns)}.")
    if chosen.y and columns[chosen.y] != "number":
        raise ChartError(f"%%clc: --y {shorten(chosen.y)} holds no numbers; cast it, or leave it out to count rows.")
    free = [name for name in columns if name not in (chosen.y, chosen.color)]
    x = chosen.x or next(iter([*select_kind(columns, free, "time"), *free]), next(iter(columns)))
    left = [name for name in free if name != x]
    y = chosen.y or next((name for name in list_measures(columns) if name in left), None)
    # Where several rows have the same x, a column of text distinguishes them.
    texts = select_kind(columns, left, "text") if repeats(table, columns, x) else []
    return Choice(KINDS[chosen.chart], x, y, chosen.color or find_fewest(table, columns, texts))


def select_kind(columns: Mapping[str, Holds], names: list[str], kind: Holds) -> list[str]:
    """Return the names of the columns that hold one kind of values."""
    return [name for name in names if columns[name] == kind]


def load(shell: "InteractiveShell") -> None:
    """Register the magic, and let charts be drawn without a network."""
    draw_charts_offline()
    shell.register_magics(ClcMagics(shell))
