"""The queries: one SQL file each, beside its caller; a part is left out where its parameter is None.

A query gets the senders' knowledge by calls of macros, such as `kind_of(category)`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from analytics.senders.macros import MACROS

INCLUDE = re.compile(r"^[ \t]*-- include (\w+\.sql)[ \t]*\n", re.MULTILINE)
CONDITION = re.compile(r" -- if \$(\w+)$")
PARAMETER = re.compile(r"\$(\w+)")
CALL = re.compile(rf"\b({'|'.join(MACROS)})\(")
PARTS = frozenset({"beside", "lasts", "matching", "matching_changes", "of_activity", "of_entity"})
OTHERS = frozenset({"rules", "shipped_queries", "profiles"})
"""Folders with SQL that other modules read."""


class Query(NamedTuple):
    """SQL with the values of its parameters."""

    sql: str
    parameters: dict[str, Any]


@cache
def read(name: str) -> str:
    """Return the text of `name`.sql in whatever folder; a line `-- include other.sql` is replaced by that file's lines.

    Raises:
        KeyError: there is no such file.
    """
    text = places()[name].read_text(encoding="utf-8")
    whole = INCLUDE.sub(lambda match: read(match[1].removesuffix(".sql")).rstrip("\n") + "\n", text)
    return expand(whole)


def expand(sql: str) -> str:
    """Return SQL with each macro's call replaced.

    Raises:
        ValueError: a call does not end.
    """
    call = CALL.search(sql)
    if call is None:
        return sql
    depth, end = 1, call.end()
    while depth:
        if end == len(sql):
            raise ValueError(f"The call of {call[1]} does not end.")
        depth += {"(": 1, ")": -1}.get(sql[end], 0)
        end += 1
    argument = expand(sql[call.end() : end - 1])
    return sql[: call.start()] + MACROS[call[1]](argument) + expand(sql[end:])


def query(name: str, values: Mapping[str, Any]) -> Query:
    """Return the query `name` for these values.

    A line that ends in `-- if $parameter` is left out where that parameter is None or missing, so the query reads a
    filter's column only with that filter. Values that the query does not use are left out too.

    Raises:
        KeyError: a parameter that the query needs has no value.
    """
    lines = []
    for line in read(name).splitlines():
        condition = CONDITION.search(line)
        if condition is None:
            lines.append(line)
        elif values.get(condition[1]) is not None:
            lines.append(line[: condition.start()])
    sql = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return Query(sql, {parameter: values[parameter] for parameter in sorted(set(PARAMETER.findall(sql)))})


def names() -> list[str]:
    """Return the names of all complete queries."""
    return sorted(places().keys() - PARTS)


@cache
def places() -> dict[str, Traversable]:
    """Return the queries' files by name."""
    return {file.name.removesuffix(".sql"): file for file in sql_files(files("analytics"))}


def sql_files(folder: Traversable) -> Iterator[Traversable]:
    """Yield the queries' files in a folder and its subfolders."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in OTHERS:
            yield from sql_files(entry)
        elif entry.name.endswith(".sql"):
            yield entry
