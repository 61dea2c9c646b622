"""Refuse SQL that ends DuckDB's process, or keeps it busy where no interrupt reaches it.

Each entry was tried on DuckDB 2.0.1, in a process of its own:

* A cast of JSON to VARIANT: 50,000 levels of nesting end the process by SIGSEGV, 1,000 take longer than 15 s. The cast
  is also made for every function that takes a VARIANT, and by `from_json` with that name in its structure. No column of
  the store has this type, so none of its functions is needed. `stats` returns one, to which a list or a function of
  `RETYPING` would cast without naming it.
* `json_transform` and `from_json`, also with `_strict`: a structure of 50,000 levels ends the process by SIGSEGV, one
  of 5,000 takes longer than 15 s. So it must be a text in the SQL, nested no deeper than `DEEPEST_STRUCTURE`. An escape
  in it could spell VARIANT.
"""

from itertools import chain
from typing import Any, Final

import orjson

from receiver.store.query.answers import QueryError

DEEPEST_STRUCTURE: Final = 64
STRUCTURED: Final = frozenset({"from_json", "from_json_strict", "json_transform", "json_transform_strict"})

RETYPING: Final = frozenset({"cast_to_type", "remap_struct", "replace_type"})
"""Functions that take the type of their result from an argument."""

_VARIANT: Final = "VARIANT"
_MAKING_VARIANTS: Final = RETYPING | {"stats"}


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
