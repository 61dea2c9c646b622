"""Cast to text what DuckDB's export to Arrow changes: UHUGEINT, TIME WITH TIME ZONE and BIT.

Seen with DuckDB 2.0.1: a large UHUGEINT becomes a negative number, a time loses its offset, and a BIT becomes the bytes
in which DuckDB keeps it.
"""

from typing import Any, Final

import duckdb
from duckdb.sqltypes import VARCHAR, DuckDBPyType

CHANGED: Final = frozenset({"bit", "time with time zone", "uhugeint"})
_NESTED: Final = frozenset({"array", "list", "map", "struct", "tuple", "union"})


def is_changed(kind: DuckDBPyType) -> bool:
    """Tell whether the export changes values of a type, or parts of them."""
    if kind.id not in _NESTED:
        return kind.id in CHANGED
    return any(is_changed(child) for _, child in kind.children if isinstance(child, DuckDBPyType))


def cast_changed(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return the rows with text in the places of the values that the export would change."""
    columns = zip(relation.columns, relation.types, strict=True)
    casts = [f"#{place}::{_choose_type(kind)} AS {_quote(name)}" for place, (name, kind) in enumerate(columns, 1)]
    return relation.project(", ".join(casts))


def _choose_type(kind: DuckDBPyType) -> DuckDBPyType:
    """Return a type with VARCHAR in the places that the export changes; a union or tuple of them is VARCHAR itself."""
    if not is_changed(kind):
        return kind
    if kind.id not in _NESTED - {"tuple", "union"}:
        return VARCHAR
    children: dict[str, Any] = dict(kind.children)
    if kind.id == "list":
        return duckdb.list_type(_choose_type(children["child"]))
    if kind.id == "array":
        return duckdb.array_type(_choose_type(children["child"]), children["size"])
    if kind.id == "map":
        return duckdb.map_type(_choose_type(children["key"]), _choose_type(children["value"]))
    return duckdb.struct_type({name: _choose_type(of) for name, of in children.items()})


def _quote(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
