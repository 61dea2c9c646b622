"""What a column holds: missing values, different ones, bounds, the most frequent, and how numbers and times spread."""

from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from analytics.client.client import Client

ValueKind = Literal["number", "time", "text", "heavy"]

# Beyond so many rows a part of them is looked at, which is chosen by blocks, so that the rest is never read.
WHOLE_ROWS = 300_000
SAMPLED_ROWS = 100_000
SAMPLED_HEAVY_ROWS = 20_000
LONGEST_SECONDS = 10.0
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UBIGINT", "UINTEGER")
TIMES = ("TIMESTAMP", "DATE")
HEAVY = ("JSON", "BLOB")

# A view can't be sampled by blocks, but the table below one can.
BELOW = {"events": ("notifications", "duplicate_of IS NULL")}
NEWEST = {"entities": f"last_seq > (SELECT max(seq) - {2 * SAMPLED_HEAVY_ROWS} FROM notifications)"}  # noqa: S608


class Profile(NamedTuple):
    """What a column holds.

    `seen` of `rows` rows were looked at; the other figures are of those. `parts` are the most frequent values (`name`
    and `number`), or of numbers and times how many lie from where to where (`begins`, `ends`, `number`), times in
    microseconds since 1970.
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
    """Return the text of a query on a column's values, without the comment above it."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8").partition("\n")[2]


def classify(data_type: str) -> ValueKind:
    """Return as what a column of a type is looked at."""
    if data_type.startswith(HEAVY):
        return "heavy"
    if data_type.endswith("]"):
        return "text"
    if data_type.startswith(NUMBERS):
        return "number"
    return "time" if data_type.startswith(TIMES) else "text"


def quote_name(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def source_of(table: str, kind: ValueKind, rows: int) -> str:
    """Return what a table's column is read from: all rows, or a part of them where there are too many."""
    most = SAMPLED_HEAVY_ROWS if kind == "heavy" else SAMPLED_ROWS
    if rows <= (most if kind == "heavy" else WHOLE_ROWS):
        return quote_name(table)
    if table in NEWEST:
        return f"{quote_name(table)} WHERE {NEWEST[table]}"
    below, condition = BELOW.get(table, (table, "true"))
    return f"(FROM {quote_name(below)} TABLESAMPLE {100 * most / rows:.6f}% (system)) WHERE {condition}"


def profile(client: Client, table: str, column: str, data_type: str, rows: int) -> Profile:
    """Return what a column holds.

    Args:
        client: asks.
        table: a table or view.
        column: one of its columns.
        data_type: the column's type, as DuckDB writes it.
        rows: how many rows the table has, about.

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
