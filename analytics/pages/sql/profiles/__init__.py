"""The profile of a column: missing, distinct and frequent values, bounds, and the spread of numbers and times."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from analytics.client.client import Client

ValueKind = Literal["number", "time", "text", "heavy"]

# Of more rows only a sample is read, chosen by blocks, so that the rest is never read.
WHOLE_ROWS = 300_000
SAMPLED_ROWS = 100_000
SAMPLED_HEAVY_ROWS = 20_000
LONGEST_SECONDS = 10.0
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UBIGINT", "UINTEGER")
TIMES = ("TIMESTAMP", "DATE")
HEAVY = ("JSON", "BLOB")

# A view can't be sampled by blocks, but the table below it can.
BELOW = {"events": ("notifications", "duplicate_of IS NULL")}
NEWEST = {"entities": f"last_seq > (SELECT max(seq) - {2 * SAMPLED_HEAVY_ROWS} FROM notifications)"}  # noqa: S608


class Profile(NamedTuple):
    """The profile of a column.

    `seen` of `rows` rows were read; the other figures are of those. `parts` are the most frequent values (`name` and
    `number`), or the histogram of numbers or times (`begins`, `ends`, `number`), times in microseconds since 1970.
    """

    kind: ValueKind
    rows: int
    seen: int
    filled: int
    differing: int
    smallest: str | None
    largest: str | None
    parts: list[dict[str, Any]]

    @property
    def spreads(self) -> bool:
        """Whether the parts are a histogram."""
        return self.kind in ("number", "time")


@cache
def read(name: str) -> str:
    """Return the text of a query on a column's values, without its comment."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8").partition("\n")[2]


def classify(data_type: str) -> ValueKind:
    """Return the kind of values in columns of a type."""
    if data_type.startswith(HEAVY):
        return "heavy"
    if data_type.endswith("]"):
        return "text"
    if data_type.startswith(NUMBERS):
        return "number"
    return "time" if data_type.startswith(TIMES) else "text"


def quote_name(name: str) -> str:
    """Return a name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def source_of(table: str, kind: ValueKind, rows: int) -> str:
    """Return the source of a column's values: all rows, or a sample of too many."""
    most = SAMPLED_HEAVY_ROWS if kind == "heavy" else SAMPLED_ROWS
    if rows <= (most if kind == "heavy" else WHOLE_ROWS):
        return quote_name(table)
    if table in NEWEST:
        return f"{quote_name(table)} WHERE {NEWEST[table]}"
    below, condition = BELOW.get(table, (table, "true"))
    return f"(FROM {quote_name(below)} TABLESAMPLE {100 * most / rows:.6f}% (system)) WHERE {condition}"


def profile(client: Client, table: str, column: str, data_type: str, rows: int) -> Profile:
    """Return the profile of a column.

    Args:
        client: asks the store.
        table: a table or view.
        column: one of its columns.
        data_type: the column's type, as DuckDB writes it.
        rows: the approximate number of rows of the table.

    Raises:
        AnalyticsError: no answer.
    """
    kind = classify(data_type)
    number = {"number": "value::DOUBLE", "time": "epoch_us(value)::DOUBLE"}.get(kind, "NULL::DOUBLE")
    values = f"SELECT {quote_name(column)} AS value FROM {source_of(table, kind, rows)}"  # noqa: S608 - names of the schema
    sampled = f"WITH sampled AS MATERIALIZED (SELECT value, {number} AS number FROM ({values}))\n"  # noqa: S608 - the same
    query = sampled + read("texts" if number.startswith("NULL") else "numbers")
    (row,) = client.sql(query, timeout=LONGEST_SECONDS).to_pylist()
    if kind == "heavy":
        row |= {"smallest": None, "largest": None}
    return Profile(
        kind=kind,
        rows=max(rows, row["seen"]),
        seen=row["seen"],
        filled=row["filled"],
        differing=min(row["differing"], row["filled"]),
        smallest=row["smallest"],
        largest=row["largest"],
        parts=row["parts"] or [],
    )
