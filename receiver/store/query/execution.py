"""Run one query in its thread: in a read-only transaction on its own cursor, into a file that holds its answer.

The rows go, as one Arrow IPC stream, into a file: so memory stays bounded, and a late error can still be answered with
its status.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import duckdb
import pyarrow as pa
from duckdb._seam import submit  # nothing public streams rows of a query that is planned once
from duckdb.sqltypes import DuckDBPyType

from receiver.store.query.answers import QueryAnswer, QueryError
from receiver.store.query.guard import AllowedStatements

if TYPE_CHECKING:
    from io import IOBase

BATCH_ROWS: Final = 2048
"""The fewest that DuckDB hands out at once: they are in memory together, and each may have a body of 100 kB."""
_AS_TEXT: Final = frozenset({"bignum", "bit", "time with time zone", "time_ns", "uhugeint", "union", "variant"})
"""Types that Arrow lacks: DuckDB's export changes their values, or sends its own bytes."""
_AS_TEXT_IN_PARTS: Final = _AS_TEXT | {"interval", "time", "timestamp_ns", "timestamp_s", "timestamptz_ns"}
"""Types that Arrow has, without some of their values, such as `24:00:00` and `infinity`."""
_NESTED: Final = frozenset({"array", "list", "map", "struct", "tuple"})
_OUT_OF_MEMORY: Final = "Out of Memory Error"
_ADVISED: Final = (
    "error_on_division_by_zero|lambda_syntax|max_expression_depth|order_by_non_integer_literal|pivot_limit|"
    "scalar_subquery_error_on_multiple_rows"
)
_ADVICE_TO_SET: Final = re.compile(rf',? or SET (?:{_ADVISED})\b[^.\n]*|[\n ]+(?:\*|Use) "?SET (?:{_ADVISED})\b[^\n]*')

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Query:
    """One query with its own limits: its time, waiting included, in seconds, its most rows and its most bytes."""

    sql: str
    parameters: list[Any] | dict[str, Any] | None
    timeout_seconds: float
    max_rows: int
    max_bytes: int


class Interruption:
    """Ends a query from another thread, for a reason that the query's thread then reports."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take the cursor that the query runs on."""
        self._cursor = cursor
        self._lock = threading.Lock()
        self.reason: QueryError | None = None
        """The reason of the first interrupt."""
        self.is_over = False
        """Whether the query has ended."""
        self.ignored = 0
        """How many interrupts after the query's time have not ended it."""

    def interrupt(self, reason: QueryError) -> None:
        """Interrupt the query unless it is over; the first reason counts.

        An interrupt that comes between two statements is lost, so call it again until the query's thread has ended.
        """
        with self._lock:
            if not self.is_over:
                self.reason = self.reason or reason
                self._cursor.interrupt()

    def end(self) -> QueryError | None:
        """Accept no more interrupts, and return the reason of the first, if one came: rows since may be incomplete."""
        with self._lock:
            self.is_over = True
            return self.reason


def execute(
    cursor: duckdb.DuckDBPyConnection,
    query: Query,
    allowed: AllowedStatements,
    interruption: Interruption,
    answer: QueryAnswer,
) -> QueryAnswer:
    """Run a query and return its whole answer, which the caller closes; if this fails, it is closed already.

    Raises:
        QueryError: The query was refused, failed or was interrupted.
    """
    with contextlib.closing(cursor), _raise_query_error(interruption), contextlib.ExitStack() as on_failure:
        on_failure.callback(answer.close)
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        sql = allowed.find_statement(cursor, query.sql)
        with _run(cursor, sql, query.parameters) as reader:
            _write(reader, answer, query)
        if reason := interruption.end():
            raise reason
        on_failure.pop_all()
        return answer


def _run(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | dict[str, Any] | None
) -> pa.RecordBatchReader:
    # `cursor.sql` plans a query twice, which takes 3 ms for one of a page; `cursor.execute` keeps all rows in memory.
    result = submit(cursor, sql, parameters, "stream", BATCH_ROWS)
    reader: pa.RecordBatchReader
    if any(_comes_as_text(kind) for _, kind, *_ in result.description):
        result.close()
        reader = _cast_to_text(cursor.sql(sql, params=parameters)).to_arrow_reader(BATCH_ROWS)
    else:
        reader = result.arrow_reader()
    return reader


def _cast_to_text(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    columns = []
    for place, (name, kind) in enumerate(zip(relation.columns, relation.types, strict=True), 1):
        quoted = name.replace('"', '""')
        columns.append(f'#{place}{"::VARCHAR" if _comes_as_text(kind) else ""} AS "{quoted}"')
    return relation.project(", ".join(columns))


def _comes_as_text(kind: DuckDBPyType, *, is_part: bool = False) -> bool:
    """Tell whether Arrow lacks a type, or values of a part of it."""
    if kind.id in _NESTED:
        return any(_comes_as_text(part, is_part=True) for _, part in kind.children if isinstance(part, DuckDBPyType))
    return kind.id in (_AS_TEXT_IN_PARTS if is_part else _AS_TEXT)


def _write(reader: pa.RecordBatchReader, answer: QueryAnswer, query: Query) -> None:
    rows = 0
    with pa.ipc.new_stream(cast("IOBase", answer.file), reader.schema) as stream:
        for batch in reader:
            rows += batch.num_rows
            if rows > query.max_rows:
                raise QueryError(
                    "too_many_rows",
                    f"The answer has more than {query.max_rows:,} rows: aggregate, filter or add a LIMIT.",
                )
            if answer.file.tell() + batch.nbytes > query.max_bytes:
                raise QueryError(
                    "too_many_bytes",
                    f"The answer has more than {query.max_bytes:,} bytes: ask for fewer columns or rows.",
                )
            answer.reserve(batch.nbytes)
            stream.write_batch(batch)


@contextlib.contextmanager
def _raise_query_error(interruption: Interruption) -> Iterator[None]:
    """Turn any error of a query into a `QueryError` for its client.

    An error while rows are fetched comes through Arrow as an OSError with DuckDB's text and without its class. Where
    DuckDB has cut its text within a character, there comes Python's error, which can't decode it. If the query was
    interrupted, the reason for that is raised instead.
    """
    try:
        yield
    except QueryError as error:
        raise interruption.end() or error from None
    except Exception as error:
        if reason := interruption.end():
            raise reason from error
        text = _read_text(error)
        by_arrow = isinstance(error, pa.ArrowException) or (isinstance(error, OSError) and error.errno is None)
        own = isinstance(error, (duckdb.InternalException, duckdb.FatalException, duckdb.InterruptException))
        internal = text.startswith(("INTERNAL Error", "FATAL Error", "INTERRUPT Error"))
        if (isinstance(error, (duckdb.Error, UnicodeDecodeError)) or by_arrow) and not own and not internal:
            raise QueryError("sql_error", _advise(text)) from error
        _log.exception("a query failed inside the store")
        detail = text.splitlines()[0] if text else type(error).__name__
        raise QueryError("internal_error", f"The store could not run the query: {detail}") from error


def _read_text(error: Exception) -> str:
    return error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)


def _advise(text: str) -> str:
    """Return DuckDB's words without its advice to SET something, which no query may; other advice on short memory."""
    if text.startswith(_OUT_OF_MEMORY):
        what = text.splitlines()[0].rstrip(".")
        return f"{what}. Filter or aggregate before you sort or join; the operator can raise CLC_STORE_MEMORY."
    return _ADVICE_TO_SET.sub("", text)
