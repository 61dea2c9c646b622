"""DuckDB's words for an error, with what the user can do in place of a SET, which is refused: settings are locked."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

_OUT_OF_MEMORY = "Out of Memory Error"
_LESS = "Filter or aggregate before you sort or join, or ask on a machine with more memory."
_INSTEAD: Mapping[str, str] = {
    "error_on_division_by_zero": "",
    "lambda_syntax": "",
    "show_behavior": "",
    "table_function_identifier_conversion": "Write the text in single quotes.",
    "max_expression_depth": "Write a shorter expression, such as IN with a list in place of many conditions with OR.",
    "order_by_non_integer_literal": "Order by a column, or by its number.",
    "pivot_limit": "Name fewer values in the IN list.",
    "scalar_subquery_error_on_multiple_rows": "Aggregate its rows, or add LIMIT 1.",
    "arrow_large_buffer_size": "Ask for fewer rows, or for shorter texts and lists.",
}
"""Advice for each setting that DuckDB names; empty where the rest of its message is advice enough."""
_ADVICE = re.compile(
    rf'(?P<other>,? or "?SET (?:{"|".join(_INSTEAD)})\b[^.\n]*)'
    rf'|(?P<gap>[\n ]+)(?:\*|Use)? ?"?SET (?P<setting>{"|".join(_INSTEAD)})\b[^\n]*'
)


def describe_error(error: Exception) -> str:
    """Return what DuckDB says of an error, without advice that nobody can follow here."""
    if isinstance(error, UnicodeDecodeError):  # DuckDB has cut its message within a character
        return _replace_advice(error.object.decode(errors="replace"))
    return _replace_advice(str(error))


def describe_opening_error(path: str, error: duckdb.Error) -> str:
    """Say why a DuckDB file can't be opened, and what opens it; the sentence's subject is the file."""
    if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
        return (
            "is being written by a receiver; ask its query service instead, or copy it with `clc-receiver backup FILE`."
        )
    if Path(f"{os.path.realpath(path)}.undo").exists():  # the store's copy of what a checkpoint overwrites
        return (
            "can't be opened: its store was ended in the middle of a checkpoint; "
            "a start of the receiver, or `clc-receiver status`, undoes that."
        )
    if isinstance(error, duckdb.IOException):
        return "is damaged, or not of a version that can be read here."
    first_line = str(error).partition("\n")[0].rstrip(".")
    return f"can't be opened: {first_line}."


def _replace_advice(text: str) -> str:
    if text.startswith(_OUT_OF_MEMORY):
        return f"{text.splitlines()[0].rstrip('.')}. {_LESS}"
    return _ADVICE.sub(_choose_advice, text)


def _choose_advice(match: re.Match[str]) -> str:
    instead = _INSTEAD[match["setting"]] if match["setting"] else ""
    return f"{match['gap']}{instead}" if instead else ""
