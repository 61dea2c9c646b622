"""Decide which SQL may run: one SELECT, or EXPLAIN of one, that changes nothing and reads only the store.

DuckDB's own parser parses every text; no code here reads SQL by itself. Its syntax tree, the same one that it keeps of
a view, is walked whole: CTEs, subqueries in any place, windows, lambdas, PIVOT sources, VALUES. No tree, no query.

Four lists decide, and each errs to the safe side where DuckDB grows:

* `QUERY_NODES`, an allow-list: a CTE may hold INSERT, UPDATE, DELETE or MERGE, and the statement is still a "SELECT".
* `TABLE_FUNCTIONS`, an allow-list: most of the others read files (`read_csv`, `glob`), act (`checkpoint`,
  `truncate_duckdb_logs`, `enable_logging`), or run or name SQL by text that no walk sees (`query`, `query_table`,
  `json_execute_serialized_sql`, the macros `histogram` and `histogram_values`). Allowed are those that make rows from
  their arguments and those that describe the catalog and the instance. `duckdb_settings`, `duckdb_databases` and
  `duckdb_extensions` are not among these, because they tell paths of the machine; nor are `duckdb_secrets` and
  `which_secret`, though no secret can be made, nor `duckdb_logs` and `duckdb_live_query_metrics`, which could show what
  others ask.
* Scalar functions, a block-list read from DuckDB itself: those it flags as having side effects (`write_log`,
  `nextval`, `setval`, `setseed`, `sleep_ms` …) without `HARMLESS` (random numbers, UUIDs, `error`, facts about the
  query), and with `UNFLAGGED`, which it does not flag.
* `TABLES`, a block-list: views of the system with the content of a refused table function.

In the same walk, `refuse_setting` refuses SQL that tells settings, some of which are paths of the machine, and
`refuse_fatal` SQL that ends DuckDB's process, or keeps it busy where no interrupt reaches it. Tried on DuckDB 2.0.1, in
a process of its own:

* A cast of JSON to VARIANT: 50,000 levels of nesting end the process by SIGSEGV, 1,000 take longer than 15 s. The cast
  is also made for every function that takes a VARIANT, and by `from_json` with that name in its structure. No column of
  the store has this type, so none of its functions is needed. `stats` returns one, to which a list or a function of
  `RETYPING` would cast without naming it.
* `json_transform` and `from_json`, also with `_strict`: a structure of 50,000 levels ends the process by SIGSEGV, one
  of 5,000 takes longer than 15 s. So it must be a text in the SQL, nested no deeper than `DEEPEST_STRUCTURE`. An escape
  in it could spell VARIANT.

Below that, the settings of `require_locked` and each query's read-only transaction protect files and data; this walk
protects the rest, above all from functions that act on the instance.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import duckdb
import orjson

from receiver.errors import StoreError
from receiver.store.query.answers import QueryError

QUERY_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})

TABLE_FUNCTIONS: Final = frozenset(
    """
    generate_series json_each json_tree range repeat repeat_row test_all_types unnest
    duckdb_columns duckdb_constraints duckdb_dependencies duckdb_functions duckdb_indexes duckdb_keywords duckdb_memory
    duckdb_optimizers duckdb_schemas duckdb_sequences duckdb_tables duckdb_types duckdb_views
    icu_calendar_names pg_timezone_names
    pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
    pragma_table_info pragma_version
    """.split()  # noqa: SIM905 - as words, the list can be read
)

HARMLESS: Final = frozenset(
    """
    current_connection_id current_query current_query_id current_transaction_id error gen_random_uuid random uuid uuidv4
    uuidv7 vector_type
    """.split()  # noqa: SIM905 - as words, the list can be read
)

UNFLAGGED: Final = frozenset(
    """
    getenv json_execute_serialized_sql json_serialize_plan pg_sleep
    """.split()  # noqa: SIM905 - as words, the list can be read
)

TABLES: Final = frozenset({"duckdb_databases", "duckdb_logs", "pg_settings", "pragma_database_list"})

LOCKED: Final = {
    "enable_external_access": False,
    "lock_configuration": True,
    "python_enable_replacements": False,
}

_FILE_LIKE: Final = re.compile(
    r"[/\\*?\[]|\.(csv|tsv|txt|json|jsonl|ndjson|parquet|arrow|xlsx|duckdb|db|sqlite|gz|zst|bz2)$", re.IGNORECASE
)
_EXPLAIN: Final = re.compile(r"(?:\s|--[^\n]*\n)*EXPLAIN\s+(?:ANALYZE\s+)?", re.IGNORECASE)

MOST_STATEMENTS: Final = 256
LONGEST: Final = 20_000
SETTINGS: Final = frozenset({"calendar", "max_memory", "memory_limit", "threads", "timezone", "worker_threads"})
"""Those that are no paths: `current_setting` may tell them, if the SQL names them by a text that the walk sees."""
DEEPEST_STRUCTURE: Final = 64
STRUCTURED: Final = frozenset({"from_json", "from_json_strict", "json_transform", "json_transform_strict"})

RETYPING: Final = frozenset({"cast_to_type", "remap_struct", "replace_type"})
"""Functions that take the type of their result from an argument."""

_VARIANT: Final = "VARIANT"
_MAKING_VARIANTS: Final = RETYPING | {"stats"}


def require_locked(cursor: duckdb.DuckDBPyConnection) -> None:
    """Check that the instance keeps queries from files, from the settings and from this program's variables.

    Raises:
        StoreError: A setting of `LOCKED` has another value.
    """
    for name, expected in LOCKED.items():
        (value,) = cursor.execute("SELECT current_setting(?)", [name]).fetchall()[0]
        if value is not expected:
            raise StoreError(
                f"The query service needs DuckDB's setting {name} to be {str(expected).lower()}, but it is "
                f"{str(value).lower()}: open the store with it."
            )


def list_refused_functions(cursor: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Ask DuckDB for the scalar functions that queries may not call, in lower case."""
    rows = cursor.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE has_side_effects"
    ).fetchall()
    return frozenset(name for (name,) in rows) - HARMLESS | UNFLAGGED


def check_statement(cursor: duckdb.DuckDBPyConnection, sql: str, refused: frozenset[str]) -> str:
    """Return the one statement in `sql`, without the text around it, if it may run.

    Raises:
        QueryError: `sql_error` if there is no statement, `not_a_query` if it may not run.
        duckdb.Error: The text is no SQL.
    """
    statements = cursor.extract_statements(sql)
    if not statements:
        raise QueryError("sql_error", "The SQL is empty: send one SELECT statement.")
    if len(statements) > 1:
        raise QueryError("not_a_query", f"Exactly one statement is allowed, but there are {len(statements)}: send one.")
    text, kind = statements[0].query, statements[0].type.name
    if kind == "SELECT":
        refuse_by_tree(_parse_syntax_tree(cursor, text), refused)
    elif kind == "EXPLAIN":
        refuse_by_tree(_parse_syntax_tree(cursor, _find_explained(cursor, text)), refused)
    elif kind == "MULTI":
        raise QueryError(
            "not_a_query",
            "PIVOT without its IN list is several statements: name the values, as in PIVOT t ON c IN ('a') USING …",
        )
    else:
        raise _make_not_a_select_error(kind)
    return text


def refuse_by_tree(tree: dict[str, Any], refused: frozenset[str]) -> None:
    """Refuse a syntax tree, as `json_serialize_sql` makes it, in which anything may not run.

    Raises:
        QueryError: `not_a_query`, naming the first refused part.
    """
    for node in _walk(tree):
        kind = node.get("type")
        if isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUERY_NODES:
            raise _make_not_a_select_error(kind.removesuffix("_NODE").removesuffix("_QUERY"))
        if kind == "TABLE_FUNCTION":
            _refuse_table_function(node)
        elif kind == "BASE_TABLE":
            _refuse_table(node)
        refuse_setting(node)
        refuse_fatal(node)
        if str(node.get("function_name", "")).lower() in refused:
            raise QueryError(
                "not_a_query",
                f"The function {node['function_name']}() does more than compute a value: queries may not call it.",
            )


def _refuse_table_function(node: dict[str, Any]) -> None:
    function = node.get("function")
    name = str(function.get("function_name", "")).lower() if isinstance(function, dict) else ""
    if name not in TABLE_FUNCTIONS:
        raise QueryError(
            "not_a_query",
            f"The table function {name}() is not among those that queries may use: read the store's own tables.",
        )


def _refuse_table(node: dict[str, Any]) -> None:
    parts = [str(node.get(part, "")) for part in ("catalog_name", "schema_name", "table_name")]
    name = ".".join(part for part in parts if part)
    if _FILE_LIKE.search(name):
        raise QueryError("not_a_query", f"{name} looks like a file: queries read the store's own tables only.")
    if parts[-1].lower() in TABLES:
        raise QueryError("not_a_query", f"{name} is not among the tables that queries may read.")


def _make_not_a_select_error(kind: str) -> QueryError:
    verb = kind.replace("_", " ")
    return QueryError(
        "not_a_query",
        f"Only SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one of them, is allowed here, but this is {verb}.",
    )


def _walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk without recursion, so that no nesting is too deep."""
    waiting: list[Any] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _parse_syntax_tree(cursor: duckdb.DuckDBPyConnection, select: str) -> dict[str, Any]:
    """Return DuckDB's tree of one SELECT; whatever has none is refused."""
    query = "SELECT system.main.json_serialize_sql(?::VARCHAR)"
    text = cursor.execute(query, [select]).fetchall()[0][0]
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise QueryError("not_a_query", "The SQL is nested too deeply to be checked: make it simpler.") from None
    if not isinstance(tree, dict) or tree.get("error") or len(tree.get("statements", ())) != 1:
        raise QueryError("not_a_query", "The SQL can't be checked: send one plain SELECT statement.")
    return tree


def _find_explained(cursor: duckdb.DuckDBPyConnection, explain: str) -> str:
    """Return the statement inside EXPLAIN, which has no syntax tree of its own, if it is a SELECT."""
    match = _EXPLAIN.match(explain)
    try:
        statements = cursor.extract_statements(explain[match.end() :]) if match else []
    except duckdb.ParserException:
        statements = []
    if len(statements) != 1:
        raise QueryError("not_a_query", "EXPLAIN can't be checked: write EXPLAIN or EXPLAIN ANALYZE, and the SELECT.")
    if statements[0].type.name != "SELECT":
        raise _make_not_a_select_error(f"EXPLAIN of {statements[0].type.name}")
    return statements[0].query


class AllowedStatements:
    """Checks SQL before it runs, each text once, because dashboards repeat their queries.

    The text alone decides: the check looks at the names in it, not the objects behind the names.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Check the instance, and learn its functions.

        Raises:
            StoreError: The instance's settings allow queries too much.
        """
        require_locked(cursor)
        self._refused = list_refused_functions(cursor)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def find_statement(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Return the one statement in `sql`, without the text around it, if it may run; see `check_statement`.

        Raises:
            QueryError, duckdb.Error: It may not, or it is no SQL.
        """
        with self._lock:
            if sql in self._known:
                self._known.move_to_end(sql)
                return self._known[sql]
        statement = check_statement(cursor, sql, self._refused)
        if len(sql) <= LONGEST:
            with self._lock:
                self._known[sql] = statement
                if len(self._known) > MOST_STATEMENTS:
                    self._known.popitem(last=False)
        return statement


def refuse_setting(node: dict[str, Any]) -> None:
    """Refuse a node of a syntax tree that tells another setting, as SHOW of a name does where no table has that.

    Raises:
        QueryError: `not_a_query`.
    """
    if node.get("type") == "SHOW_REF" and node.get("show_type") == "SHOW" and not node.get("query"):
        name = str(node.get("table_name", ""))
        raise QueryError("not_a_query", f"SHOW {name} may tell a setting: write DESCRIBE {name} for a table or view.")
    if str(node.get("function_name", "")).lower() == "current_setting" and not _is_harmless(node.get("arguments")):
        raise QueryError(
            "not_a_query", f"Queries may read no setting but {', '.join(sorted(SETTINGS))}, each named by a text."
        )


def _is_harmless(arguments: Any) -> bool:
    names = [read_text(argument) for argument in arguments] if isinstance(arguments, list) else []
    return len(names) == 1 and names[0] is not None and names[0].lower() in SETTINGS


def refuse_fatal(node: dict[str, Any]) -> None:
    """Refuse a node of a syntax tree that may end the process.

    Raises:
        QueryError: `not_a_query`, naming it.
    """
    if node.get("class") == "TYPE" and str(node.get("type_name", "")).upper() == _VARIANT:
        raise _make_variant_error()
    function = str(node.get("function_name", "")).lower()
    if function.startswith("variant_") or function in _MAKING_VARIANTS:
        raise _make_variant_error()
    if function in STRUCTURED:
        _check_structure(function, node)


def _check_structure(function: str, node: dict[str, Any]) -> None:
    arguments = node.get("arguments")
    texts = [read_text(argument) for argument in arguments[1:]] if isinstance(arguments, list) else [None]
    for text in texts or [None]:
        if text is None:
            raise QueryError("not_a_query", f"Write the structure of {function}() as a text in the SQL.")
        if _VARIANT in text.upper():
            raise _make_variant_error()
        if "\\u" in text:
            raise QueryError(
                "not_a_query", f"Write the characters in the structure of {function}() themselves, without \\u."
            )
        if not _is_shallow(text):
            raise QueryError(
                "not_a_query", f"The structure of {function}() is nested deeper than {DEEPEST_STRUCTURE} levels."
            )


def read_text(argument: Any) -> str | None:
    """Return an argument's text; None if it is not a literal text."""
    expression = argument.get("expression") if isinstance(argument, dict) else None
    literal = expression.get("literal") if isinstance(expression, dict) else None
    if isinstance(literal, dict) and literal.get("kind") == "STRING" and isinstance(literal.get("text"), str):
        text: str = literal["text"]
        return text
    return None


def _is_shallow(text: str) -> bool:
    """Tell whether a JSON text is not nested too deeply; an unreadable text is so only with few brackets."""
    if text.count("[") + text.count("{") <= DEEPEST_STRUCTURE:
        return True
    try:
        return not is_deeper(orjson.loads(text), DEEPEST_STRUCTURE)
    except orjson.JSONDecodeError:
        return False


def is_deeper(value: object, levels: int) -> bool:
    """Tell whether a parsed JSON value nests lists and objects deeper than so many levels."""
    containers = [value] if isinstance(value, (dict, list)) else []
    while containers and levels:
        levels -= 1
        inner = chain.from_iterable(each.values() if isinstance(each, dict) else each for each in containers)
        containers = [each for each in inner if isinstance(each, (dict, list))]
    return bool(containers)


def _make_variant_error() -> QueryError:
    return QueryError("not_a_query", "The type VARIANT can end DuckDB's process: use JSON and its functions.")
