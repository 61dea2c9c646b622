"""Refuse SQL that tells settings of DuckDB: some of them are paths of the machine.

`current_setting` may tell those of `SETTINGS`, which are no paths, if the SQL names them by a text: the check sees no
values.
`SHOW` of one name tells the setting of that name where no table has it, so only `DESCRIBE` describes a table.
"""

from typing import Any, Final

from receiver.store.query.answers import QueryError
from receiver.store.query.fatal import read_text

SETTINGS: Final = frozenset({"calendar", "max_memory", "memory_limit", "threads", "timezone", "worker_threads"})


def refuse_setting(node: dict[str, Any]) -> None:
    """Refuse a node of a syntax tree that tells another setting.

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
